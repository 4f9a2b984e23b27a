"""A small MP4 file whose tables promise millions of samples is refused before ffmpeg makes room for them."""

import io
import struct
import time

import av
import numpy as np
import pytest

from audio import mp4_tables
from audio.encoding import RATE, BadAudio, from_upload, to_pcm
from audio.tests.sounds import file_of, tone
from tests.fuzzing.hostile_files import atom, mp4_of

MANY = 80_000_000
RUN = atom(b"trun", struct.pack(">II", 0, MANY))
FRAGMENT = atom(b"moof", atom(b"traf", RUN))
ONE_EACH = atom(b"stts", struct.pack(">IIII", 0, 1, MANY, 1))
BOMBS = {
    "samples of AAC": mp4_of(MANY),
    "samples in a fragment": file_of(tone(0.1), "mp4", "aac") + FRAGMENT,
    "samples of an empty file's fragment": mp4_of(1) + FRAGMENT,
    "samples in chunks": mp4_of(MANY, size=2, codec=b"sowt", chunk=2**31 - 1, stts=ONE_EACH),
    "compressed tables": mp4_of(1) + atom(b"moov", atom(b"cmov", bytes(20))),
    "a box that ends nowhere": mp4_of(MANY)[8:],
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS.keys())
def test_it_is_refused(data: bytes) -> None:
    assert len(data) < 5_000
    with pytest.raises(BadAudio, match="more pieces than a recording"):
        from_upload(data)


@pytest.mark.parametrize("piece", [b"stsc" + b"\xff" * 8, b"stco", b"\0\0\0\x08free", b"trun"])
def test_millions_of_tables_are_counted_in_a_moment(piece: bytes) -> None:
    data = b"\0\0\0\x08moov" + piece * (24_000_000 // len(piece))
    began = time.process_time()
    mp4_tables.is_bomb(data)
    assert time.process_time() - began < 2


def _fragmented(seconds: float) -> bytes:
    """Return what a browser's MediaRecorder writes: an MP4 file of many fragments."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"}) as out:
        stream = out.add_stream("aac", rate=RATE, layout="mono")
        samples = np.frombuffer(tone(seconds), "<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


FILES = {
    "AAC": lambda: file_of(tone(3.0), "ipod", "aac"),
    "AAC in fragments": lambda: _fragmented(3.0),
    "Opus": lambda: file_of(tone(3.0), "mp4", "libopus"),
    "a minute of PCM": lambda: file_of(tone(60.0), "mov", "pcm_s16le"),
}


@pytest.mark.parametrize("make", FILES.values(), ids=FILES.keys())
def test_a_recording_is_read(make) -> None:
    data = make()
    assert not mp4_tables.is_bomb(data)
    assert len(to_pcm(data)) >= 2.9 * RATE * 2


def test_ten_minutes_of_pcm_at_a_high_rate_are_no_bomb() -> None:
    samples = 600 * 192_000
    each = atom(b"stts", struct.pack(">IIII", 0, 1, samples, 1))
    assert not mp4_tables.is_bomb(mp4_of(samples, size=2, codec=b"sowt", chunk=samples, stts=each))
