"""The learner's sound: what of it nobody has answered yet, and how much there was."""

from audio.encoding import BYTES_PER_SECOND, MAX_SECONDS

BYTES_PER_MS = BYTES_PER_SECOND // 1000
LONGEST = MAX_SECONDS * BYTES_PER_SECOND
PREROLL = 3 * BYTES_PER_SECOND  # of what nobody seems to speak in; a voice may be made out late


class Hearing:
    """`speaking`: a voice has been found, whose turn is not over; a session that ends takes nothing of it away. `sent`: bytes to
    the provider's present session, which counts them from there."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.speaking = False
        self.sent = 0
        self._given = self._quiet = 0

    def add(self, pcm: bytes, *, judged: bool) -> None:
        """`judged`: by the provider, which tells when somebody speaks. A new session has yet to find what was said before."""
        self._given += len(pcm)
        self._quiet = self._quiet + len(pcm) if judged and not self.speaking else 0
        self.heard += pcm
        most = PREROLL if self._quiet > PREROLL else LONGEST
        if len(self.heard) > most:
            del self.heard[:-most]

    def take(self) -> bytearray:
        """The turn, which is over."""
        self.speaking = False
        turn, self.heard = self.heard, bytearray()
        return turn

    def at_ms(self, provider_ms: int) -> int:
        """Of all the sound of the talk, for what the provider counts from the beginning of its session."""
        at_ms = (self._given - self.sent) // BYTES_PER_MS + provider_ms
        return min(max(0, at_ms), self._given // BYTES_PER_MS)
