"""ID3 tags are removed before a file is decoded, so compressed ones cannot fill the memory. The sound stays."""

import resource

import pytest

from audio import id3_tags
from audio.encoding import from_upload, to_pcm
from audio.tests.sounds import file_of, likeness, tone
from tests.fuzzing.hostile_files import zipped_tag

SOUND = tone(2.0)
SIZE_MB, TAGS = 10, 15


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.fixture(scope="module")
def tags() -> bytes:
    return zipped_tag(TAGS, SIZE_MB * 2**20)


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("adts", "aac")])
def test_compressed_tags_take_no_memory(tags: bytes, container: str, codec: str) -> None:
    plain = file_of(SOUND, container, codec, title="A title")
    expected = to_pcm(plain)
    before = peak_mb()
    # ffmpeg also reads tags between two frames of AAC.
    between = [plain + tags + plain] if codec == "aac" else []
    for data in (tags + plain, tags + tags + plain, *between):
        assert likeness(to_pcm(data), expected) > 0.98
    # The file with two tags has 300 MB in them.
    assert peak_mb() - before < 100


def test_a_file_with_tags_is_kept_byte_for_byte() -> None:
    data = zipped_tag(1, 10_000) + file_of(SOUND, "mp3", "libmp3lame")
    assert from_upload(data).data == data


@pytest.mark.parametrize("data", [b"ID3\x04", b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"ID3\x03\0\0\0\0\0\0" * 3, b""])
def test_a_broken_tag_ends(data: bytes) -> None:
    assert not id3_tags.INSIDE.search(id3_tags.removed(data))
