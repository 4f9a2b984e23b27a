"""Make test sounds, and files of them in every format."""

import io
import wave
from typing import cast

import av
import numpy as np

from audio.encoding import RATE


def tone(seconds: float, hertz: float = 440.0) -> bytes:
    """Return PCM16 mono 24 kHz whose volume changes, so that a shift in time is measurable."""
    at = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * hertz * at) * at / seconds * 20_000).astype("<i2").tobytes()


def file_of(pcm: bytes, container: str, codec: str, *, rate: int = RATE, **metadata: str) -> bytes:
    """Encode the sound as a file, for example ("webm", "libopus") or ("ipod", "aac")."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        out.metadata.update(metadata)
        stream = cast(av.AudioStream, out.add_stream(codec, rate=rate, layout="mono"))
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


def silent_flac(seconds: float = 595.0) -> bytes:
    """Return silence in a file that is much smaller than its sound: by default 113 KB for 28 MB of PCM."""
    return file_of(bytes(2 * round(seconds * RATE)), "flac", "flac", rate=8000)


def wav_of(*channels: bytes, rate: int = RATE) -> bytes:
    """Return a WAV file of these channels, each PCM16 of the same length."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((len(channels), 2, rate, 0, "NONE", ""))
        out.writeframes(np.stack([np.frombuffer(each, "<i2") for each in channels], axis=1).tobytes())
    return file.getvalue()


def likeness(one: bytes, other: bytes) -> float:
    """Return the correlation of two sounds that start together: 1 for equal ones, about 0 for different ones."""
    length = min(len(one), len(other)) // 2 * 2
    return float(np.corrcoef(np.frombuffer(one[:length], "<i2"), np.frombuffer(other[:length], "<i2"))[0, 1])


def loudness(pcm: bytes) -> float:
    """Return the root mean square, relative to full scale."""
    return float(np.sqrt(np.mean((np.frombuffer(pcm, "<i2") / 32768) ** 2)))
