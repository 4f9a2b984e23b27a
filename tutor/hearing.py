"""The learner's sound as it comes: how much there was, the last of it that belongs to no turn yet, and the voice in it."""

import contextlib
from dataclasses import replace

from audio.encoding import BYTES_PER_SECOND
from tutor.engines.base import EngineError, ListenerEvent
from tutor.listening import Listener, is_audible
from tutor.turn import Turn, bytes_of

SLICE = BYTES_PER_SECOND // 25  # 40 ms: a large piece is listened to in slices, so that nobody else waits for it
LONG_PREROLL_MS = 3000  # whoever listens for turns may tell late
PREROLL_MS = 400  # a voice is made out up to 100 ms after it began, and its first sound may be soft


class Hearing:
    """PCM16 24 kHz. Moments are milliseconds of all the sound of the connection."""

    def __init__(self) -> None:
        self._received = 0  # bytes
        self._preroll = bytearray()
        self._audible: Turn | None = None
        self._listener: Listener | None = None  # None where nothing can tell a voice from silence
        self._listened_from_ms = 0

    @property
    def position_ms(self) -> int:
        """Where the sound is that comes next."""
        return self._received * 1000 // BYTES_PER_SECOND

    def add(self, turn: Turn, pcm: bytes) -> None:
        """The next sound; it is part of this turn."""
        self._received += len(pcm)
        turn.pcm += pcm
        if self._audible is not turn and is_audible(pcm):
            self._audible = turn

    def pass_by(self, pcm: bytes, *, told_late: bool) -> None:
        """The next sound, of nobody's turn; `told_late`: a turn may be found to have begun long before."""
        self._received += len(pcm)
        self._preroll = (self._preroll + pcm)[-bytes_of(LONG_PREROLL_MS if told_late else PREROLL_MS) :]

    @property
    def preroll(self) -> bytes:
        """The last sound of nobody's turn."""
        return bytes(self._preroll)

    def turn_from(self, at_ms: int, item_id: str) -> Turn:
        """A turn whose voice began at this moment, with as much of what was passed by as may belong to it."""
        pcm = self._preroll[-bytes_of(self.position_ms - at_ms + PREROLL_MS) :]
        self._preroll = bytearray()
        return Turn(self._before(pcm), item_id=item_id, pcm=bytearray(pcm))

    def is_audible(self, turn: Turn) -> bool:
        """Is there any sound in the turn? As a rule that was found while it came."""
        return self._audible is turn or is_audible(turn.pcm)

    # The voice in it

    @property
    def listens(self) -> bool:
        return self._listener is not None

    def listen(self) -> None:
        """From now on, with a listener of our own, where its packages are."""
        with contextlib.suppress(EngineError):
            self._listener, self._listened_from_ms = Listener(), self.position_ms

    def end_turns_after(self, pause_ms: int | None, *, hold: bool) -> None:
        """`pause_ms`: None where the learner says so; `hold`: no pause ends a turn."""
        if self._listener:
            self._listener.pause_ms, self._listener.hold = pause_ms, hold

    def found_in(self, pcm: bytes) -> list[ListenerEvent]:
        """What happened in sound that has been received."""
        if self._listener is None:
            return []
        from_ms = self._listened_from_ms
        return [replace(happened, at_ms=happened.at_ms + from_ms) for happened in self._listener.feed(pcm)]

    def found_again_in(self, pcm: bytes) -> list[ListenerEvent]:
        """What happened in the latest sound, which a new listener has yet to hear."""
        self._listened_from_ms = self._before(pcm)
        return self.found_in(pcm)

    def forget_voice(self) -> None:
        """A new turn begins with what comes next."""
        if self._listener:
            self._listener.reset()

    def _before(self, pcm: bytes | bytearray) -> int:
        return self.position_ms - len(pcm) * 1000 // BYTES_PER_SECOND
