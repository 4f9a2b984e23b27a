"""Convert between the sound formats of the Realtime API and the PCM16 24 kHz that a talk works with."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from audio.encoding import BYTES_PER_SECOND
from audio.resampling import Resampler, Samples, from_pcm16, to_pcm16

PCM_RATE = BYTES_PER_SECOND // 2
G711_RATE = 8_000
# A piece is 40 ms. A large event is processed in pieces, so that other talks do not have to wait for it.
PIECES_PER_SECOND = 25


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Describe one format. `rate` is in Hz, `width` in bytes a sample."""

    type: str
    rate: int
    width: int

    def shape(self) -> dict[str, str | int]:
        """Return the format as the Realtime API writes it. G.711 has only one rate, so its rate is left out."""
        return {"type": self.type, "rate": self.rate} if self is PCM else {"type": self.type}


PCM = AudioFormat("audio/pcm", PCM_RATE, 2)
PCMU = AudioFormat("audio/pcmu", G711_RATE, 1)
PCMA = AudioFormat("audio/pcma", G711_RATE, 1)
FORMATS = {each.type: each for each in (PCM, PCMU, PCMA)}


def read_format(value: object) -> AudioFormat:
    """Return the format that a client names. Raises ValueError if it is unknown."""
    fields = value if isinstance(value, dict) else {"type": None}
    kind = fields.get("type", PCM.type)
    found = FORMATS.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise ValueError(f"must be one of {', '.join(FORMATS)}")
    if fields.get("rate") not in (None, found.rate):
        raise ValueError(f"must have a rate of {found.rate} with {found.type}")
    return found


class Decoder:
    """Decode a client's sound into PCM16 24 kHz. Keep the resampler's state from one event to the next."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self.format = audio_format
        self._resampler = None if audio_format is PCM else Resampler(audio_format.rate, PCM_RATE)

    def pieces(self, sound: bytes) -> Iterator[bytes]:
        """Yield the decoded sound in pieces of at most 40 ms, as far as the resampler has output it."""
        step = self.format.rate * self.format.width // PIECES_PER_SECOND
        for start in range(0, len(sound), step):
            piece = sound[start : start + step]
            if self._resampler is None:
                yield piece
            else:
                samples = g711_levels(self.format.type)[np.frombuffer(piece, np.uint8)]
                yield to_pcm16(self._resampler.feed(samples.astype(np.float32) / np.float32(32768)))


class Encoder:
    """Encode the PCM16 24 kHz of one reply into a client's format."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._resampler = None if audio_format is PCM else Resampler(PCM_RATE, audio_format.rate)

    def feed(self, pcm: bytes) -> bytes:
        return pcm if self._resampler is None else self._encoded(self._resampler.feed(from_pcm16(pcm)))

    def flush(self) -> bytes:
        """Return the last sound, which the resampler held back until more sound came."""
        return b"" if self._resampler is None else self._encoded(self._resampler.flush())

    def _encoded(self, samples: Samples) -> bytes:
        codes = g711_codes(self._format.type)
        return codes[np.frombuffer(to_pcm16(samples), "<i2").astype(np.int32) + 32768].tobytes()


@cache
def g711_levels(kind: str) -> NDArray[np.int16]:
    """Return the 16-bit level of each of the 256 codes (ITU-T G.711)."""
    codes = np.arange(256)
    if kind == PCMU.type:
        bits = codes ^ 0xFF
        segment, step = (bits >> 4) & 7, bits & 0x0F
        size = (((step << 3) + 132) << segment) - 132
        return np.where(bits & 0x80, -size, size).astype(np.int16)
    bits = codes ^ 0x55
    segment, step = (bits >> 4) & 7, bits & 0x0F
    size = np.where(segment == 0, (step << 4) + 8, ((step << 4) + 264) << np.maximum(segment - 1, 0))
    return np.where(bits & 0x80, size, -size).astype(np.int16)


@cache
def g711_codes(kind: str) -> NDArray[np.uint8]:
    """Return the code of the nearest level for each 16-bit sample, from -32768 up."""
    levels = g711_levels(kind).astype(np.int32)
    order = np.argsort(levels, kind="stable")
    between = (levels[order][1:] + levels[order][:-1]) / 2
    return order[np.searchsorted(between, np.arange(-32768, 32768))].astype(np.uint8)
