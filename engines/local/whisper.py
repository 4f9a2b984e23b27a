"""Run one Whisper model on the CPU: encode audio, and guess its words. All calls here block."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from audio.resampling import Samples
from engines.local.loops import without_loops
from engines.vad import MODEL_RATE
from tutor.domain import EngineError

if TYPE_CHECKING:
    from ctranslate2 import StorageView
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

# Whisper was trained on 30 s of audio. It is as good on less if there is silence before and after the speech. A clip of
# 3 s takes 0.14 s in a window of 12 s, and 0.37 s in one of 30 s.
WINDOW_S = 12
# Without this silence at the beginning, "ill-disposed" and "they lives" are misheard.
LEAD_S = 0.3

# A guess of fewer tokens is filled up with certain ones. Without those, a single word would be in doubt however clear
# it is.
SHORT_TOKENS = 6
_ENGLISH = "<|en|>"
_MEL_FRAMES = WINDOW_S * 100

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Guess:
    text: str
    tokens: list[int]
    likelihood: float  # mean log probability of a token
    no_speech: float

    @property
    def confidence(self) -> float:
        """Return the mean log probability of a token, or of SHORT_TOKENS tokens if there are fewer."""
        return self.likelihood * min(1.0, len(self.tokens) / SHORT_TOKENS)

    @property
    def is_loop(self) -> bool:
        return without_loops(self.text) != self.text


class Whisper:
    def __init__(self, model: "WhisperModel", tokenizer: "Tokenizer") -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._prompt = model.get_prompt(tokenizer, [], without_timestamps=True)

    def encode(self, samples: Samples) -> "StorageView":
        """Encode at most 11.7 s of audio at 16 kHz."""
        lead = np.zeros(int(LEAD_S * MODEL_RATE), np.float32)
        window = np.concatenate((lead, samples))[: WINDOW_S * MODEL_RATE]
        window = np.pad(window, (0, WINDOW_S * MODEL_RATE - len(window)))
        features = self._model.feature_extractor(window, padding=0)[:, :_MEL_FRAMES]
        return _run(lambda: self._model.encode(features))

    def guesses(self, encoded: "StorageView", *, seconds: float, beam: int) -> list[Guess]:
        """Return the `beam` best guesses at the words of audio of this length, the best one first."""
        found = _run(
            lambda: self._model.model.generate(
                encoded,
                [self._prompt],
                beam_size=beam,
                num_hypotheses=beam,
                # More than ten tokens a second is a loop.
                max_length=min(224, 20 + int(10 * seconds)),
                return_scores=True,
                return_no_speech_prob=True,
            )[0]
        )
        return [
            Guess(self._tokenizer.decode(tokens).strip(), tokens, likelihood, found.no_speech_prob)
            for tokens, likelihood in zip(found.sequences_ids, found.scores, strict=True)
        ]

    def chance_of_english(self, encoded: "StorageView") -> float:
        """Return the probability that the language is English. Only a model of many languages estimates it."""
        return float(dict(_run(lambda: self._model.model.detect_language(encoded)[0])).get(_ENGLISH, 0.0))

    def word_chances(self, encoded: "StorageView", guess: Guess) -> list[tuple[int, int, float]]:
        """Return (start, end, probability of the least likely token) for each word of the guess, in characters."""
        start = self._tokenizer.sot_sequence
        aligned = _run(lambda: self._model.model.align(encoded, start, [guess.tokens], _MEL_FRAMES)[0])
        words, tokens = self._tokenizer.split_to_word_tokens([*guess.tokens, self._tokenizer.eot])
        found, at, number = list[tuple[int, int, float]](), 0, 0
        for word, its_tokens in zip(words, tokens, strict=True):
            chances = aligned.text_token_probs[number : number + len(its_tokens)]
            number += len(its_tokens)
            begin = guess.text.find(word.strip(), at)
            if not chances or begin < 0 or not any(map(str.isalnum, word)):
                continue
            at = begin + len(word.strip())
            found.append((begin, at, float(min(chances))))
        return found


def _run(work: Callable[[], _Result]) -> _Result:
    try:
        return work()
    # CTranslate2 raises this for any failure.
    except RuntimeError as error:
        raise EngineError(f"What was said could not be transcribed: {error}", retryable=True) from error
