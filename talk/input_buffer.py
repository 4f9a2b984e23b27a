"""Buffer the learner's sound as it comes: count it, keep the latest part outside a turn, and detect the voice in it."""

import contextlib
from dataclasses import replace

from audio.encoding import BYTES_PER_SECOND
from engines.interface import ListenerEvent
from engines.vad import VoiceActivityDetector, is_audible
from talk.turn import Turn, bytes_of
from tutor.domain import EngineError

# The pre-roll for turn detection that may report the start of a turn late.
LONG_PREROLL_MS = 3000
# A voice is detected up to 100 ms after it began, and its first sound may be soft.
PREROLL_MS = 400


class InputAudioBuffer:
    """Buffer PCM16 24 kHz. Moments are in milliseconds of all the sound of the connection."""

    def __init__(self) -> None:
        self._received = 0  # bytes
        self._preroll = bytearray()
        # The latest turn that is known to have audible sound.
        self._audible: Turn | None = None
        # None while voice activity detection is not available.
        self._listener: VoiceActivityDetector | None = None
        self._listened_from_ms = 0

    @property
    def position_ms(self) -> int:
        """Return the position of the next sound, in milliseconds."""
        return self._received * 1000 // BYTES_PER_SECOND

    def add(self, turn: Turn, pcm: bytes) -> None:
        """Add the next sound to this turn."""
        self._received += len(pcm)
        turn.pcm += pcm
        if self._audible is not turn and is_audible(pcm):
            self._audible = turn

    def pass_by(self, pcm: bytes, *, long_preroll: bool) -> None:
        """Buffer audio outside a turn. With `long_preroll`, keep more, for turns that are reported late."""
        self._received += len(pcm)
        self._preroll = (self._preroll + pcm)[-bytes_of(LONG_PREROLL_MS if long_preroll else PREROLL_MS) :]

    @property
    def preroll(self) -> bytes:
        """Return the latest audio outside a turn."""
        return bytes(self._preroll)

    def turn_from(self, at_ms: int) -> Turn:
        """Return a new turn whose voice began at this moment, with the buffered audio from PREROLL_MS before it on."""
        pcm = self._preroll[-bytes_of(self.position_ms - at_ms + PREROLL_MS) :]
        self._preroll = bytearray()
        return Turn(self._before(pcm), pcm=bytearray(pcm))

    def passed_by_since(self, at_ms: int) -> bytes:
        """Return the audio outside a turn from this moment on, as far as it is still buffered."""
        return bytes(self._preroll[-bytes_of(self.position_ms - at_ms) :])

    def is_audible(self, turn: Turn) -> bool:
        """Return whether the turn has any audible sound. This is usually known from when the sound came."""
        return self._audible is turn or is_audible(turn.pcm)

    # The voice in it

    @property
    def listens(self) -> bool:
        return self._listener is not None

    def listen(self) -> None:
        """Start our own voice activity detector, if its packages are installed."""
        with contextlib.suppress(EngineError):
            self._listener, self._listened_from_ms = VoiceActivityDetector(), self.position_ms

    def end_turns_after(self, pause_ms: int | None, *, hold: bool) -> None:
        """Set the pause that ends a turn. With None the learner ends it by hand. With `hold`, no pause ends it."""
        if self._listener:
            self._listener.pause_ms, self._listener.hold = pause_ms, hold

    def found_in(self, pcm: bytes) -> list[ListenerEvent]:
        """Return the events in sound that has just been received."""
        if self._listener is None:
            return []
        from_ms = self._listened_from_ms
        return [replace(happened, at_ms=happened.at_ms + from_ms) for happened in self._listener.feed(pcm)]

    def found_again_in(self, pcm: bytes) -> list[ListenerEvent]:
        """Return the events in the latest sound, for a detector that was started after it."""
        self._listened_from_ms = self._before(pcm)
        return self.found_in(pcm)

    def forget_voice(self) -> None:
        """Reset the voice activity detector, so that the next voice begins a new turn."""
        if self._listener:
            self._listener.reset()

    def _before(self, pcm: bytes | bytearray) -> int:
        return self.position_ms - len(pcm) * 1000 // BYTES_PER_SECOND
