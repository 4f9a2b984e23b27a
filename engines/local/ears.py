"""Transcribe a piece of speech with one Whisper model, and with a second one where the first is not sure.

The thresholds were chosen on recordings of real learners and of other languages. `bench/words.py` measures them on others
(docs/benchmarks.md).
"""

from typing import TYPE_CHECKING

import numpy as np

from audio.resampling import Samples
from engines.local.consensus import consensus, differing, disagreement
from engines.local.loops import without_loops
from engines.local.whisper import Guess, Whisper
from engines.vad import MODEL_RATE, VoiceActivity
from tutor.transcripts import SURE_WORD, Doubt, Transcript, in_doubt
from tutor.utterances import is_backchannel, is_unfinished

if TYPE_CHECKING:
    from ctranslate2 import StorageView

# Thresholds for sound that voice activity detection takes for speech, but Whisper does not: a cough, a laugh, a
# television.
NO_SPEECH, UNLIKELY = 0.6, -1.0

# The confidence from which a first guess is taken without a second opinion. Clear speech has -0.04 to -0.3.
CLEAR = -0.3
# Below this confidence of one model, and of two, the learner is asked again.
SURE_ALONE, SURE_TOGETHER = -0.6, -0.71
# How much the confidence of two models falls if all of their words differ.
_DISAGREEMENT = 0.25

# Words of a turn in doubt are invented if the first model hardly hears speech in it, if both models write different words
# with a confidence below INVENTED, or, with one model, if half of the words are improbable.
MAYBE_NO_SPEECH, DIFFERENT_WORDS, INVENTED = 0.28, 0.6, -0.8
_IMPROBABLE_WORD, _IMPROBABLE_SHARE = 0.5, 0.5
# A last word that is less probable may complete a sentence that the speaker left open. Others have 0.7 to 1.
_INVENTED_END = 0.6
# In a guess of fewer words a share of them means little.
_FEW_WORDS = 4
# Such words were not English if the second model gives English a lower probability, or, with one model, below this
# confidence. It translates some languages, so its own confidence says nothing.
ENGLISH, NOT_ENGLISH = 0.25, -1.0
BEAM = 5


class Ears:
    """Hold one or two models. The second one has to be multilingual."""

    def __init__(self, first: Whisper, second: Whisper | None = None) -> None:
        self._first, self._second = first, second

    def transcribe(self, samples: Samples) -> Transcript:
        """Transcribe at most 11.5 s of audio at 16 kHz that contains speech."""
        seconds = len(samples) / MODEL_RATE
        encoded = self._first.encode(samples)
        (guess,) = self._first.guesses(encoded, seconds=seconds, beam=1)
        if guess.no_speech > NO_SPEECH and guess.likelihood < UNLIKELY:
            return Transcript("")
        text = without_loops(guess.text)
        if not text or (not guess.is_loop and guess.confidence >= CLEAR) or is_backchannel(text):
            return Transcript(text, guess.confidence, invented_end=self._may_invent_end(encoded, guess))
        guesses = self._first.guesses(encoded, seconds=seconds, beam=BEAM)
        if self._second is None:
            return self._judged_alone(encoded, guess, guesses[0])
        return _judged_together(self._second, samples, guess, guesses)

    def warm(self) -> None:
        silence = np.zeros(MODEL_RATE, np.float32)
        VoiceActivity().feed(bytes(MODEL_RATE))
        for model in (self._first, self._second):
            if model:
                model.guesses(model.encode(silence), seconds=1, beam=1)

    def _may_invent_end(self, encoded: "StorageView", guess: Guess) -> bool:
        """Return whether the sentence is unfinished without its last word, and that word is improbable."""
        if not is_unfinished(guess.text.rpartition(" ")[0]):
            return False
        chances = self._first.word_chances(encoded, guess)
        return bool(chances) and chances[-1][2] < _INVENTED_END

    def _judged_alone(self, encoded: "StorageView", guess: Guess, best: Guess) -> Transcript:
        """Judge by the probability of the first guess. `best` is the best one of a wider search."""
        if guess.confidence >= SURE_ALONE and not (guess.is_loop or best.is_loop):
            return Transcript(best.text, guess.confidence)
        text, is_foreign = without_loops(best.text), guess.confidence < NOT_ENGLISH or _hears_little(guess)
        chances = self._first.word_chances(encoded, best)
        improbable = sum(chance < _IMPROBABLE_WORD for _, _, chance in chances)
        is_invented = len(chances) >= _FEW_WORDS and improbable >= _IMPROBABLE_SHARE * len(chances)
        if is_foreign or is_invented or not text:
            return Transcript("", guess.confidence, Doubt.NOT_ENGLISH if is_foreign else Doubt.MISHEARD)
        unsure = [(start, end) for start, end, chance in chances if chance < SURE_WORD] if text == best.text else []
        return in_doubt(text, guess.confidence, unsure)


def _hears_little(guess: Guess) -> bool:
    return guess.is_loop or guess.no_speech > MAYBE_NO_SPEECH


def _judged_together(second: Whisper, samples: Samples, guess: Guess, guesses: list[Guess]) -> Transcript:
    """Judge by the probability of both models' guesses and by how much these differ."""
    encoded = second.encode(samples)
    others = second.guesses(encoded, seconds=len(samples) / MODEL_RATE, beam=BEAM)
    differ = disagreement(guess.text, others[0].text)
    confidence = (guess.confidence + others[0].confidence) / 2 - _DISAGREEMENT * differ
    text = without_loops(consensus(guesses, others))
    other = others[0].text if text in {each.text for each in guesses} else guesses[0].text
    unsure = differing(text, other)
    if text and confidence >= SURE_TOGETHER:
        return Transcript(text, confidence, unsure=tuple(unsure))
    is_foreign = second.chance_of_english(encoded) < ENGLISH
    is_invented = _hears_little(guess) or (differ >= DIFFERENT_WORDS and confidence < INVENTED)
    if is_foreign or is_invented or not text:
        return Transcript("", confidence, Doubt.NOT_ENGLISH if is_foreign else Doubt.MISHEARD)
    return in_doubt(text, confidence, unsure)
