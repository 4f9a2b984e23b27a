"""Make the provider's voice, a tone as long as its text, and measure the length of uploaded audio.

PyAV is imported where it is used: talks and PCM work without it.
"""

import io
import math
import wave
import zlib
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from av import AudioStream

# Hz. The API uses PCM16 mono.
TONE_RATE = 24_000
BYTES_PER_MS = TONE_RATE * 2 // 1000
WAV_HEADER = 44  # bytes
# Share of full scale, audible from the second sample on.
AMPLITUDE = 0.3
# For a compressed file that does not state its length, such as a browser's WebM.
GUESSED_BYTES_PER_SECOND = 3000
CODECS = {"mp3": ("mp3", "libmp3lame"), "opus": ("ogg", "libopus"), "aac": ("adts", "aac"), "flac": ("flac", "flac")}
CONTENT_TYPES = {"mp3": "audio/mpeg"} | {name: f"audio/{name}" for name in ("opus", "aac", "flac", "wav", "pcm")}


class NotAudio(ValueError):
    """Report data that cannot be read as audio."""


def tone(text: str, ms_per_character: float) -> bytes:
    """Return a tone as PCM16 mono 24 kHz. Each text always has the same pitch (240 to 600 Hz)."""
    samples = round(len(text) * ms_per_character * TONE_RATE / 1000)
    period = 40 + zlib.crc32(text.encode()) % 61
    cycle = array("h", (round(AMPLITUDE * 32767 * math.sin(2 * math.pi * each / period)) for each in range(period)))
    return (cycle.tobytes() * (samples // period + 1))[: samples * 2]


def milliseconds(pcm: bytes | bytearray) -> float:
    return len(pcm) / BYTES_PER_MS


def pieces(data: bytes, count: int) -> list[bytes]:
    """Split data into equal pieces, except for the last. A piece of PCM never ends in half a sample."""
    size = max(2, math.ceil(len(data) / max(count, 1) / 2) * 2)
    return [data[start : start + size] for start in range(0, len(data), size)]


@lru_cache(maxsize=64)
def encoded(pcm: bytes, file_format: str) -> bytes:
    """Return a whole file. The length fields of a WAV are those of a stream, as the API sends them."""
    if file_format == "pcm":
        return pcm
    file = io.BytesIO()
    if file_format == "wav":
        with wave.open(file, "wb") as writer:
            writer.setparams((1, 2, TONE_RATE, 0, "NONE", ""))
            writer.writeframes(pcm)
        header = bytearray(file.getvalue()[:WAV_HEADER])
        header[4:8] = header[40:44] = b"\xff\xff\xff\xff"
        return bytes(header) + pcm
    import av

    container, codec = CODECS[file_format]
    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as output:
        stream = cast("AudioStream", output.add_stream(codec, rate=TONE_RATE, layout="mono"))
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm)
        frame.sample_rate = TONE_RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def seconds(data: bytes) -> float:
    """Return the seconds of audio in an uploaded file. Raises NotAudio."""
    if data[:4] == b"RIFF":
        try:
            with wave.open(io.BytesIO(data)) as file:
                frames_at_most = (len(data) - WAV_HEADER) / (file.getnchannels() * file.getsampwidth())
                # A stream's header states 2 GB.
                return min(file.getnframes(), frames_at_most) / file.getframerate()
        except (wave.Error, EOFError) as error:
            raise NotAudio(str(error)) from error
    import av

    try:
        with av.open(io.BytesIO(data), "r") as container:
            if not container.streams.audio:
                raise NotAudio("There is no sound in it.")
            return container.duration / av.time_base if container.duration else len(data) / GUESSED_BYTES_PER_SECOND
    except av.error.FFmpegError as error:
        raise NotAudio(str(error)) from error
