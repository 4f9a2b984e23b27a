"""Transcribe the audio of a turn while it grows. All calls here block: run them in `EXECUTOR`."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from audio.resampling import Samples
from engines.interface import SAMPLE_RATE, is_live
from engines.local import whisper_models
from engines.local.ears import Ears
from engines.vad import FRAME, FRAME_MS, SHORT_PAUSE_MS, SILENCE, SPEECH, VoiceActivity
from tutor.transcripts import Transcript, joined

# Two learners at once, not more: on two cores a third would only slow both down.
EXECUTOR = ThreadPoolExecutor(2, thread_name_prefix="transcriber")
# Audio that came in one long piece has its own thread, so the model alternates between its pieces and those of a live
# talk.
LONG_EXECUTOR = ThreadPoolExecutor(1, thread_name_prefix="transcriber-long")
LONG_S = 30

# In frames of voice activity:
# Whisper at times stops after the first sentence of a longer piece with pauses in it.
_LONGEST = 10_500 // FRAME_MS
# A piece of this length that ended in a pause is not decoded again when the learner goes on.
_CLOSES_AFTER = 5_000 // FRAME_MS
_PAUSE = SHORT_PAUSE_MS // FRAME_MS
# Bytes of audio between two checks of the stop event.
_BLOCK = 10 * 2 * SAMPLE_RATE
# Frames around speech, because its first and last sounds are often too soft to count as voice.
_MARGIN = 9
# Fewer frames are a click.
_VOICED = 3
_SPLITTABLE = 3_000 // FRAME_MS
# For each second of voice. If there are fewer, Whisper has left something out.
_FEWEST_CHARS_A_SECOND = 4

_lock = threading.Lock()


class TurnTranscription:
    """Transcribe the audio of one turn while it still grows. Use it from one thread at a time.

    Without `ears`, it uses those of the process (`load`).
    """

    def __init__(self, ears: Ears | None = None) -> None:
        self._ears = ears
        self._activity = VoiceActivity()
        self._pending = bytearray()
        self._closed: list[Transcript] = []
        # The part that is not closed: its samples here, its frames below.
        self._samples: Samples = np.empty(0, np.float32)
        self._chances: Samples = np.empty(0, np.float32)
        self._decoded_until = 0  # frames
        self._heard = Transcript("")

    def transcribe(self, pcm: bytes, stop: threading.Event) -> Transcript:
        """Transcribe all audio so far, of which `pcm` (PCM16 24 kHz) is new.

        When `stop` is set, it returns at the next piece with the transcript so far. The work done is kept either way.
        """
        self._pending += pcm
        while self._pending and not stop.is_set():
            samples, chances = self._activity.feed(bytes(self._pending[:_BLOCK]))
            del self._pending[:_BLOCK]
            self._samples = np.concatenate((self._samples, samples))
            self._chances = np.concatenate((self._chances, chances))
            if self._may_close():
                self._close(self._decoded_until)
            while (span := self._span()) and span[1] - span[0] > _LONGEST and not stop.is_set():
                cut = quietest(self._chances, span[0] + _LONGEST // 3, span[0] + _LONGEST)
                self._heard = self._decode(span[0], cut)
                self._close(cut)
        if (span := self._span()) and span[1] != self._decoded_until and not stop.is_set():
            self._heard, self._decoded_until = self._decode(span[0], span[1] + _MARGIN), span[1]
        return joined([*self._closed, self._heard])

    def _span(self) -> tuple[int, int] | None:
        """Return the frames from a little before the first speech of the open part to the end of its last speech."""
        runs = speech_runs(self._chances)
        return (max(0, runs[0][0] - _MARGIN), runs[-1][1]) if runs else None

    def _may_close(self) -> bool:
        """Return whether later audio cannot change the decoded part: it is long, ended in a pause and is a sentence."""
        return (
            self._decoded_until >= _CLOSES_AFTER
            and self._heard.text.endswith((".", "?", "!"))
            and not self._heard.text.endswith("..")
            and any(end == self._decoded_until for _, end in speech_runs(self._chances)[:-1])
        )

    def _close(self, end: int) -> None:
        self._closed.append(self._heard)
        self._samples, self._chances = self._samples[end * FRAME :], self._chances[end:]
        self._decoded_until, self._heard = 0, Transcript("")

    def _decode(self, start: int, end: int) -> Transcript:
        """Transcribe the audio between two frames, in two parts if the text is too short for so much voice."""
        heard = (self._ears or load()).transcribe(self._samples[start * FRAME : end * FRAME])
        voice_s = np.count_nonzero(self._chances[start:end] >= SPEECH) * FRAME_MS / 1000
        is_whole = (heard.doubt and not heard.text) or len(heard.text) >= voice_s * _FEWEST_CHARS_A_SECOND
        if end - start < _SPLITTABLE or is_whole:
            return heard
        cut = quietest(self._chances, start + (end - start) // 4, end - (end - start) // 4)
        return joined([self._decode(start, cut), self._decode(cut, end)])


def speech_runs(chances: Samples) -> list[tuple[int, int]]:
    """Return the runs of speech as (start, end) in frames, from each frame's probability of speech.

    A gap of less than a short pause does not split a run. A run of fewer than _VOICED frames is dropped.
    """
    runs: list[tuple[int, int]] = []
    speaking = False
    for frame, chance in enumerate(chances):
        speaking = bool(chance >= (SILENCE if speaking else SPEECH))
        if not speaking:
            continue
        if runs and frame - runs[-1][1] < _PAUSE:
            runs[-1] = runs[-1][0], frame + 1
        else:
            runs.append((frame, frame + 1))
    return [(start, end) for start, end in runs if end - start >= _VOICED]


def quietest(chances: Samples, start: int, end: int) -> int:
    """Return the frame in the middle of the quietest third of a second, the best place to cut long speech."""
    smooth = np.convolve(chances[start:end], np.ones(_PAUSE), mode="same")
    return start + _PAUSE + int(np.argmin(smooth[_PAUSE:-_PAUSE]))


def executor_for(pcm: bytes) -> ThreadPoolExecutor:
    """Return the executor for this much new audio, so that no talk waits for minutes that were recorded elsewhere."""
    return LONG_EXECUTOR if len(pcm) > LONG_S * 2 * SAMPLE_RATE and not is_live.get() else EXECUTOR


def load() -> Ears:
    """Return the models, loaded once for the whole process (1.5 s), with their slow first run done."""
    with _lock:
        return _ears()


@cache
def _ears() -> Ears:
    second = whisper_models.second()
    ears = Ears(
        # Two turns at once take 1.5 times as long as one with two workers, and twice as long with one.
        whisper_models.load(whisper_models.first(), workers=2),
        # Few turns need the second model at the same time.
        whisper_models.load(second, workers=1) if second else None,
    )
    ears.warm()
    return ears
