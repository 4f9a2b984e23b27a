"""Make files that are hard on a decoder of audio: bombs, broken files, files of something else, and absurd figures.

None of them has speech. So every route that takes audio must refuse each of them, or find nothing in it.
"""

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import cast

import av
import numpy as np

from audio.encoding import MAX_BYTES
from audio.tests.sounds import file_of, silent_flac, tone, wav_of

MB = 2**20


def _wav(
    rate: int = 24_000, channels: int = 1, bits: int = 16, size: int | None = None, data: bytes = bytes(960)
) -> bytes:
    """Return a WAV file with these figures in its header, whatever its sound is."""
    block = min(65_535, channels * bits // 8)
    head = struct.pack("<HHIIHH", 1, channels, rate, min(2**32 - 1, rate * block), block, bits)
    length = len(data) if size is None else size
    return (
        b"RIFF"
        + struct.pack("<I", min(2**32 - 1, length + 36))
        + b"WAVEfmt \x10\0\0\0"
        + head
        + b"data"
        + struct.pack("<I", length)
        + data
    )


def atom(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of an MP4 file."""
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + kind + content


def mp4_of(
    samples: int, *, size: int = 1, codec: bytes = b"mp4a", chunk: int | None = None, stts: bytes | None = None
) -> bytes:
    """Return an MP4 file of a few hundred bytes whose tables promise this many samples."""
    entry = atom(codec, bytes(6), struct.pack(">HHHIHHHHI", 1, 0, 0, 0, 1, 16, 0, 0, 24_000 << 16))
    table = atom(
        b"stbl",
        atom(b"stsd", struct.pack(">II", 0, 1), entry),
        stts or atom(b"stts", struct.pack(">IIII", 0, 1, samples, 1024)),
        atom(b"stsc", struct.pack(">IIIII", 0, 1, 1, chunk or samples, 1)),
        atom(b"stsz", struct.pack(">III", 0, size, samples)),
        atom(b"stco", struct.pack(">III", 0, 1, 48)),
    )
    media = atom(
        b"mdia",
        atom(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 24_000, 2**31 - 1, 0, 0)),
        atom(b"hdlr", struct.pack(">II4s", 0, 0, b"soun"), bytes(13)),
        atom(b"minf", atom(b"smhd", bytes(8)), table),
    )
    track = atom(b"trak", atom(b"tkhd", bytes(84)), media)
    movie = atom(b"moov", atom(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 24_000, 2**31 - 1), bytes(80)), track)
    return atom(b"ftyp", b"M4A \0\0\0\0") + atom(b"mdat", bytes(64)) + movie


def _id3(frames: bytes) -> bytes:
    length = len(frames)
    digits = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\0\0" + digits + frames


def zipped_tag(count: int, size: int) -> bytes:
    """Return an ID3 tag whose frames unpack to `size` bytes each."""

    def safe(number: int) -> bytes:
        return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))

    frames = b""
    for number in range(count):
        packed = safe(size) + zlib.compress(b"\x03bomb %03d\0" % number + b"A" * (size - 10), 9)
        frames += b"TXXX" + safe(len(packed)) + b"\0\x09" + packed
    return _id3(frames)


def _with_video(width: int, height: int) -> bytes:
    """Return a QuickTime file with a picture of this size in place of sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as out:
        stream = out.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        frame = av.VideoFrame.from_ndarray(np.zeros((height, width), np.uint8), format="gray")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


def _with_channels(channels: int, seconds: int) -> bytes:
    return _wav(rate=8000, channels=channels, data=bytes(2 * channels * 8000 * seconds))


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("turn.wav", bytes(20 * MB))
    return file.getvalue()


def _repeated(container: str, codec: str, seconds: int) -> bytes:
    """Return this much silence, which is encoded once for each second's worth of packets."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = cast(av.AudioStream, out.add_stream(codec, rate=48_000, layout="mono"))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48_000
        packets = [(bytes(each), each.duration or 960) for each in stream.encode(frame)]
        time = 0
        for data, duration in packets * seconds:
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.duration = stream, time, time, duration
            packet.time_base = stream.codec_context.time_base
            out.mux(packet)
            time += duration
    return file.getvalue()


def _shuffled(data: bytes) -> bytes:
    chance = random.Random(7)
    changed = bytearray(data)
    for _ in range(len(data) // 20):
        changed[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(changed)


def _subtitle() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        stream = out.add_stream("srt")
        packet = av.Packet(b"Hello.")
        packet.stream, packet.pts, packet.dts, packet.duration = stream, 0, 0, 1000
        out.mux(packet)
    return file.getvalue()


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\nfile http://127.0.0.1:1/x\n"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>'
QUIET = bytes(48_000)

FILES: dict[str, Callable[[], bytes]] = {
    "ten seconds of silence": lambda: file_of(bytes(480_000), "webm", "libopus"),
    # Bombs: little that unpacks to much.
    "eight minutes of silence in FLAC": lambda: silent_flac(480),
    "twelve minutes of silence in FLAC": lambda: _repeated("flac", "flac", 700),
    "twenty minutes of silence in Opus": lambda: _repeated("webm", "libopus", 1300),
    "eleven minutes of silence in MP3": lambda: _repeated("mp3", "libmp3lame", 700),
    "eleven minutes of silence in Ogg": lambda: _repeated("ogg", "libopus", 700),
    "zipped ID3 tags": lambda: zipped_tag(4, 60 * MB) + file_of(QUIET, "mp3", "libmp3lame"),
    "a large title": lambda: file_of(QUIET, "webm", "libopus", title="A" * 8 * MB),
    "ten thousand tags": lambda: file_of(
        QUIET, "matroska", "libopus", rate=24_000, **{f"TAG{number}": "x" * 100 for number in range(10_000)}
    ),
    "a large picture": lambda: _with_video(12_000, 12_000),
    "a zip": _zip,
    "a gzip": lambda: gzip.compress(bytes(20 * MB)),
    # Tables that promise much.
    "an MP4 of 2^31 samples": lambda: mp4_of(2**31 - 1),
    "an MP4 of 80 million samples": lambda: mp4_of(80_000_000),
    "an MP4 of 80 million samples of PCM": lambda: mp4_of(80_000_000, size=2, codec=b"sowt"),
    "an MP4 with huge samples": lambda: mp4_of(3, size=2**31 - 1),
    "an MP4 with a table without entries": lambda: mp4_of(10, stts=atom(b"stts", struct.pack(">II", 0, 2**31 - 1))),
    "a WAV of 4 GB": lambda: _wav(size=2**32 - 1),
    "a CAF with a cookie of 2 GB": lambda: (
        b"caff\0\x01\0\0desc"
        + struct.pack(">Qd4sIIIII", 32, 24_000.0, b"alac", 0, 0, 4096, 1, 16)
        + b"kuki"
        + struct.pack(">Q", 2**31 - 100)
    ),
    "a FLAC with a picture of 16 MB": lambda: b"fLaC\x06\xff\xff\xff" + bytes(100),
    "an Ogg page that lasts for ever": lambda: b"OggS\0\x02" + b"\xff" * 8 + bytes(12) + b"\xff" + b"\xff" * 255,
    "a WebM of unknown size": lambda: bytes.fromhex("1a45dfa301ffffffffffffff18538067" + "01ffffffffffffff"),
    # Absurd figures.
    "a rate of 1 Hz": lambda: _wav(rate=1),
    "a rate of 0": lambda: _wav(rate=0),
    "a rate of 4 GHz": lambda: _wav(rate=2**32 - 1, data=bytes(MB)),
    "a rate of 768 kHz": lambda: _wav(rate=768_000, data=bytes(MB)),
    "a rate of 1 Hz for hours": lambda: _wav(rate=1, data=bytes(20_000)),
    "no channels": lambda: _wav(channels=0),
    "255 channels": lambda: _with_channels(255, 5),
    "65,535 channels": lambda: _wav(channels=65_535, data=bytes(MB)),
    "64 channels for minutes": lambda: _with_channels(64, 20),
    "no bits": lambda: _wav(bits=0),
    "bits that no format has": lambda: _wav(bits=13),
    # Broken files.
    "nothing": lambda: b"",
    "one byte": lambda: b"\0",
    "zeros": lambda: bytes(MB),
    "noise": lambda: random.Random(5).randbytes(MB),
    "one byte too many": lambda: bytes(MAX_BYTES + 1),
    "half a FLAC": lambda: (sound := file_of(QUIET, "flac", "flac"))[: len(sound) // 2],
    "the head of a WebM": lambda: file_of(QUIET, "webm", "libopus")[:200],
    "the end of an MP3": lambda: file_of(QUIET, "mp3", "libmp3lame")[-40:],
    "half an MP4": lambda: (sound := file_of(QUIET, "ipod", "aac"))[: len(sound) // 2],
    "a shuffled WebM": lambda: _shuffled(file_of(tone(2.0), "webm", "libopus")),
    "a shuffled FLAC": lambda: _shuffled(file_of(tone(2.0), "flac", "flac")),
    "a shuffled MP4": lambda: _shuffled(file_of(tone(2.0), "ipod", "aac")),
    "a WAV without sound": lambda: wav_of(b""),
    # Something else.
    "a subtitle": _subtitle,
    "a playlist": lambda: PLAYLIST,
    "a concatenation": lambda: CONCAT,
    "a page": lambda: b"<!doctype html><script>alert(1)</script>",
    "a drawing": lambda: SVG,
    "entities of XML": lambda: LAUGHS,
    "a program": lambda: b"\x7fELF\x02\x01\x01" + bytes(500),
    "a page before a WAV": lambda: b"<!doctype html><script>alert(1)</script>" + wav_of(QUIET),
    "a WAV before a zip": lambda: _wav() + _zip(),
    "a PDF": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj\n%%EOF",
    "SDP": lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
}
