"""Encode speech as MP3 in pieces. Every player plays MP3, and clients of the contract expect it."""

import io
from functools import cache
from typing import TYPE_CHECKING

from audio.encoding import BYTES_PER_SECOND, RATE, SYNTHETIC, Clip

if TYPE_CHECKING:
    import av

# Bits per second, constant: a player can tell the length of a file that it has only begun to load.
BIT_RATE = 48_000


class Mp3Encoder:
    """Encode PCM as MP3. `feed` returns the frames that are complete, `finish` the last ones. Both block.

    With `synthetic`, the first frames follow a tag that marks the file as the speech of a model.
    """

    def __init__(self, *, synthetic: bool = True) -> None:
        import av

        self._codec = av.CodecContext.create("libmp3lame", "w")
        self._codec.sample_rate, self._codec.layout, self._codec.format = RATE, "mono", "s16p"
        self._codec.bit_rate = BIT_RATE
        self._odd = b""
        self._head = _tag() if synthetic else b""

    def feed(self, pcm: bytes) -> bytes:
        import av
        import numpy as np

        pcm = self._odd + pcm
        complete = len(pcm) & ~1
        self._odd = pcm[complete:]
        if not complete:
            return b""
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm[:complete], "<i2").reshape(1, -1), "s16p", "mono")
        frame.sample_rate = RATE
        return self._encoded(frame)

    def finish(self) -> bytes:
        return self._encoded(None)

    def _encoded(self, frame: "av.AudioFrame | None") -> bytes:
        frames = b"".join(bytes(packet) for packet in self._codec.encode(frame))
        if frames:
            frames, self._head = self._head + frames, b""
        return frames


@cache
def _tag() -> bytes:
    """Return the ID3v2 tag of synthetic speech. Every player skips it."""
    import av

    file = io.BytesIO()
    options = {"id3v2_version": "3", "write_xing": "0", "fflags": "+bitexact"}
    with av.open(file, "w", format="mp3", options=options) as container:
        container.metadata.update(SYNTHETIC)
        container.add_stream("libmp3lame", rate=RATE, layout="mono")
        container.start_encoding()
    return file.getvalue()


def from_pcm(pcm: bytes, *, synthetic: bool = True) -> Clip:
    """Encode PCM as MP3. With `synthetic`, mark the file as the speech of a model."""
    encoder = Mp3Encoder(synthetic=synthetic)
    return Clip(encoder.feed(pcm) + encoder.finish(), "audio/mpeg", len(pcm) / BYTES_PER_SECOND)
