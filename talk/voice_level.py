"""Notice a voice that is much softer than the learner's: it may be another person's, or a television."""

import statistics
from collections import deque

import numpy as np

from audio.encoding import BYTES_PER_SECOND
from audio.resampling import from_pcm16

# A voice at the other end of a room is some 15 dB softer than one at the microphone. One person's turns differ by some 6 dB.
MUCH_SOFTER_DB = 12.0
# Turns after which the learner's level is known, and soft turns in a row after which it has changed.
KNOWN_AFTER, CHANGED_AFTER = 2, 3
_LATEST = 8
_LONGEST_S = 30
_BLOCK = BYTES_PER_SECOND // 2 // 50  # samples, 20 ms


class VoiceLevel:
    """Follow the level of a learner's turns."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=_LATEST)  # dB
        self._softer: list[float] = []

    def is_much_softer(self, pcm: bytes) -> bool:
        """Add the voice of a turn (PCM16 24 kHz). Return whether it is much softer than the turns before it."""
        level = _level_db(pcm)
        if len(self._levels) < KNOWN_AFTER or level > statistics.median(self._levels) - MUCH_SOFTER_DB:
            self._levels.append(level)
            self._softer.clear()
            return False
        self._softer.append(level)
        if len(self._softer) < CHANGED_AFTER:
            return True
        # The learner sits further away now, or has another microphone.
        self._levels = deque(self._softer, maxlen=_LATEST)
        self._softer.clear()
        return False


def _level_db(pcm: bytes) -> float:
    """Return the level of the louder parts, which are vowels, regardless of how much silence is between them."""
    samples = from_pcm16(pcm[: _LONGEST_S * BYTES_PER_SECOND])
    blocks = samples[: len(samples) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    if not len(blocks):
        return -100.0
    power = np.mean(np.square(blocks, dtype=np.float64), axis=1)
    return float(10 * np.log10(np.percentile(power, 90) + 1e-10))
