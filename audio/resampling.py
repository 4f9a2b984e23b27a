"""Change the sample rate of sound that arrives in pieces, without clicks between the pieces.

ffmpeg's resampler keeps the output aligned to the input and holds back 1 to 3 ms of it. soxr holds back up to 100 ms, for
which a learner would wait.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import av

Samples = np.ndarray[tuple[int], np.dtype[np.float32]]


class Resampler:
    """Resample mono sound, and keep the state between calls of `feed`."""

    def __init__(self, source: int, target: int) -> None:
        # Imported here because a server without talks does not need it.
        import av

        self._source = source
        self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=target)

    def feed(self, samples: Samples) -> Samples:
        import av

        if not len(samples):
            return np.empty(0, np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None, :], format="fltp", layout="mono")
        frame.sample_rate = self._source
        return _joined(self._resampler.resample(frame))

    def flush(self) -> Samples:
        """Return the last samples, which were waiting for more input. Nothing can be fed after that."""
        return _joined(self._resampler.resample(None))


def resample(samples: Samples, source: int, target: int) -> Samples:
    resampler = Resampler(source, target)
    return np.concatenate((resampler.feed(samples), resampler.flush()))


def from_pcm16(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def to_pcm16(samples: Samples) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def _joined(frames: "list[av.AudioFrame]") -> Samples:
    return np.concatenate([np.empty(0, np.float32), *(frame.to_ndarray()[0] for frame in frames)])
