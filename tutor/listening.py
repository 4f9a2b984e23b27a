"""Voice activity: when somebody starts to speak, pauses, goes on, and has ended a turn.

The model is Silero's, as faster-whisper ships it: 6 ms of one core for a second of sound.
"""

import functools
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tutor.engines.base import (
    SAMPLE_RATE,
    EngineError,
    ListenerEvent,
    ShortPause,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from tutor.packages import optional_packages
from tutor.resampling import Resampler, Samples, from_pcm16

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL_RATE = 16_000
FRAME = 512  # samples the model judges at a time
FRAME_MS = FRAME * 1000 // MODEL_RATE
SPEECH, SILENCE = (
    0.5,
    0.35,
)  # at or above the one it is speech, below the other silence; between them what it was before
SHORT_PAUSE_MS = 300
MARGIN_MS = 180  # kept around the voice: first and last sounds are often too soft to be told from silence

# Learners look for words; the less they know, the longer they may.
PAUSE_MS = {"A1": 1800, "A2": 1650, "B1": 1500, "B2": 1350, "C1": 1200}

_BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
_SOFT = 10 ** (-45 / 20)
_AT_ONCE = 64  # frames: ten minutes at once would need hundreds of megabytes
_CONTEXT = 64  # samples of the previous frame that the model wants before each frame


class VoiceActivity:
    """How likely each 32 ms frame is speech, of PCM16 24 kHz sound fed in pieces of any size."""

    def __init__(self) -> None:
        self._resampler = Resampler(SAMPLE_RATE, MODEL_RATE)
        self._odd = b""
        self._pending: Samples = np.empty(0, np.float32)
        self._context: Samples = np.zeros(_CONTEXT, np.float32)
        self._state = np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)

    def feed(self, pcm: bytes) -> tuple[Samples, Samples]:
        """The sound at 16 kHz, whole frames only, and the probability of speech for each frame."""
        pcm = self._odd + pcm
        whole = len(pcm) & ~1
        self._odd = pcm[whole:]
        pending = np.concatenate((self._pending, self._resampler.feed(from_pcm16(pcm[:whole]))))
        count = len(pending) // FRAME
        samples, self._pending = pending[: count * FRAME], pending[count * FRAME :].copy()
        frames = samples.reshape(-1, FRAME)
        chances = [self._judge(frames[start : start + _AT_ONCE]) for start in range(0, count, _AT_ONCE)]
        return samples, np.concatenate(chances) if chances else np.empty(0, np.float32)

    def _judge(self, frames: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Samples:
        before = np.vstack((self._context, frames[:-1, -_CONTEXT:]))
        inputs = {"input": np.hstack((before, frames)), "h": self._state[0], "c": self._state[1]}
        speech, *state = _model().run(None, inputs)
        self._state = state[0], state[1]
        self._context = frames[-1, -_CONTEXT:].copy()
        return np.asarray(speech, np.float32).reshape(-1)


class Listener:
    """Finds the turns in sound fed as it comes. `pause_ms` (None: a turn never ends by itself) and `hold` (keeps the turn
    open: "let me think") may be set at any time; `had_speech` tells of the time since the last `reset`."""

    def __init__(self, pause_ms: int | None = None) -> None:
        self.pause_ms = pause_ms
        self.hold = False
        self.had_speech = False
        self._activity = VoiceActivity()
        self._frames = 0
        self._candidates: list[float] = []  # the run of likely frames that is not yet taken for speech
        self._silent_frames = 0
        self._in_turn = self._speaking = self._paused = False

    def reset(self) -> None:
        """A new turn begins with what is fed next."""
        self.had_speech = False
        self._leave_turn()

    def feed(self, pcm: bytes) -> list[ListenerEvent]:
        """PCM16 24 kHz; what happened in it. `at_ms` counts all sound ever fed to this listener."""
        _, chances = self._activity.feed(pcm)
        return [event for chance in chances for event in self._hear_frame(float(chance))]

    def _hear_frame(self, chance: float) -> list[ListenerEvent]:
        self._frames += 1
        if self._speaking and chance >= SILENCE:
            return []
        if self._speaking:
            self._speaking, self._silent_frames = False, 0
        self._silent_frames += 1
        if chance < SPEECH:
            self._candidates.clear()
            return self._hear_silence()
        self._candidates.append(chance)
        return self._hear_voice() if _is_speech(self._candidates) else []

    def _hear_voice(self) -> list[ListenerEvent]:
        at_ms = (self._frames - len(self._candidates)) * FRAME_MS
        was_in_turn, was_paused = self._in_turn, self._paused
        self._candidates.clear()
        self.had_speech = self._in_turn = self._speaking = True
        self._paused = False
        if not was_in_turn:
            return [SpeechStarted(at_ms)]
        return [SpeechResumed(at_ms)] if was_paused else []

    def _hear_silence(self) -> list[ListenerEvent]:
        if not self._in_turn:
            return []
        silent_ms, at_ms = self._silent_frames * FRAME_MS, self._frames * FRAME_MS
        events: list[ListenerEvent] = []
        if silent_ms >= SHORT_PAUSE_MS and not self._paused:
            self._paused = True
            events.append(ShortPause(at_ms))
        if self.pause_ms is not None and not self.hold and silent_ms >= self.pause_ms:
            self._leave_turn()
            events.append(TurnEnded(at_ms))
        return events

    def _leave_turn(self) -> None:
        self._in_turn = self._speaking = self._paused = False
        self._silent_frames = 0
        self._candidates.clear()


def without_silence(pcm: bytes) -> bytes:
    """PCM16 24 kHz without what is before and after the voice; whole where none is made out, or nothing can make it out."""
    try:
        _, chances = VoiceActivity().feed(pcm)
    except EngineError:
        return pcm
    voiced = np.flatnonzero(chances >= SPEECH)
    if not len(voiced):
        return pcm
    start, stop = int(voiced[0]) * FRAME_MS - MARGIN_MS, (int(voiced[-1]) + 1) * FRAME_MS + MARGIN_MS
    return pcm[max(0, start) * _BYTES_PER_MS : stop * _BYTES_PER_MS]


def is_audible(pcm: bytes | bytearray) -> bool:
    """Is there any sound above -45 dB of full scale for a tenth of a second? It costs next to nothing."""
    loud = np.abs(from_pcm16(bytes(pcm))) > _SOFT
    return bool(np.count_nonzero(loud) > SAMPLE_RATE // 100)


def load() -> None:
    """Load the model; it blocks. Raises EngineError if its packages are not installed."""
    _model()


def _is_speech(chances: list[float]) -> bool:
    """Two sure frames or three likely ones: the agent must stop 200 ms after a voice, and a click lasts one frame."""
    return len(chances) >= 3 or (len(chances) == 2 and min(chances) >= 0.8)


@functools.cache
def _model() -> "InferenceSession":
    """Shared by all listeners: a run keeps nothing in the model."""
    with optional_packages():
        import onnxruntime

        package = importlib.util.find_spec("faster_whisper")
        if package is None or not package.submodule_search_locations:
            raise ModuleNotFoundError(name="faster_whisper")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    path = next(Path(package.submodule_search_locations[0], "assets").glob("silero_vad*.onnx"))
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
