"""Decode and encode audio files. PCM here is 16 bit, mono, little-endian, 24 kHz, as in the talk endpoint.

PyAV is imported where it is used, so a server that stores no audio yet does not load ffmpeg's 40 MB.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from audio import id3_tags, mp4_tables
from core.counts import MB

if TYPE_CHECKING:
    import av
    import numpy as np
    from av.container import InputContainer

    Channels = np.ndarray[tuple[int, ...], np.dtype[np.int16]]
    Weights = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

RATE = 24_000
BYTES_PER_SECOND = RATE * 2
# Bits per second of Opus: speech without audible loss, about 0.2 MB a minute.
BIT_RATE = 24_000
MAX_BYTES = 25 * MB
MAX_SECONDS = 600
# All channels are held until the mix is known. This is ten minutes of 7.1.
MAX_SAMPLES = 8 * MAX_SECONDS * RATE
# Open only these containers: others, such as playlists, would make ffmpeg open further files of the server.
CONTAINERS = "aac,aiff,amr,au,caf,flac,matroska,mov,mp3,ogg,wav,webm"
# Decoders that ffmpeg may use to find out what a file has. Without a list it decodes pictures, which can be of any size.
PROBING = "aac,alac,amrnb,amrwb,flac,libopus,mp3,mp3float,opus,vorbis"
KEPT_AS_THEY_ARE = {
    ("matroska,webm", "opus"): "audio/webm",
    ("mp3", "mp3"): "audio/mpeg",
    ("mp3", "mp3float"): "audio/mpeg",
}
# Samples. Encode 10 s at a time: ten minutes in one piece would be copied again and again.
PIECE = 10 * RATE
# Two channels have the same sound if their correlation is at least this.
LIKENESS = 0.1
EMPTY = "The audio is empty."
# How files say that a model made their sound: IPTC's digital source type, as C2PA and schema.org use it, too. The name is written
# as Matroska and ID3v2 write names of their own.
# See http://cv.iptc.org/newscodes/digitalsourcetype/.
SYNTHETIC = {"DIGITAL_SOURCE_TYPE": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"}


class BadAudio(ValueError):
    """Report audio that cannot be kept. The message tells the sender why."""


class TooLarge(BadAudio):
    """Report audio of more than MAX_BYTES."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Hold an encoded recording. `duration` is in seconds."""

    data: bytes
    content_type: str
    duration: float


def from_pcm(pcm: bytes, *, synthetic: bool = False) -> Clip:
    """Encode PCM as Opus in WebM. With `synthetic`, mark the file as the speech of a model."""
    import av
    import numpy as np

    file = io.BytesIO()
    # Bit-exact: the same sound gives the same bytes, so a repeated upload is kept once.
    with av.open(file, "w", format="webm", container_options={"fflags": "+bitexact"}) as container:
        if synthetic:
            container.metadata.update(SYNTHETIC)
        stream = container.add_stream("libopus", rate=RATE, layout="mono", bit_rate=BIT_RATE)
        stream.options = {"application": "voip"}
        samples = np.frombuffer(pcm, "<i2").reshape(1, -1)
        for start in range(0, samples.size, PIECE):
            frame = av.AudioFrame.from_ndarray(samples[:, start : start + PIECE], format="s16", layout="mono")
            frame.sample_rate = RATE
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return Clip(file.getvalue(), "audio/webm", len(pcm) / BYTES_PER_SECOND)


def from_upload(data: bytes) -> Clip:
    """Decode an uploaded file to check it. WebM/Opus and MP3 are kept byte for byte, others become Opus. Raises BadAudio."""
    with _opened(data) as container:
        content_type = None
        # Of a file that also has a picture or a video, only the audio is kept.
        if len(container.streams) <= 1:
            content_type = KEPT_AS_THEY_ARE.get((container.format.name, container.streams.audio[0].codec.name))
        if content_type:
            # Only the length is needed, so the sound is not held.
            length = sum(len(piece) for piece in _samples(container))
            if not length:
                raise BadAudio(EMPTY)
            return Clip(data, content_type, length / RATE)
        pcm = _mono(container)
    return from_pcm(pcm)


def to_pcm(data: bytes, unwanted: threading.Event | None = None) -> bytes:
    """Decode any common audio format to PCM. Stop early when `unwanted` is set. Raises BadAudio."""
    with _opened(data) as container:
        return _mono(container, unwanted)


@contextmanager
def _opened(data: bytes) -> Iterator["InputContainer"]:
    """Open a file for the block, and turn the errors of ffmpeg into BadAudio."""
    import av

    if not data:
        raise BadAudio(EMPTY)
    if len(data) > MAX_BYTES:
        raise TooLarge(f"The audio is larger than {MAX_BYTES // MB} MB.")
    if mp4_tables.is_bomb(data):
        raise BadAudio("The audio has more pieces than a recording can have.")
    try:
        # Title and comment, as recorders write them, need not be UTF-8.
        limits = {"format_whitelist": CONTAINERS, "codec_whitelist": PROBING}
        sound = io.BytesIO(id3_tags.removed(data))
        with av.open(sound, "r", options=limits, metadata_errors="replace") as container:
            yield container
    except (av.FFmpegError, ValueError, IndexError) as error:
        if isinstance(error, BadAudio):
            raise
        raise BadAudio("This is not audio in a format that can be read.") from error


def _mono(container: "InputContainer", unwanted: threading.Event | None = None) -> bytes:
    """Decode a file to PCM, its channels mixed into one."""
    import numpy as np

    sound = io.BytesIO()
    channels = 1
    products: Weights = np.zeros((1, 1))
    for piece in _samples(container, unwanted):
        sound.write(piece.data)
        channels = piece.shape[1]
        if channels > 1:
            floats = piece.astype(np.float64)
            products = products + floats.T @ floats
    if not sound.tell():
        raise BadAudio(EMPTY)
    if channels == 1:
        return sound.getvalue()
    samples, weights = np.frombuffer(sound.getbuffer(), "<i2").reshape(-1, channels), _weights(products)
    pcm = io.BytesIO()
    # One second at a time, because the product takes four times the memory.
    for start in range(0, len(samples), RATE):
        mixed = np.rint(samples[start : start + RATE] @ weights)
        pcm.write(np.clip(mixed, -32768, 32767).astype("<i2").data)
    return pcm.getvalue()


def _samples(container: "InputContainer", unwanted: threading.Event | None = None) -> Iterator["Channels"]:
    """Yield the sound of a file as int16 at 24 kHz, in arrays of (samples, channels)."""
    import av

    resampler = av.AudioResampler(format="s16", rate=RATE)
    length = 0
    for decoded in chain(container.decode(container.streams.audio[0]), [None]):
        if unwanted and unwanted.is_set():
            raise BadAudio("The audio is not wanted any more.")
        for frame in resampler.resample(decoded):
            piece = _channels(frame)
            length += len(piece)
            # A few kilobytes can unpack to hours of sound, so stop during decoding and not after it.
            if length > MAX_SECONDS * RATE:
                raise BadAudio(f"The audio is longer than {MAX_SECONDS // 60} minutes.")
            if length * piece.shape[1] > MAX_SAMPLES:
                raise BadAudio("The audio has too many channels for its length. Mix it down to two.")
            yield piece


def _channels(frame: "av.AudioFrame") -> "Channels":
    return frame.to_ndarray().astype("<i2", copy=False).reshape(-1, frame.layout.nb_channels)


def _weights(products: "Weights") -> "Weights":
    """Return the factor of each channel in the mix. `products` has the sum of the products of each two channels.

    An average would cancel channels of opposite polarity, and fade a voice that is in only one of several channels. So
    channels that mirror the loudest one are inverted, and the mix is as loud as that one.
    """
    import numpy as np

    power = np.diag(products)
    loudest = int(np.argmax(power))
    is_mirrored = products[loudest] < -LIKENESS * np.sqrt(power * power[loudest])
    weights = np.where(is_mirrored, -1.0, 1.0)
    if not (mixed := weights @ products @ weights) > 0:
        return weights / len(weights)
    return weights * min(1.0, np.sqrt(power[loudest] / mixed))
