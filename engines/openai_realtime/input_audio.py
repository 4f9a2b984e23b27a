"""Buffer the learner's audio that has no answer yet, and count all of it."""

from audio.encoding import BYTES_PER_SECOND, MAX_SECONDS

BYTES_PER_MS = BYTES_PER_SECOND // 1000
LONGEST = MAX_SECONDS * BYTES_PER_SECOND
# Kept while no speech seems to be there, since a voice may be detected late.
PREROLL = 3 * BYTES_PER_SECOND


class Hearing:
    """Hold the learner's unanswered audio.

    `speaking` means that a voice was detected and its turn is not over. The end of a session does not reset it. `sent`
    is the number of bytes sent in the provider's current session, whose own times count from there.
    """

    def __init__(self) -> None:
        self.heard = bytearray()
        self.speaking = False
        self.sent = 0
        self._given = self._quiet = 0

    def add(self, pcm: bytes, *, judged: bool) -> None:
        """Add audio. `judged` means that the provider checks it for speech.

        Audio that no session has checked is kept, since the next session has yet to detect the speech in it.
        """
        self._given += len(pcm)
        self._quiet = self._quiet + len(pcm) if judged and not self.speaking else 0
        self.heard += pcm
        most = PREROLL if self._quiet > PREROLL else LONGEST
        if len(self.heard) > most:
            del self.heard[:-most]

    def take(self) -> bytearray:
        """Return the audio of the turn, which is over, and empty the buffer."""
        self.speaking = False
        turn, self.heard = self.heard, bytearray()
        return turn

    def at_ms(self, provider_ms: int) -> int:
        """Convert the provider's time, which counts from the start of its session, to ms of the whole talk's audio."""
        at_ms = (self._given - self.sent) // BYTES_PER_MS + provider_ms
        return min(max(0, at_ms), self._given // BYTES_PER_MS)
