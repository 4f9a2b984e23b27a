"""Change the sample rate of sound that arrives in pieces, without clicks where the pieces meet."""

from math import gcd

import numpy as np

Samples = np.ndarray[tuple[int], np.dtype[np.float32]]

_TAPS = 48  # per phase: 1 ms of look-ahead at 24 kHz, folded frequencies below -80 dB
_BLOCK = 24_000  # samples at a time: the products below need 48 times the memory of their input


class Resampler:
    """A polyphase windowed-sinc filter that carries its state from one `feed` to the next. Output lines up with input."""

    def __init__(self, source: int, target: int) -> None:
        divisor = gcd(source, target)
        self._up, self._down = target // divisor, source // divisor
        self._phases = _design(self._up, self._down)
        self._pending = np.zeros(_TAPS // 2 - 1, np.float32)
        self._next = 0  # where the next output lies, in 1/up input samples from the first pending one

    def feed(self, samples: Samples) -> Samples:
        blocks = range(0, max(1, len(samples)), _BLOCK)
        return np.concatenate([self._feed(samples[start : start + _BLOCK]) for start in blocks])

    def _feed(self, samples: Samples) -> Samples:
        pending = np.concatenate((self._pending, samples))
        last = len(pending) - _TAPS  # the last input sample a whole window starts at
        count = (last * self._up + self._up - 1 - self._next) // self._down + 1 if last >= 0 else 0
        if count <= 0:
            self._pending = pending
            return np.empty(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(pending, _TAPS)
        out = np.empty(count, np.float32)
        for first in range(min(self._up, count)):  # every up-th output shares one filter
            at, phase = divmod(self._next + first * self._down, self._up)
            share = out[first :: self._up]
            share[:] = windows[at :: self._down][: len(share)] @ self._phases[phase]
        used, self._next = divmod(self._next + count * self._down, self._up)
        self._next += max(0, used - len(pending)) * self._up
        self._pending = pending[used:].copy()
        return out

    def flush(self) -> Samples:
        """The last samples, which were waiting for what comes after them."""
        return self.feed(np.zeros(_TAPS // 2, np.float32))


def resample(samples: Samples, source: int, target: int) -> Samples:
    resampler = Resampler(source, target)
    return np.concatenate((resampler.feed(samples), resampler.flush()))


def from_pcm16(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def to_pcm16(samples: Samples) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def _design(up: int, down: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """`up` filters of `_TAPS` each, for the positions between two input samples."""
    cutoff = 0.94 * min(1.0, up / down)
    offsets = np.arange(_TAPS)[None, :] - (_TAPS // 2 - 1) - np.arange(up)[:, None] / up
    window = np.i0(8.0 * np.sqrt(np.clip(1 - (offsets / (_TAPS / 2)) ** 2, 0, 1))) / np.i0(8.0)
    filters = cutoff * np.sinc(cutoff * offsets) * window
    return (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)
