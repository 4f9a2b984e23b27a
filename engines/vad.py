"""Detect voice activity: when a learner starts to speak, pauses, goes on, and has ended a turn.

The model is Silero's, as faster-whisper ships it. It takes 6 ms of one core for a second of audio.
"""

import functools
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from audio.resampling import Resampler, Samples, from_pcm16
from engines.interface import SAMPLE_RATE, ListenerEvent, ShortPause, SpeechResumed, SpeechStarted, TurnEnded
from engines.packages import optional_packages

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL_RATE = 16_000
FRAME = 512  # samples for one run of the model
FRAME_MS = FRAME * 1000 // MODEL_RATE
# A frame is speech at or above the first probability, and silence below the second. Between them it is what it was.
SPEECH, SILENCE = 0.5, 0.35
SHORT_PAUSE_MS = 300
# Shorter silences belong to the sounds of speech (De Jong and Bosker, 2013).
SILENT_PAUSE_MS = 250
# Kept around the voice, because first and last sounds are often as soft as silence.
MARGIN_MS = 180

# Learners search for words. The less they know, the more time they get.
ENDPOINTING_DELAY_MS = {"A1": 1800, "A2": 1650, "B1": 1500, "B2": 1350, "C1": 1200}

_BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
_PIECE = 10_000 * _BYTES_PER_MS
_SOFT = 10 ** (-45 / 20)
# Frames for one run of the model: ten minutes at once would need hundreds of megabytes.
_AT_ONCE = 64
# Samples of the previous frame that the model needs before each frame.
_CONTEXT = 64


class VoiceActivity:
    """Estimate for each 32 ms frame how likely it is speech. Takes PCM16 at 24 kHz, in pieces of any size."""

    def __init__(self) -> None:
        self._resampler = Resampler(SAMPLE_RATE, MODEL_RATE)
        self._odd = b""
        self._pending: Samples = np.empty(0, np.float32)
        self._context: Samples = np.zeros(_CONTEXT, np.float32)
        self._state = np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)

    def feed(self, pcm: bytes) -> tuple[Samples, Samples]:
        """Return whole frames of the audio at 16 kHz, and the probability of speech for each frame."""
        pcm = self._odd + pcm
        whole = len(pcm) & ~1
        self._odd = pcm[whole:]
        pending = np.concatenate((self._pending, self._resampler.feed(from_pcm16(pcm[:whole]))))
        count = len(pending) // FRAME
        samples, self._pending = pending[: count * FRAME], pending[count * FRAME :].copy()
        frames = samples.reshape(-1, FRAME)
        chances: list[Samples] = [np.empty(0, np.float32)]
        for start in range(0, count, _AT_ONCE):
            batch = frames[start : start + _AT_ONCE]
            before = np.vstack((self._context, batch[:-1, -_CONTEXT:]))
            inputs = {"input": np.hstack((before, batch)), "h": self._state[0], "c": self._state[1]}
            speech, *state = _model().run(None, inputs)
            self._state = state[0], state[1]
            self._context = batch[-1, -_CONTEXT:].copy()
            chances.append(np.asarray(speech, np.float32).reshape(-1))
        return samples, np.concatenate(chances)


class VoiceActivityDetector:
    """Find the turns in audio that is fed as it comes.

    `pause_ms` is the silence in ms that ends a turn; with None, a turn never ends by itself. `hold` keeps the turn open
    ("let me think"). Both may be set at any time. `had_speech` is about the time since the last `reset`.
    """

    def __init__(self, pause_ms: int | None = None) -> None:
        self.pause_ms = pause_ms
        self.hold = False
        self.had_speech = False
        self._activity = VoiceActivity()
        self._frames = 0
        # The run of likely frames that does not count as speech yet.
        self._candidates: list[float] = []
        self._silent_frames = 0
        self._in_turn = self._speaking = self._paused = False

    def reset(self) -> None:
        """Begin a new turn with the next audio."""
        self.had_speech = False
        self._leave_turn()

    def feed(self, pcm: bytes) -> list[ListenerEvent]:
        """Take PCM16 at 24 kHz and return what happened in it. `at_ms` counts all audio ever fed to this detector."""
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
        count = len(self._candidates)
        # Speech is two sure frames, or three of any kind. The agent must stop 200 ms after a voice begins, and a click
        # lasts one frame.
        if count < 3 and not (count == 2 and min(self._candidates) >= 0.8):
            return []
        at_ms = (self._frames - count) * FRAME_MS
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


@dataclass(frozen=True, slots=True)
class Voiced:
    """Hold where a voice is in a recording: from `start_ms` to `stop_ms`, but for the silent pauses between."""

    start_ms: int
    stop_ms: int
    # The lengths of the pauses of at least SILENT_PAUSE_MS, in their order.
    pauses_ms: tuple[int, ...] = ()

    @property
    def speech_ms(self) -> int:
        """Return how long the voice was, without its silent pauses (phonation time)."""
        return self.stop_ms - self.start_ms - sum(self.pauses_ms)

    def cut(self, pcm: bytes) -> bytes:
        """Return PCM16 at 24 kHz without the silence before and after the voice."""
        return pcm[max(0, self.start_ms - MARGIN_MS) * _BYTES_PER_MS : (self.stop_ms + MARGIN_MS) * _BYTES_PER_MS]


def voice_in(pcm: bytes) -> Voiced | None:
    """Return where the voice is in PCM16 at 24 kHz, or None if there is no voice.

    Raises EngineError if the packages that find it are not installed.
    """
    activity, frames, voiced = VoiceActivity(), 0, list[int]()
    for piece in _pieces(pcm):
        _, chances = activity.feed(piece)
        voiced += (np.flatnonzero(chances >= SPEECH) + frames).tolist()
        frames += len(chances)
    if not voiced:
        return None
    silences = [(after - before - 1) * FRAME_MS for before, after in pairwise(voiced)]
    pauses = tuple(silence for silence in silences if silence >= SILENT_PAUSE_MS)
    return Voiced(voiced[0] * FRAME_MS, (voiced[-1] + 1) * FRAME_MS, pauses)


def is_audible(pcm: bytes | bytearray) -> bool:
    """Return whether more than 10 ms worth of samples are louder than -45 dB of full scale. This is very cheap."""
    loud = sum(np.count_nonzero(np.abs(from_pcm16(piece)) > _SOFT) for piece in _pieces(pcm))
    return bool(loud > SAMPLE_RATE // 100)


def _pieces(pcm: bytes | bytearray) -> Iterator[bytes]:
    """Yield pieces of ten seconds. Processing ten minutes at once would need ten times their memory."""
    for start in range(0, len(pcm), _PIECE):
        yield bytes(pcm[start : start + _PIECE])


def load() -> None:
    """Load the model and the resampler. Blocks. Raises EngineError if the model's packages are not installed."""
    Resampler(SAMPLE_RATE, MODEL_RATE)
    _model()


@functools.cache
def _model() -> "InferenceSession":
    """Return the model. All detectors share it, because a run leaves no state in it."""
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
