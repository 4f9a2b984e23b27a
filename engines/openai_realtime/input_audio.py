"""Buffer the learner's audio that has no answer yet."""

from audio.encoding import BYTES_PER_SECOND, MAX_SECONDS

BYTES_PER_MS = BYTES_PER_SECOND // 1000
LONGEST = MAX_SECONDS * BYTES_PER_SECOND
# Kept while no speech seems to be there, since a voice may be detected late.
PREROLL = 3 * BYTES_PER_SECOND


class UnansweredAudio:
    """Hold the learner's unanswered audio, `pcm`, and count all audio of the talk.

    `speaking` means that a voice was detected and its turn is not over. The end of a session does not reset it. `sent`
    is the number of bytes sent in the provider's current session, whose own times count from there.
    """

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.speaking = False
        self.sent = 0
        self._given = self._quiet = 0

    def add(self, pcm: bytes, *, checked: bool) -> None:
        """Add audio. `checked` means that the provider looks for speech in it.

        Audio that no session has checked is kept, because the next session has yet to detect the speech in it.
        """
        self._given += len(pcm)
        self._quiet = self._quiet + len(pcm) if checked and not self.speaking else 0
        self.pcm += pcm
        most = PREROLL if self._quiet > PREROLL else LONGEST
        if len(self.pcm) > most:
            del self.pcm[:-most]

    def take(self) -> bytearray:
        """Return the audio of the turn, which is over, and empty the buffer."""
        self.speaking = False
        turn, self.pcm = self.pcm, bytearray()
        return turn

    def at_ms(self, provider_ms: int) -> int:
        """Convert the provider's time, which counts from the start of its session, to ms of the whole talk's audio."""
        at_ms = (self._given - self.sent) // BYTES_PER_MS + provider_ms
        return min(max(0, at_ms), self._given // BYTES_PER_MS)
