import io

import av
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


def test_the_speech_is_marked_as_synthetic():
    """ffmpeg reads the tag."""
    with av.open(io.BytesIO(mp3.from_pcm(tone(1)).data)) as file:
        assert file.metadata["DIGITAL_SOURCE_TYPE"].endswith("/digitalsourcetype/trainedAlgorithmicMedia")
        assert file.format.name == "mp3"


def test_the_mark_comes_once_and_with_the_first_frames():
    encoder = mp3.Mp3Encoder()
    assert encoder.feed(tone(0.5)).startswith(b"ID3")
    assert b"ID3" not in encoder.feed(tone(0.5)) + encoder.finish()


def test_no_sound_gives_no_bytes():
    encoder = mp3.Mp3Encoder()
    assert (encoder.feed(b""), encoder.feed(b"\0")) == (b"", b"")


def test_it_is_kept_as_it_is():
    clip = mp3.from_pcm(tone(1))
    assert from_upload(clip.data).data == clip.data
    assert (clip.content_type, clip.duration) == ("audio/mpeg", 1.0)


def test_the_same_sound_is_the_same_bytes():
    assert mp3.from_pcm(tone(1)).data == mp3.from_pcm(tone(1)).data
