import pytest

from audio import mp3
from audio.encoding import BYTES_PER_SECOND, from_upload, to_pcm
from audio.tests.sounds import tone


def test_pieces_of_any_size_become_one_file():
    pcm, encoder = tone(1), mp3.Mp3Encoder()
    pieces = [encoder.feed(pcm[start : start + 4_801]) for start in range(0, len(pcm), 4_801)]
    sound = b"".join([*pieces, encoder.finish()])
    assert len(to_pcm(sound)) / BYTES_PER_SECOND == pytest.approx(1, abs=0.1)


def test_frames_come_before_the_end():
    assert mp3.Mp3Encoder().feed(tone(1))


def test_no_sound_gives_no_bytes():
    encoder = mp3.Mp3Encoder()
    assert (encoder.feed(b""), encoder.feed(b"\0")) == (b"", b"")


def test_it_is_kept_as_it_is():
    clip = mp3.from_pcm(tone(1))
    assert from_upload(clip.data).data == clip.data
    assert (clip.content_type, clip.duration) == ("audio/mpeg", 1.0)


def test_the_same_sound_is_the_same_bytes():
    assert mp3.from_pcm(tone(1)).data == mp3.from_pcm(tone(1)).data
