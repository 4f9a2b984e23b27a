"""Sounds made for tests, and files of them in every format."""

import io
from typing import cast

import av
import numpy as np

from audio.encoding import RATE


def tone(seconds: float, hertz: float = 440.0) -> bytes:
    """PCM16 mono 24 kHz that swells, so that a shift in time shows."""
    at = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * hertz * at) * at / seconds * 20_000).astype("<i2").tobytes()


def file_of(pcm: bytes, container: str, codec: str, *, rate: int = RATE, **metadata: str) -> bytes:
    """The sound as a file, say ("webm", "libopus") or ("ipod", "aac")."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        out.metadata.update(metadata)
        stream = cast(av.AudioStream, out.add_stream(codec, rate=rate, layout="mono"))
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


def likeness(one: bytes, other: bytes) -> float:
    """The correlation of two sounds, which start together: 1 for the same, about 0 for different ones."""
    length = min(len(one), len(other)) // 2 * 2
    return float(np.corrcoef(np.frombuffer(one[:length], "<i2"), np.frombuffer(other[:length], "<i2"))[0, 1])
