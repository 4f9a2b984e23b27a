import hashlib
import os
import re
import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connections

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from audio.recordings import Owner

pytestmark = pytest.mark.django_db(databases=["default", "local"])
SAID = Clip(b"what was said", "audio/webm", 1.5)


def somebody(role: str = "user") -> Owner:
    return Owner(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), role)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_kept_can_be_read() -> None:
    assert recordings.read(recordings.keep(somebody(), SAID)) == SAID.data


def test_a_recording_says_what_it_is() -> None:
    kept = recordings.keep(somebody(), SAID)
    assert (kept.size, kept.duration, kept.content_type) == (13, 1.5, "audio/webm")
    assert kept.sha256 == hashlib.sha256(SAID.data).hexdigest()


def test_keeping_twice_keeps_one(recordings_folder: Path) -> None:
    owner = somebody()
    assert recordings.keep(owner, SAID).key == recordings.keep(owner, SAID).key
    assert Recording.objects.using("local").count() == len(files_in(recordings_folder)) == 1


def test_keeping_again_brings_lost_bytes_back(recordings_folder: Path) -> None:
    owner = somebody()
    kept = recordings.keep(owner, SAID)
    (recordings_folder / kept.key).unlink()
    again = recordings.keep(owner, SAID)
    assert (again.key, recordings.read(again)) == (kept.key, SAID.data)


def test_other_bytes_for_the_same_message_are_another_recording() -> None:
    owner = somebody()
    first, second = recordings.keep(owner, SAID), recordings.keep(owner, Clip(b"said again", "audio/webm", 1.0))
    assert first.key != second.key


def test_the_same_bytes_of_two_messages_are_two_recordings() -> None:
    first, second = recordings.keep(somebody(), SAID), recordings.keep(somebody(), SAID)
    assert first.key != second.key


@pytest.mark.parametrize(
    ("role", "content_type", "end"), [("user", "audio/webm", "-user.webm"), ("assistant", "audio/mpeg", "-ai.mp3")]
)
def test_a_key_has_the_shape_of_those_that_exist(role: str, content_type: str, end: str) -> None:
    at = datetime(2024, 5, 1, tzinfo=UTC)
    kept = recordings.keep(somebody(role), Clip(b"x", content_type, 1.0), at=at)
    assert re.fullmatch(r"audio/1714521600000-[0-9a-f]{32}-[0-9a-f]{48}" + re.escape(end), kept.key)


def test_a_key_cannot_be_guessed_from_what_it_belongs_to() -> None:
    owner, at = somebody(), datetime(2024, 5, 1, tzinfo=UTC)
    kept = recordings.keep(owner, SAID, at=at)
    recordings.remove([kept])
    assert recordings.keep(owner, SAID, at=at).key != kept.key


def test_files_are_the_servers_alone(recordings_folder: Path) -> None:
    path = recordings_folder / recordings.keep(somebody(), SAID).key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_removed_recording_leaves_neither_bytes_nor_row(recordings_folder: Path) -> None:
    recordings.remove([recordings.keep(somebody(), SAID)])
    assert not files_in(recordings_folder)
    assert not Recording.objects.using("local").exists()


def test_a_removal_that_was_interrupted_can_be_done_again(recordings_folder: Path) -> None:
    kept = recordings.keep(somebody(), SAID)
    (recordings_folder / kept.key).unlink()
    recordings.remove([kept])
    assert not Recording.objects.using("local").exists()


def test_reading_what_is_gone_says_so(recordings_folder: Path) -> None:
    kept = recordings.keep(somebody(), SAID)
    (recordings_folder / kept.key).unlink()
    with pytest.raises(FileNotFoundError):
        recordings.read(kept)


def test_only_the_learners_own_are_found() -> None:
    owner = somebody()
    kept, other = recordings.keep(owner, SAID), recordings.keep(somebody(), SAID)
    assert set(recordings.of([kept.key, other.key], learner=owner.learner)) == {kept.key}


def test_a_folder_that_cannot_be_written_is_an_os_error(recordings_folder: Path) -> None:
    recordings_folder.write_text("a file in the place of the folder")
    with pytest.raises(OSError, match="audio"):
        recordings.keep(somebody(), SAID)
    assert not Recording.objects.using("local").exists()


@pytest.mark.parametrize("key", ["../outside.webm", "audio/../../outside.webm", "/etc/passwd"])
def test_a_key_cannot_lead_out_of_the_folder(key: str) -> None:
    with pytest.raises(SuspiciousFileOperation):
        storages["audio_local"].save(key, ContentFile(b"x"))


def test_what_could_not_be_written_leaves_nothing(recordings_folder: Path) -> None:
    class Broken(ContentFile):
        def chunks(self, chunk_size: int | None = None):
            yield b"the first half"
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        storages["audio_local"].save("audio/1.webm", Broken(b"x"))
    assert not files_in(recordings_folder)


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from django.conf import settings
settings.configure(SECRET_KEY="x")
from django.core.files.base import ContentFile
from audio.storages import LocalAudioStorage
storage = LocalAudioStorage(sys.argv[1])
for number in range(10**9):
    storage.save(f"audio/{number}.webm", ContentFile(b"x" * 1_000_000))
    print(number, flush=True)
"""


def test_a_writer_that_is_killed_leaves_no_half_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        acknowledged = [int(writer.stdout.readline()) for _ in range(20)]
        writer.kill()
    sizes = {path.stem: path.stat().st_size for path in (tmp_path / "audio").glob("[0-9]*.webm")}
    assert set(sizes.values()) == {1_000_000}
    assert {str(number) for number in acknowledged} <= set(sizes)


@pytest.mark.django_db(databases=["default", "local"], transaction=True)
def test_two_who_keep_the_same_at_once_keep_one(recordings_folder: Path) -> None:
    owner, together, keys = somebody(), threading.Barrier(4), []

    def keep() -> None:
        together.wait()
        keys.append(recordings.keep(owner, SAID).key)
        connections.close_all()

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert [path.name for path in files_in(recordings_folder)] == [os.path.basename(keys[0])]
