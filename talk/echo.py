"""Distinguish the agent's own voice, which the microphone picks up from loudspeakers, from the learner's."""

import numpy as np

from audio.resampling import Samples, from_pcm16, resample
from engines.interface import SAMPLE_RATE

# Milliseconds of the microphone's sound that are compared.
WINDOW_MS = 300
# Milliseconds of it that are enough to distinguish most voices from an echo.
FIRST_MS = 130
NARROW_RATE = 8_000  # Hz
# Limits for the highest correlation with the agent's sound: ALIKE for the sound as it is, SHARPENED_ALIKE for the sound
# with its high frequencies raised. The low frequencies of all voices are similar: other voices reached 0.72 and 0.55.
# But in the noise of an echo at -40 dB only the low ones are left: 0.93 and 0.65. In a room with as much reverberation
# as direct sound, the high ones are found in nine of ten echoes.
ALIKE, SHARPENED_ALIKE = 0.8, 0.5
# A limit for `likeness` after FIRST_MS: nine of ten other voices are below it, and no echo without much reverberation.
OTHER = 0.7
# Limits for the level of a sound, as a part of full scale. The start of a voice may be noise, which resembles nothing. So
# a sound below CLEAR (-50 dB) is not judged after FIRST_MS, and one below FAINT (-60 dB) is never another voice.
CLEAR, FAINT = 10 ** (-50 / 20), 10 ** (-60 / 20)
# A window with less than this part of the energy of the loudest one is no reference, because all silence is alike.
_LEAST = 1e-3
_BLOCK = NARROW_RATE // 50  # 20 ms
# The part of the energy of the loudest block below which a block is silent.
_SILENT = 0.02
_SHORTEST = NARROW_RATE // 5


def likeness(heard: bytes, said: bytes) -> float:
    """Return how similar `heard` is to a part of `said`, regardless of its volume.

    From 1 on it is an echo, below OTHER another voice. Both arguments are PCM16 24 kHz. This takes 10 ms.
    """
    similar = 0.0
    microphone, reference = _trimmed(_narrow(heard)), _narrow(said)
    if len(microphone) and len(reference):
        # The agent's voice may begin or end within the microphone's sound.
        reference = np.pad(reference, len(microphone))
        sharpened = _correlation(np.diff(microphone), np.diff(reference)) / SHARPENED_ALIKE
        similar = max(sharpened, _correlation(microphone, reference) / ALIKE)
    sound = from_pcm16(heard)
    level = np.sqrt(np.mean(np.square(sound))) if len(sound) else 0.0
    if level < FAINT:
        return max(1.0, similar)
    is_start = len(heard) < WINDOW_MS * SAMPLE_RATE * 2 // 1000
    return max(OTHER, similar) if level < CLEAR and is_start else similar


def _narrow(pcm: bytes) -> Samples:
    return resample(from_pcm16(pcm), SAMPLE_RATE, NARROW_RATE)


def _trimmed(sound: Samples) -> Samples:
    """Return the sound without the silence after the voice. An echo may end early while the agent's sound goes on."""
    blocks = sound[: len(sound) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    energies = np.sum(np.square(blocks), axis=1)
    if not len(blocks) or not energies.max():
        return sound[:0]
    loud = np.flatnonzero(energies > _SILENT * energies.max())
    return sound[: max(_SHORTEST, (loud[-1] + 1) * _BLOCK)]


def _correlation(part: Samples, whole: Samples) -> float:
    """Return the correlation of `part` with the most similar section of `whole`, from 0 to 1."""
    size = 1 << (len(part) + len(whole)).bit_length()
    products = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    energy = np.concatenate(([0.0], np.cumsum(np.square(whole, dtype=np.float64))))
    energies = energy[len(part) :] - energy[: -len(part)]
    energies = np.maximum(energies, _LEAST * energies.max() + 1e-12)
    norms = np.sqrt(energies * np.sum(np.square(part, dtype=np.float64)) + 1e-12)
    return float(np.max(np.abs(products[: len(energies)]) / norms))
