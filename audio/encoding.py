"""Sound in and out of files. PCM here is 16 bit, mono, little-endian, 24 kHz: what the talk endpoint speaks.

PyAV is imported where it is used: a server that keeps no audio yet does without ffmpeg's 40 MB.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

RATE = 24_000
BYTES_PER_SECOND = RATE * 2
BIT_RATE = 24_000  # of Opus: speech without audible loss, some 0.2 MB a minute
MAX_BYTES = 25 * 1024 * 1024
MAX_SECONDS = 600
# Only these containers are opened: others, such as playlists, would have ffmpeg open further files of the server's.
CONTAINERS = "aac,aiff,amr,au,caf,flac,matroska,mov,mp3,ogg,wav,webm"
KEPT_AS_THEY_ARE = {
    ("matroska,webm", "opus"): "audio/webm",
    ("mp3", "mp3"): "audio/mpeg",
    ("mp3", "mp3float"): "audio/mpeg",
}


class BadAudio(ValueError):
    """What was sent is not audio that can be kept; the message says why, for whoever sent it."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording ready to be kept. `duration` in seconds."""

    data: bytes
    content_type: str
    duration: float


def from_pcm(pcm: bytes) -> Clip:
    """PCM as Opus in WebM."""
    import av
    import numpy as np

    file = io.BytesIO()
    # Bit-exact: the same sound is the same bytes, so that sending it twice keeps it once.
    with av.open(file, "w", format="webm", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono", bit_rate=BIT_RATE)
        stream.options = {"application": "voip"}
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in stream.encode(frame):
            container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return Clip(file.getvalue(), "audio/webm", len(pcm) / BYTES_PER_SECOND)


def from_upload(data: bytes) -> Clip:
    """A file that somebody sent: decoded whole before it is trusted. WebM/Opus and MP3 are kept byte for byte, anything
    else becomes Opus. Raises BadAudio."""
    pcm = to_pcm(data)
    if content_type := _kept_type(data):
        return Clip(data, content_type, len(pcm) / BYTES_PER_SECOND)
    return from_pcm(pcm)


def to_pcm(data: bytes) -> bytes:
    """Any common audio format as PCM. Raises BadAudio."""
    import av

    if not data:
        raise BadAudio("The audio is empty.")
    if len(data) > MAX_BYTES:
        raise BadAudio(f"The audio is larger than {MAX_BYTES // 1024 // 1024} MB.")
    try:
        with _opened(data) as container:
            pcm = b"".join(_bounded(_samples(container)))
    except (av.FFmpegError, ValueError, IndexError) as error:
        if isinstance(error, BadAudio):
            raise
        raise BadAudio("This is not audio in a format that can be read.") from error
    if not pcm:
        raise BadAudio("The audio is empty.")
    return pcm


def _opened(data: bytes) -> "InputContainer":
    import av

    # What a recorder wrote into title or comment need not be UTF-8.
    return av.open(io.BytesIO(data), "r", options={"format_whitelist": CONTAINERS}, metadata_errors="replace")


def _kept_type(data: bytes) -> str | None:
    with _opened(data) as container:
        if len(container.streams) > 1:  # a picture, a video: only the sound is kept
            return None
        return KEPT_AS_THEY_ARE.get((container.format.name, container.streams.audio[0].codec.name))


def _samples(container: "InputContainer") -> Iterator[bytes]:
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    for frame in container.decode(container.streams.audio[0]):
        yield from map(_bytes, resampler.resample(frame))
    yield from map(_bytes, resampler.resample(None))


def _bytes(frame: "av.AudioFrame") -> bytes:
    return frame.to_ndarray().astype("<i2").tobytes()


def _bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    # A few kilobytes can unpack to hours: stop while decoding, not after it.
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > MAX_SECONDS * BYTES_PER_SECOND:
            raise BadAudio(f"The audio is longer than {MAX_SECONDS // 60} minutes.")
        yield piece
