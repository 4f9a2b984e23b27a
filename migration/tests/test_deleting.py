"""`--delete-source` deletes only what the destination holds."""

from typing import Any

import pytest

from audio.models import Recording
from conversations.models import Conversation, Message
from migration.deleting import DeletionCounts, delete_source
from migration.tests.talks import copied, copying, file_of, keys, later, talk, titles
from tests.clouds import ALIAS, DATABASES, FolderBucket

pytestmark = [
    pytest.mark.django_db(databases=DATABASES, transaction=True),
    pytest.mark.usefixtures("database", "bucket"),
]


class Unreadable(FolderBucket):
    def _open(self, *arguments: Any) -> Any:
        raise OSError("timed out")


def test_what_the_destination_has_goes() -> None:
    row = talk("hello")
    copied()
    assert delete_source(copying()) == DeletionCounts(conversations=1, recordings=1)
    assert (titles("local"), keys("local"), file_of(row).exists()) == (set(), set(), False)
    assert not Message.objects.using("local").exists()
    assert (titles(ALIAS), file_of(row, "audio_cloud").read_bytes()) == ({"hello"}, b"hello")


def test_what_was_never_copied_stays() -> None:
    row = talk("hello")
    assert delete_source(copying()) == DeletionCounts(kept=2)
    assert (titles("local"), file_of(row).read_bytes()) == ({"hello"}, b"hello")


@pytest.mark.parametrize("harmed", [b"hellp", b"hell", None], ids=["flipped", "truncated", "missing"])
def test_a_recording_that_is_not_there_byte_for_byte_stays(harmed: bytes | None) -> None:
    row = talk("hello")
    copied()
    file = file_of(row, "audio_cloud")
    file.unlink() if harmed is None else file.write_bytes(harmed)
    done = delete_source(copying())
    assert (done.recordings, done.kept) == (0, 1)
    assert (keys("local"), file_of(row).read_bytes()) == ({row.key}, b"hello")


def test_a_destination_that_cannot_be_read_keeps_everything(settings: Any) -> None:
    row = talk("hello")
    copied()
    audio = settings.STORAGES["audio_cloud"] | {"BACKEND": f"{__name__}.Unreadable"}
    settings.STORAGES = settings.STORAGES | {"audio_cloud": audio}
    assert delete_source(copying()).recordings == 0
    assert file_of(row).exists()


def test_a_conversation_that_was_written_to_since_stays() -> None:
    row = talk("hello")
    copied()
    Conversation.objects.using("local").update(title="changed", updated_at=later())
    assert delete_source(copying()).conversations == 0
    assert titles("local") == {"changed"}
    assert Message.objects.using("local").get().conversation_id == row.conversation


def test_a_message_that_the_destination_does_not_have_keeps_its_conversation() -> None:
    talk("hello")
    copied()
    Message.objects.using(ALIAS).all().delete()
    assert delete_source(copying()).conversations == 0


def test_what_was_kept_is_mended_by_reading_and_goes_then() -> None:
    row = talk("hello")
    copied()
    file_of(row, "audio_cloud").write_bytes(b"hellp")
    delete_source(copying())
    copied(reads_back=True)
    assert delete_source(copying()).recordings == 1
    assert file_of(row, "audio_cloud").read_bytes() == b"hello"


def test_without_a_database_in_the_cloud_the_rows_stay(settings: Any) -> None:
    """The rows are the only copy."""
    settings.CLOUD_DATABASE = None
    row = talk("hello")
    copied()
    delete_source(copying())
    assert (titles("local"), keys("local")) == ({"hello"}, {row.key})
    assert (file_of(row).exists(), file_of(row, "audio_cloud").read_bytes()) == (False, b"hello")
    assert Recording.objects.using("local").get().place == Recording.Place.CLOUD


def test_from_the_cloud_the_bucket_is_emptied() -> None:
    row = talk("hello", using=ALIAS, storage="audio_cloud")
    copied("cloud", "local")
    delete_source(copying("cloud", "local"))
    assert (keys(ALIAS), file_of(row, "audio_cloud").exists()) == (set(), False)
    assert (keys("local"), file_of(row).read_bytes()) == ({row.key}, b"hello")
