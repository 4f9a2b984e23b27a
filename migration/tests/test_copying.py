"""Copy between two stores, here two SQLite databases and two folders, and report what could not be copied."""

import errno
import hashlib
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import OperationalError, connections

from audio.models import Recording
from audio.s3 import StoredObject
from conversations.models import Conversation, LastClear, LearnerPreferences, Message
from migration import copying as module
from migration import selection, stores, transfer
from migration.copying import Hopeless
from migration.tests.talks import AT, copied, copying, file_of, keys, later, recording, talk, titles
from tests.clouds import ALIAS, DATABASES, FolderBucket, Half

pytestmark = [
    # Threads use the databases, too.
    pytest.mark.django_db(databases=DATABASES, transaction=True),
    pytest.mark.usefixtures("database", "bucket"),
]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)


def in_bucket(row: Recording) -> bytes:
    return file_of(row, "audio_cloud").read_bytes()


# What is copied


def test_rows_and_bytes_arrive() -> None:
    row = talk("hello")
    done = copied()
    assert (done.conversations, done.recordings, done.bytes, done.failures) == (1, 1, 5, 0)
    assert titles(ALIAS) == {"hello"}
    assert Message.objects.using(ALIAS).get().audio_key == row.key
    assert in_bucket(row) == b"hello"
    assert Recording.objects.using(ALIAS).get().place == Recording.Place.CLOUD


def test_what_learners_have_chosen_arrives_and_does_not_undo_a_later_choice() -> None:
    mine, other = uuid.uuid4(), uuid.uuid4()
    for learner, using, days, stamp in ((mine, "local", 7, 1), (other, "local", 7, 1), (other, ALIAS, 30, 2)):
        LearnerPreferences.objects.using(using).create(
            learner=learner, retention_days=days, audio_refused_at=AT, stamps={"retention_days": stamp}, updated_at=AT
        )
    copied(dry_run=True)
    assert LearnerPreferences.objects.using(ALIAS).count() == 1
    copied()
    there = dict(LearnerPreferences.objects.using(ALIAS).values_list("pk", "retention_days"))
    assert there == {mine: 7, other: 30}


def test_nothing_is_taken_from_the_source() -> None:
    row = talk("hello")
    copied()
    assert (titles("local"), keys("local"), file_of(row).read_bytes()) == ({"hello"}, {row.key}, b"hello")
    assert Recording.objects.using("local").get().place == Recording.Place.LOCAL


def test_a_second_time_nothing_is_copied() -> None:
    talk("hello")
    copied()
    again = copied()
    assert (again.conversations, again.conversations_same) == (0, 1)
    assert (again.recordings, again.recordings_same, again.bytes) == (0, 1, 0)


@pytest.mark.parametrize("learner", [None, uuid.UUID(int=1)])
def test_clearings_are_copied_and_a_later_one_stays(learner: uuid.UUID | None) -> None:
    for number in (1, 2):
        LastClear.objects.using("local").create(learner=uuid.UUID(int=number), moment=AT)
    LastClear.objects.using(ALIAS).create(learner=uuid.UUID(int=1), moment=later())
    copied(learner=learner)
    there = dict(LastClear.objects.using(ALIAS).values_list("pk", "moment"))
    assert there == {uuid.UUID(int=1): later()} | ({} if learner else {uuid.UUID(int=2): AT})
    copied("cloud", "local", learner=learner)
    assert LastClear.objects.using("local").get(pk=uuid.UUID(int=1)).moment == later()


def test_and_back_again() -> None:
    row = talk("hello", using=ALIAS, storage="audio_cloud")
    done = copied("cloud", "local")
    assert (done.conversations, done.recordings) == (1, 1)
    assert file_of(row).read_bytes() == b"hello"
    assert Recording.objects.using("local").get().place == Recording.Place.LOCAL


def test_more_than_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "ROWS_AT_ONCE", 3)
    rows = [talk(f"number {number}") for number in range(14)]
    assert (copied().recordings, len(titles(ALIAS))) == (14, 14)
    assert [in_bucket(row) for row in rows] == [f"number {number}".encode() for number in range(14)]


def test_of_both_the_newer_holds() -> None:
    key = uuid.uuid4()
    talk("older", key=key)
    talk("newer", key=key, using=ALIAS, at=later())
    copied()
    assert titles(ALIAS) == {"newer"}
    copied("cloud", "local")
    assert titles("local") == {"newer"}


def test_a_newer_one_replaces_what_is_there() -> None:
    key = uuid.uuid4()
    talk("newer", key=key, at=later())
    talk("older", key=key, using=ALIAS)
    copied()
    assert titles(ALIAS) == {"newer"}
    assert Message.objects.using(ALIAS).get().content == "newer"


def test_a_deletion_is_copied_as_well() -> None:
    row = talk("hello")
    copied()
    Conversation.objects.using("local").update(deleted_at=later(), updated_at=later())
    copied()
    assert Conversation.objects.using(ALIAS).get().deleted_at == later()
    assert Conversation.objects.using(ALIAS).get().pk == row.conversation


def test_a_voice_that_was_kept_twice_stays_under_both_keys() -> None:
    """A message may name either key."""
    near = talk("hello")
    far = recording(near.message, b"hello", conversation=near.conversation, using=ALIAS, storage="audio_cloud")
    assert near.pk == far.pk
    assert copied().failures == 0
    assert keys(ALIAS) == {near.key, far.key}
    assert (in_bucket(near), in_bucket(far)) == (b"hello", b"hello")
    assert copied().recordings_same == 1


def test_a_row_whose_bytes_are_still_elsewhere_gets_them() -> None:
    row = talk("hello")
    there = Recording.objects.using("local").get()
    # Its place is local.
    there.save(using=ALIAS, force_insert=True)
    assert copied().recordings == 1
    assert Recording.objects.using(ALIAS).get().place == Recording.Place.CLOUD
    assert in_bucket(row) == b"hello"


# Selection


def test_a_dry_run_counts_and_changes_nothing() -> None:
    talk("hello")
    done = copied(dry_run=True)
    assert (done.conversations, done.recordings, done.bytes) == (1, 1, 5)
    assert (titles(ALIAS), keys(ALIAS)) == (set(), set())
    assert not Path(storages["audio_cloud"].path("audio")).exists()


def test_one_learners_alone() -> None:
    learner = uuid.uuid4()
    mine = talk("mine", learner=learner)
    talk("theirs")
    copied(learner=learner)
    assert (titles(ALIAS), keys(ALIAS)) == ({"mine"}, {mine.key})


def test_what_was_said_since() -> None:
    talk("before")
    after = talk("after", at=later())
    copied(since=later(1))
    assert (titles(ALIAS), keys(ALIAS)) == ({"after"}, {after.key})


def test_a_conversation_since_comes_with_all_its_recordings() -> None:
    row = talk("after", at=later())
    early = recording(uuid.uuid4(), b"early", conversation=row.conversation, at=AT)
    assert copying(since=later(1)).plan().recordings == 2
    copied(since=later(1))
    assert keys(ALIAS) == {row.key, early.key}


def test_the_plan_says_what_there_is() -> None:
    talk("four")
    talk("seven..")
    plan = copying().plan()
    assert (plan.conversations, plan.recordings, plan.bytes) == (2, 2, 11)


def test_a_store_that_is_not_configured_is_refused_with_those_that_are() -> None:
    with pytest.raises(stores.Unknown, match=r"no store 'nowhere' here\. There are: local, cloud"):
        stores.named("nowhere")


# What cannot be copied


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda file: file.unlink(), "its file is missing"),
        (lambda file: file.write_bytes(b"hel"), "SHA-256 differs"),
        (lambda file: file.write_bytes(b"jello"), "SHA-256 differs"),
    ],
    ids=["missing", "truncated", "changed"],
)
def test_a_harmed_recording_is_named_and_the_rest_goes_on(harm: Any, reason: str) -> None:
    bad, good = talk("hello"), talk("world")
    harm(file_of(bad))
    done = copied()
    assert (done.failures, list(done.failed)) == (1, [bad.key])
    assert reason in done.failed[bad.key]
    assert (keys(ALIAS), titles(ALIAS)) == ({good.key}, {"hello", "world"})
    assert not file_of(bad, "audio_cloud").exists()


def test_a_key_that_leads_elsewhere_is_named() -> None:
    talk("hello")
    Recording.objects.using("local").update(key="../../elsewhere")
    assert "leads out" in copied().failed["../../elsewhere"]


def test_what_leaves_the_source_meanwhile_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    row = talk("hello")

    def leaves(*_: Any) -> bytes:
        Recording.objects.using("local").filter(pk=row.pk).delete()
        connections["local"].close()
        raise transfer.Missing("its file is missing")

    monkeypatch.setattr(transfer, "read", leaves)
    done = copied()
    assert (done.failures, done.recordings_same) == (0, 1)


class Flaky(FolderBucket):
    """Fail every second call."""

    calls = 0

    def _flip(self) -> None:
        Flaky.calls += 1
        if Flaky.calls % 2:
            raise OSError("SlowDown")

    def put(self, *arguments: Any, **more: Any) -> None:
        self._flip()
        super().put(*arguments, **more)


class Full(FolderBucket):
    def put(self, *arguments: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


class Lossy(FolderBucket):
    """Store other bytes than the ones sent."""

    def put(self, name: str, data: bytes, *arguments: Any) -> None:
        super().put(name, data[:-1] + b"?", *arguments)


class Proving(FolderBucket):
    """Answer a PUT with the checksum of the stored bytes, as S3 does."""

    said = hashlib.sha256(b"hello").hexdigest()

    def put(self, *arguments: Any, **more: Any) -> str:  # type: ignore[override]
        super().put(*arguments, **more)
        return self.said

    def head(self, name: str) -> StoredObject:
        raise OSError("it was asked")


def the_bucket_is(kind: type[FolderBucket], settings: Any) -> None:
    audio = settings.STORAGES["audio_cloud"] | {"BACKEND": f"{__name__}.{kind.__name__}"}
    settings.STORAGES = settings.STORAGES | {"audio_cloud": audio}


def test_a_bucket_that_fails_now_and_then_is_asked_again(settings: Any) -> None:
    the_bucket_is(Flaky, settings)
    for number in range(10):
        talk(f"number {number}")
    assert (copied(workers=1).recordings, len(keys(ALIAS))) == (10, 10)


def test_a_bucket_that_says_what_it_has_stored_is_not_asked(settings: Any) -> None:
    the_bucket_is(Proving, settings)
    row, other = talk("hello"), talk("world")
    done = copied()
    assert keys(ALIAS) == {row.key}
    # Its checksum is another one.
    assert done.failed == {other.key: "it was asked"}


def test_a_full_disk_is_not_tried_again_and_ends_the_copy(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    the_bucket_is(Full, settings)
    monkeypatch.setattr(module, "PAUSE", 60.0)
    monkeypatch.setattr(module, "HOPELESS", 5)
    for number in range(6):
        talk(f"number {number}")
    with pytest.raises(Hopeless, match=r"5 recordings in a row .* No space left on device"):
        copied()
    assert keys(ALIAS) == set()


class Hanging(FolderBucket):
    """Time out on every call."""

    calls = 0

    def put(self, *arguments: Any, **more: Any) -> None:
        Hanging.calls += 1
        raise OSError("it did not answer in time")


@pytest.fixture
def hanging(bucket: Half, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hanging, "calls", 0)
    # Every try takes longer than this.
    monkeypatch.setattr(module, "LONGEST", -1.0)
    the_bucket_is(Hanging, settings)


@pytest.mark.usefixtures("hanging")
def test_a_bucket_that_hangs_is_not_asked_once_more() -> None:
    row = talk("hello")
    assert copied().failed == {row.key: "it did not answer in time"}
    assert Hanging.calls == 1


@pytest.mark.usefixtures("hanging")
def test_nobody_waits_for_the_rest_of_a_batch_that_is_hopeless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOPELESS", 3)
    for number in range(10):
        talk(f"number {number}")
    copy = copying(workers=1)
    with pytest.raises(Hopeless, match=r"it did not answer in time\.$"):
        copy.run()
    assert copy.progress.failures == 3


def test_what_has_arrived_before_it_was_hopeless_is_kept(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full after half of a batch."""
    monkeypatch.setattr(module, "HOPELESS", 3)
    the_bucket_is(FillingUp, settings)
    monkeypatch.setattr(FillingUp, "room", 4)
    for number in range(10):
        talk(f"number {number}")
    with pytest.raises(Hopeless):
        copied(workers=1)
    assert len(keys(ALIAS)) == 4


class FillingUp(FolderBucket):
    room = 0

    def put(self, *arguments: Any, **more: Any) -> None:
        FillingUp.room -= 1
        if FillingUp.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().put(*arguments, **more)


def test_what_arrives_differently_has_no_row(settings: Any) -> None:
    the_bucket_is(Lossy, settings)
    row = talk("hello")
    assert "not what was sent" in copied(reads_back=True).failed[row.key]
    assert keys(ALIAS) == set()


def test_reading_back_finds_a_flipped_bit_and_mends_it() -> None:
    row = talk("hello")
    copied()
    file_of(row, "audio_cloud").write_bytes(b"hellp")
    # Without reading back, the difference is not found.
    assert copied().recordings_same == 1
    assert copied(reads_back=True).recordings == 1
    assert in_bucket(row) == b"hello"


def test_a_database_that_fails_ends_the_copy() -> None:
    talk("hello")
    connections[ALIAS].cursor().execute("ALTER TABLE conversations_message RENAME TO gone")
    try:
        with pytest.raises(OperationalError, match="no such table"):
            copied()
    finally:
        connections[ALIAS].cursor().execute("ALTER TABLE gone RENAME TO conversations_message")


# Bucket to bucket, and a cloud without a database


def test_a_bucket_alone_is_copied_to_another(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = talk("hello", using=ALIAS, storage="audio_cloud")
    talk("not in a bucket", using=ALIAS)
    other = stores.Store("s3://other", None, Recording.Place.CLOUD, bucket="other")
    other.__dict__["audio"] = FolderBucket(location=tmp_path / "other")
    source = stores.Store("s3://one", None, Recording.Place.CLOUD, bucket="one")
    source.__dict__["audio"] = storages["audio_cloud"]
    done = module.Copying(source, other).run()
    assert (done.recordings, done.failures) == (1, 0)
    assert (tmp_path / "other" / row.key).read_bytes() == b"hello"
    assert module.Copying(source, other).run().recordings_same == 1


def test_without_a_database_in_the_cloud_the_bytes_alone_move(settings: Any) -> None:
    settings.CLOUD_DATABASE = None
    row = talk("hello")
    assert copied().recordings == 1
    assert Recording.objects.using("local").get().place == Recording.Place.CLOUD
    assert in_bucket(row) == b"hello"
