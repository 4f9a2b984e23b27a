"""Decide which of two words a recording sounds more like.

PocketSphinx (Carnegie Mellon University) compares the sound with the phonemes of both words. It does not know which word is
likelier, so it does not put right what a learner says, as models for dictation do. It takes 30 MB of memory, and 0.1 to
0.2 s for a word. All calls here block: run them in `THREAD`.
"""

import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from audio.resampling import Samples, from_pcm16, resample, to_pcm16
from core.threads import Threads
from engines.interface import SAMPLE_RATE
from engines.packages import optional_packages
from tutor.domain import EngineError

if TYPE_CHECKING:
    from pocketsphinx import Decoder

# The decoder can be used by one thread at a time.
THREAD = Threads(1, "forced-choice")
_RATE = 16_000
# Seconds of near silence around the voice, from which the decoder learns how the background sounds.
_AROUND_S = 0.3
# Of full scale. Digital silence has no logarithm.
_BACKGROUND = 1e-3

# A smaller margin says nothing: of 1,845 recordings in synthetic voices, 15 % were below it, and half of all that were wrong.
SURE = 0.02


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold the word that fits better, and by how much: the difference of the scaled log likelihoods. Clear words have 0.05."""

    word: str
    margin: float

    @property
    def is_sure(self) -> bool:
        return self.margin >= SURE


def is_installed() -> bool:
    return importlib.util.find_spec("pocketsphinx") is not None


def choose(pcm: bytes, words: tuple[str, str]) -> Choice:
    """Return which word the voice in PCM16 at 24 kHz sounds more like. Raises EngineError."""
    sound = _framed(resample(from_pcm16(pcm), SAMPLE_RATE, _RATE))
    first, second = (_likelihood(sound, word) for word in words)
    # A recording that fits only one of two similar words is a strange one.
    margin = abs(first - second) if math.isfinite(first) and math.isfinite(second) else 0.0
    return Choice(words[0] if first >= second else words[1], margin)


def _framed(samples: Samples) -> bytes:
    """Return PCM16 with near silence before and after the samples. It is always the same, so the same sound is heard alike."""
    background = np.random.default_rng(0).normal(0, _BACKGROUND, int(_AROUND_S * _RATE)).astype(np.float32)
    return to_pcm16(np.concatenate((background, samples, background)))


def _likelihood(sound: bytes, word: str) -> float:
    decoder = _decoder_for(word.lower())
    decoder.start_utt()
    # As a whole, so that the loudness and the microphone are allowed for at once, and nothing is left from the word before.
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    # The decoder has given all ways to say the word up. A score of 0 is one that is too small for a number.
    return math.log(found.score) if found and found.score > 0 else -math.inf


@cache
def _decoder() -> "Decoder":
    """Return the decoder, loaded once for the whole process (0.6 s)."""
    with optional_packages():
        import pocketsphinx
    pocketsphinx.set_loglevel("FATAL")
    folder = pocketsphinx.get_model_path("en-us")
    try:
        return pocketsphinx.Decoder(
            hmm=f"{folder}/en-us",
            dict=f"{folder}/cmudict-en-us.dict",
            lm=None,
            cmn="batch",
            samprate=_RATE,
            # Otherwise likelihoods are relative to the sounds that the word has, and those of two words cannot be compared.
            compallsen=True,
        )
    except RuntimeError as error:
        raise EngineError(f"The model that compares words cannot be loaded: {error}") from error


def _decoder_for(word: str) -> "Decoder":
    """Return the decoder, set to expect this word, with silence around it."""
    decoder = _decoder()
    if word not in _known_words():
        if decoder.lookup_word(word) is None:
            raise EngineError(f"The dictionary of pronunciation does not have the word {word!r}.")
        decoder.add_jsgf_string(word, f"#JSGF V1.0; grammar word; public <word> = {word};")
        _known_words().add(word)
    decoder.activate_search(word)
    return decoder


@cache
def _known_words() -> set[str]:
    return set()
