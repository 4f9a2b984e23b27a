"""Draining moves everything from the shelter to the cloud.

The cloud is a second SQLite file and a folder, and in a few tests a real bucket.
"""

import contextlib
import itertools
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import DataError, OperationalError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from audio.recordings import Owner
from audio.storages import ChecksumMismatch
from conversations import outbox, rows, store
from conversations.changes import message_key
from conversations.drafts import Draft
from conversations.models import Conversation, LastClear, Message, PendingChange
from conversations.store import StoredConversation
from migration import drain, waiting
from migration.drain import Report
from migration.waiting import PendingCounts
from tests.clouds import ALIAS, DATABASES, Half, use_bucket
from tests.servers import S3Server

pytestmark = [pytest.mark.django_db(databases=DATABASES), pytest.mark.usefixtures("database")]
LEARNER, OTHER = uuid.uuid4(), uuid.uuid4()
AT = datetime(2024, 5, 1, tzinfo=UTC)
VOICE = Clip(b"a voice", "audio/webm", 1.0)
OTHER_VOICE = Clip(b"another voice", "audio/webm", 1.0)


def save(
    *turns: str, wire_id: str = "conv-1", replace: bool = False, voice: Clip | None = None, **columns: Any
) -> StoredConversation:
    drafts = [Draft(each, "user", each, AT, audio=voice) for each in turns]
    return store.save(LEARNER, wire_id, columns=columns, messages=drafts, replace=replace)


def drained() -> Report:
    """Drain everything. Return the report, which has no failures."""
    report = drain.drain()
    assert report.failed == {}
    assert waiting.counts() == PendingCounts(0, 0, 0)
    assert not PendingChange.objects.using("local").exists()
    return report


def kept(wire_id: str = "conv-1") -> dict[str, bytes]:
    """Return the conversation's messages and recordings in the cloud alone."""
    stored = store.get(LEARNER, wire_id)
    assert stored
    assert stored.storage == "cloud"
    voices = {key: recordings.read(row) for key, row in stored.recordings.items()}
    return {row.content: voices[row.audio_key] if row.audio_key else b"" for row in stored.messages}


def files(folder: Path) -> int:
    return len([path for path in folder.rglob("*") if path.is_file()])


# Conversations


def test_what_waits_is_moved(database: Half) -> None:
    with database.outage():
        save("a", "b")
        save("c", wire_id="conv-2")
    assert drained().conversations == 2
    assert (kept(), kept("conv-2")) == ({"a": b"", "b": b""}, {"c": b""})


def test_moving_again_moves_nothing(database: Half) -> None:
    with database.outage():
        save("a")
    drained()
    assert drained().moved == 0


def test_while_the_database_is_down_nothing_is_moved(database: Half) -> None:
    database.goes_down()
    save("a")
    assert drain.drain().moved == 0
    assert waiting.counts() == PendingCounts(1, 0, 0)


def test_more_than_one_batch_is_moved(database: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "BATCH", 3)
    with database.outage():
        for number in range(8):
            save("a", wire_id=f"conv-{number}")
    assert drained().conversations == 8


def test_draining_can_be_ended_between_batches(database: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "BATCH", 3)
    with database.outage():
        for number in range(8):
            save("a", wire_id=f"conv-{number}")
    report = Report()
    # Before the recordings, before the first batch of changes, and before the second.
    for _ in itertools.islice(drain.steps(report), 3):
        pass
    assert report.conversations == 3


def test_what_the_cloud_knows_of_a_conversation_stays(database: Half) -> None:
    known: dict[str, Any] = {"title": "Mine", "config": {"voice": "alloy"}, "goals": [{"text": "Ask", "done": True}]}
    save("a", **known)
    with database.outage():
        save("b", topic="Travel")
    drained()
    row = Conversation.objects.using(ALIAS).get()
    assert {name: getattr(row, name) for name in known} == known
    assert (row.topic, kept()) == ("Travel", {"a": b"", "b": b""})


def test_a_replacement_replaces_what_the_cloud_has(database: Half) -> None:
    save("a", "b")
    with database.outage():
        save("b", "c", replace=True)
    drained()
    assert kept() == {"b": b"", "c": b""}


def test_a_deletion_is_carried_out(database: Half) -> None:
    save("a")
    with database.outage():
        store.delete(LEARNER, "conv-1")
    drained()
    assert Conversation.objects.using(ALIAS).get().deleted_at
    assert store.get(LEARNER, "conv-1") is None


def test_a_deletion_that_was_undone_is_not(database: Half) -> None:
    save("a")
    with database.outage():
        store.delete(LEARNER, "conv-1")
        store.restore(LEARNER, "conv-1")
    drained()
    assert kept() == {"a": b""}


def test_a_renaming_and_replaced_words_are_carried_out(database: Half) -> None:
    save("x", topic="Travel")
    with database.outage():
        save("a")
        store.change(LEARNER, "conv-1", {"title": "Mine"})
        store.replace_words(LEARNER, "conv-1", "a", "replaced", [])
    drained()
    row = Conversation.objects.using(ALIAS).get()
    assert (row.title, row.topic, set(kept())) == ("Mine", "Travel", {"x", "replaced"})


def test_what_was_erased_meanwhile_is_erased_in_the_cloud(database: Half) -> None:
    save("a", voice=VOICE)
    with database.outage():
        store.delete(LEARNER, "conv-1")
        store.erase_deleted(before=datetime.now(UTC))
    drained()
    store.erase_deleted(before=datetime.now(UTC))
    assert set(Message.objects.using(ALIAS).values_list("content", flat=True)) == {""}
    assert not Recording.objects.using(ALIAS).exists()


def test_what_was_said_to_an_erased_conversation_is_there_alone(database: Half) -> None:
    save("a")
    store.delete(LEARNER, "conv-1")
    store.erase_deleted(before=datetime.now(UTC))
    with database.outage():
        save("late")
    drained()
    store.erase_deleted(before=datetime.now(UTC) + timedelta(days=1))
    assert kept() == {"late": b""}


def test_words_of_a_change_that_is_older_than_the_deletion_are_erased(database: Half) -> None:
    save("a")
    with database.outage():
        save("late")
        store.delete(LEARNER, "conv-1")
    drained()
    store.erase_deleted(before=datetime.now(UTC) + timedelta(days=1))
    assert set(Message.objects.using(ALIAS).values_list("content", flat=True)) == {""}


@pytest.mark.parametrize("how", ["delete", "clear"])
def test_words_said_to_a_conversation_that_was_deleted_before_the_outage_are_not_lost(database: Half, how: str) -> None:
    save("a")
    store.delete(LEARNER, "conv-1") if how == "delete" else store.clear(LEARNER)
    with database.outage():
        save("b")
    drained()
    assert kept() == {"a": b"", "b": b""}


def test_a_clearing_is_carried_out_and_forgotten(database: Half) -> None:
    save("a")
    save("b", wire_id="conv-2")
    store.save(OTHER, "conv-1", columns={}, messages=[], replace=False)
    with database.outage():
        store.clear(LEARNER)
    drained()
    assert Conversation.objects.using(ALIAS).exclude(deleted_at=None).count() == 2
    assert (store.history(LEARNER), len(store.history(OTHER))) == ([], 1)


def test_what_was_saved_after_a_clearing_stays(database: Half) -> None:
    save("a", title="Cleared")
    with database.outage():
        store.clear(LEARNER)
        save("b")
        save("c", wire_id="conv-2")
    save("d", wire_id="conv-3")
    drained()
    assert (kept(), kept("conv-2"), kept("conv-3")) == ({"b": b""}, {"c": b""}, {"d": b""})
    assert Conversation.objects.using(ALIAS).get(wire_id="conv-1").title == ""


def test_one_that_the_database_does_not_take_does_not_keep_the_others(
    database: Half, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.outage():
        for name in ("good-1", "bad", "good-2"):
            save("a", wire_id=name)
    write = rows.write

    def picky(using: str, copies: Any, seen: Any) -> None:
        copies = list(copies)
        if using == ALIAS and any(each.conversation.wire_id == "bad" for each in copies):
            raise DataError("value too long")
        write(using, copies, seen)

    monkeypatch.setattr(rows, "write", picky)
    report = drain.drain()
    bad = PendingChange.objects.using("local").get()
    assert (report.conversations, bad.change["wire_id"]) == (2, "bad")
    assert report.failed == {str(bad.conversation): "the database does not take it: value too long"}


def test_one_that_is_written_to_while_it_moves_is_moved_again(database: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.outage():
        save("a")
    write = rows.write

    def meanwhile(using: str, copies: Any, seen: Any) -> None:
        write(using, copies, seen)
        monkeypatch.setattr(rows, "write", write)
        database.breaker.up = False
        save(title="Mine")
        database.breaker.up = True

    monkeypatch.setattr(rows, "write", meanwhile)
    assert drained().conversations == 2
    assert Conversation.objects.using(ALIAS).get().title == "Mine"


# Recordings


def test_a_recording_is_moved_with_its_row(bucket: Half, recordings_folder: Path, tmp_path: Path) -> None:
    with bucket.outage():
        save("a", voice=VOICE)
    report = drained()
    assert (report.recordings, report.bytes) == (1, len(VOICE.data))
    assert (kept(), files(recordings_folder), files(tmp_path / "bucket")) == ({"a": VOICE.data}, 0, 1)
    assert Recording.objects.using(ALIAS).get().place == "cloud"


def test_a_row_is_moved_without_a_bucket_and_its_file_stays(database: Half, recordings_folder: Path) -> None:
    with database.outage():
        save("a", voice=VOICE)
    drained()
    assert (kept(), files(recordings_folder)) == ({"a": VOICE.data}, 1)


def test_a_recording_is_moved_while_the_database_is_down(
    database: Half, bucket: Half, recordings_folder: Path, tmp_path: Path
) -> None:
    database.goes_down()
    with bucket.outage():
        save("a", voice=VOICE)
    drain.drain()
    assert Recording.objects.using("local").get().place == "cloud"
    assert (files(recordings_folder), files(tmp_path / "bucket")) == (0, 1)
    database.comes_back()
    drained()
    assert kept() == {"a": VOICE.data}


def test_a_conversation_is_moved_while_the_bucket_is_down(database: Half, bucket: Half) -> None:
    bucket.goes_down()
    with database.outage():
        save("a", voice=VOICE)
    assert drain.drain().conversations == 1
    assert waiting.counts() == PendingCounts(0, 1, len(VOICE.data))
    assert kept() == {"a": VOICE.data}


def test_a_bucket_that_fails_meanwhile_does_not_keep_the_conversations(
    database: Half, bucket: Half, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bucket.outage(), database.outage():
        save("a", voice=VOICE)
    bucket.stays_down()
    monkeypatch.setattr(storages["audio_cloud"], "put", raising(OSError("connection refused")))
    assert drain.drain().conversations == 1
    assert not bucket.breaker.up


def test_many_recordings_are_moved_and_the_queries_do_not_grow(database: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "BATCH", 2)
    with database.outage():
        for number in range(10):
            save("a", wire_id=f"conv-{number}", voice=VOICE)
    with CaptureQueriesContext(connections["local"]) as queries:
        assert drained().recordings == 10
    batches = [query["sql"] for query in queries if 'ORDER BY "audio_recording"' in query["sql"]]
    assert len(batches) == 6
    assert len(batches[-1]) == len(batches[1])


def unmoved(bucket: Half, recordings_folder: Path, spoil: Callable[[Path], object]) -> tuple[str, str]:
    """Damage one waiting file beside an intact one. Return the reason in the report, and the key.

    The damaged one stays, and the other one moves.
    """
    with bucket.outage():
        key = save("a", voice=VOICE).messages[0].audio_key
        save("b", wire_id="conv-2", voice=VOICE)
    spoil(recordings_folder / key)
    report = drain.drain()
    assert (report.recordings, kept("conv-2")) == (1, {"b": VOICE.data})
    assert Recording.objects.using("local").get().key == key
    assert drain.drain().failed == report.failed
    ((name, why),) = report.failed.items()
    assert name == key
    return why, key


def test_a_file_that_is_missing_is_named_and_waits(bucket: Half, recordings_folder: Path) -> None:
    assert unmoved(bucket, recordings_folder, Path.unlink)[0] == "its file is missing"


def test_a_removal_that_was_interrupted_after_the_file_is_finished(
    database: Half, bucket: Half, recordings_folder: Path
) -> None:
    with bucket.outage():
        superseded = save("a", voice=VOICE).messages[0].audio_key
        row = Recording.objects.using("local").get(key=superseded)
        save("a", voice=OTHER_VOICE)
        (recordings_folder / superseded).unlink(missing_ok=True)
        if not Recording.objects.using("local").filter(pk=row.pk).exists():
            row.save(using="local", force_insert=True)
    report = drain.drain()
    assert report.failed == {}
    assert not Recording.objects.using("local").exists()
    assert kept() == {"a": OTHER_VOICE.data}


def test_of_a_missing_file_nothing_is_said_while_the_database_cannot_be_asked(
    database: Half, bucket: Half, recordings_folder: Path
) -> None:
    with bucket.outage():
        key = save("a", voice=VOICE).messages[0].audio_key
    (recordings_folder / key).unlink()
    with database.outage():
        assert drain.drain().failed == {}
    assert drain.drain().failed == {key: "its file is missing"}


@pytest.mark.parametrize("data", [b"a vo", b"", b"a choir"])
def test_a_file_that_was_truncated_or_changed_is_named_and_stays(
    bucket: Half, recordings_folder: Path, data: bytes
) -> None:
    why, key = unmoved(bucket, recordings_folder, lambda path: path.write_bytes(data))
    assert why == "its file is not what was kept: the SHA-256 differs"
    assert (recordings_folder / key).read_bytes() == data


def test_what_does_not_arrive_as_it_was_sent_is_named_and_stays(
    bucket: Half, recordings_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bucket.outage():
        key = save("a", voice=VOICE).messages[0].audio_key
    monkeypatch.setattr(storages["audio_cloud"], "put", raising(ChecksumMismatch("It arrived changed.")))
    assert drain.drain().failed == {key: "It arrived changed."}
    assert files(recordings_folder) == 1


def kept_twice(database: Half) -> tuple[str, str]:
    """Save the same recording of a message in the cloud and in the shelter. Return both keys."""
    first = save("a", voice=VOICE).messages[0].audio_key
    with database.outage():
        second = save("a", voice=VOICE).messages[0].audio_key
    assert first != second
    return first, second


def test_bytes_that_were_kept_twice_are_there_for_whoever_names_them(
    database: Half, bucket: Half, recordings_folder: Path, tmp_path: Path
) -> None:
    keys = kept_twice(database)
    drained()
    assert (kept(), Message.objects.using(ALIAS).get().audio_key) == ({"a": VOICE.data}, keys[1])
    assert (files(recordings_folder), files(tmp_path / "bucket")) == (0, 2)
    assert set(Recording.objects.using(ALIAS).values_list("key", flat=True)) == set(keys)


def test_so_are_those_whose_second_copy_waits_for_the_bucket(
    database: Half, bucket: Half, recordings_folder: Path, tmp_path: Path
) -> None:
    save("a", voice=VOICE)
    with bucket.outage(), database.outage():
        save("a", voice=VOICE)
    drained()
    assert (kept(), files(recordings_folder), files(tmp_path / "bucket")) == ({"a": VOICE.data}, 0, 2)


def test_so_are_those_without_a_bucket(database: Half, recordings_folder: Path) -> None:
    kept_twice(database)
    drained()
    assert (kept(), files(recordings_folder)) == ({"a": VOICE.data}, 2)


def test_so_are_those_of_which_the_conversation_has_moved_before(database: Half, bucket: Half) -> None:
    _, second = kept_twice(database)
    # The conversation moves with this save, but the recording's row does not.
    save("b")
    drained()
    assert kept() == {"a": VOICE.data, "b": b""}
    assert Message.objects.using(ALIAS).get(content="a").audio_key == second


def test_a_recording_that_belongs_to_no_message_is_moved_too(database: Half, bucket: Half) -> None:
    owner = Owner(LEARNER, uuid.uuid4(), message_key(uuid.uuid4(), "x"), "user")
    with database.outage(), bucket.outage():
        recordings.keep(owner, VOICE)
    assert drained().recordings == 1


# Interruptions


class Interrupted(BaseException):
    """Simulate a killed process. No code handles it."""


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    return fail


def once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: str, error: BaseException) -> list[int]:
    """Let the next call raise, before or after its work. Return a list that gets an item then."""
    original = getattr(owner, name)
    raised: list[int] = []

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        if raised:
            return original(*args, **kwargs)
        # This comes first, because several threads may call.
        raised.append(1)
        if when == "after":
            original(*args, **kwargs)
        raise error

    monkeypatch.setattr(owner, name, interrupted)
    return raised


STEPS = {
    "upload": lambda: (drain, "_upload_one"),
    "hand over": lambda: (drain, "_hand_over"),
    "insert the row": lambda: (drain, "insert"),
    "delete the file": lambda: (storages["audio_local"], "delete"),
    "ask what is there": lambda: (drain, "_already_there"),
    "write the conversation": lambda: (rows, "write"),
    "remove the changes": lambda: (outbox, "remove"),
    "move a batch": lambda: (drain, "_move"),
    "clear": lambda: (store, "carry_out_clear"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", [Interrupted(), OperationalError("connection refused"), OSError("the disk is full")])
def test_an_interruption_loses_and_doubles_nothing(
    database: Half,
    bucket: Half,
    recordings_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    when: str,
    how: BaseException,
) -> None:
    save("a", voice=VOICE)
    save("gone", wire_id="conv-2")
    with bucket.outage(), database.outage():
        store.clear(LEARNER)
        save("b", "c", voice=VOICE)
        save("d", wire_id="conv-3", voice=VOICE)
    raised = once(monkeypatch, *STEPS[step](), when, how)
    with contextlib.suppress(Interrupted, OperationalError, OSError):
        drain.drain()
    assert raised == [1]
    for half in (database, bucket):
        half.comes_back()
    drained()
    assert kept() == {"b": VOICE.data, "c": VOICE.data}
    assert kept("conv-3") == {"d": VOICE.data}
    assert len(store.history(LEARNER)) == 2
    assert (files(recordings_folder), files(tmp_path / "bucket")) == (0, 4)
    # The row of the cleared recording is deleted when it is erased.
    assert Recording.objects.using(ALIAS).count() == 4


# With a real bucket


@pytest.fixture
def real_bucket(settings: Any, s3: S3Server, database: Half) -> Any:
    options = {
        "bucket_name": s3.env["S3_BUCKET_NAME"],
        "access_key": s3.env["AWS_ACCESS_KEY_ID"],
        "secret_key": s3.env["AWS_SECRET_ACCESS_KEY"],
        "region_name": s3.env["AWS_REGION"],
        "endpoint_url": s3.endpoint,
    }
    use_bucket(settings, "audio.s3.S3AudioStorage", options)
    yield Half(store.cloud.bucket)
    s3.empty()


def test_recordings_are_moved_byte_for_byte(s3: S3Server, real_bucket: Half, recordings_folder: Path) -> None:
    s3.empty()
    voices = {f"conv-{number}": Clip(bytes([number]) * 20_000, "audio/webm", 1.0) for number in range(10)}
    with real_bucket.outage():
        for wire_id, voice in voices.items():
            save("a", wire_id=wire_id, voice=voice)
    assert drained().recordings == 10
    assert {wire_id: kept(wire_id)["a"] for wire_id in voices} == {each: voice.data for each, voice in voices.items()}
    assert sorted(s3.objects().values()) == sorted(voice.data for voice in voices.values())
    assert files(recordings_folder) == 0


def test_what_was_uploaded_before_an_interruption_is_uploaded_once_more_and_is_there_once(
    s3: S3Server, real_bucket: Half, monkeypatch: pytest.MonkeyPatch
) -> None:
    with real_bucket.outage():
        save("a", voice=VOICE)
    once(monkeypatch, drain, "_hand_over", "before", Interrupted())
    with pytest.raises(Interrupted):
        drain.drain()
    assert len(s3.objects()) == 1
    drained()
    assert list(s3.objects().values()) == [VOICE.data]


def test_a_drain_that_ends_halfway_in_a_database_that_rolls_nothing_back_is_finished(
    database: Half, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_rolls_back", lambda using: using != ALIAS)
    monkeypatch.setattr(rows, "_atomic", lambda using: contextlib.nullcontext())
    store.save(LEARNER, "conv-1", columns={}, messages=[Draft("a", "user", "old", AT), Draft("b", "user", "b", AT)])
    with database.outage():
        store.save(LEARNER, "conv-1", columns={"title": "Mine"}, messages=[Draft("a", "user", "new", AT)])
    differing = rows.differing

    def once_failing(row: Any, seen: Any) -> Any:
        if isinstance(row, Message) and "conversation" not in failed:
            failed.append("conversation")
            raise Interrupted
        return differing(row, seen)

    failed: list[str] = []
    # The first comparison of messages decides whether anything changed, the second one is in the midst of writing.
    monkeypatch.setattr(rows, "_changed", lambda copies, seen: [(each, seen[each.conversation.pk]) for each in copies])
    monkeypatch.setattr(rows, "differing", once_failing)
    with pytest.raises(Interrupted):
        drain.drain()
    assert Conversation.objects.using(ALIAS).get().title == ""
    drained()
    assert (kept(), Conversation.objects.using(ALIAS).get().title) == ({"new": b""}, "Mine")


def test_a_batch_that_takes_too_long_is_halved(database: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.outage():
        for number in range(8):
            save("a", wire_id=f"conv-{number}")
    write = rows.write

    def slow(using: str, copies: Any, seen: Any) -> None:
        copies = list(copies)
        if len(copies) > 2:
            raise OperationalError("canceling statement due to statement timeout")
        write(using, copies, seen)

    monkeypatch.setattr(rows, "write", slow)
    monkeypatch.setattr(drain, "_batch", drain.BATCH)
    for _ in range(10):
        drain.drain()
        database.comes_back()
    assert waiting.counts() == PendingCounts(0, 0, 0)


def test_a_clearing_that_waits_is_counted(database: Half) -> None:
    save("a")
    database.goes_down()
    store.clear(LEARNER)
    assert waiting.counts() == PendingCounts(1, 0, 0)


# Rows from a time when the cloud was off


def test_rows_that_were_saved_with_the_cloud_off_are_moved(
    database: Half, bucket: Half, settings: Any, recordings_folder: Path
) -> None:
    settings.CLOUD_DATABASE, settings.CLOUD_AUDIO = "", False
    save("a", voice=VOICE)
    settings.CLOUD_DATABASE, settings.CLOUD_AUDIO = ALIAS, True
    assert waiting.counts() == PendingCounts(1, 1, len(VOICE.data))
    report = drained()
    assert (report.conversations, report.recordings) == (1, 1)
    assert not Conversation.objects.using("local").exists()
    assert (kept(), files(recordings_folder)) == ({"a": VOICE.data}, 0)


def test_changes_that_wait_when_the_cloud_is_switched_off_are_applied_here(database: Half, settings: Any) -> None:
    with database.outage():
        save("a")
    settings.CLOUD_DATABASE = ""
    stored = store.get(LEARNER, "conv-1")
    assert stored
    assert [row.content for row in stored.messages] == ["a"]
    assert drain.drain().conversations == 1
    assert Conversation.objects.using("local").get().wire_id == "conv-1"
    assert not PendingChange.objects.using("local").exists()


def test_rows_that_are_older_than_a_clearing_by_another_server_are_cleared(database: Half, settings: Any) -> None:
    settings.CLOUD_DATABASE = ""
    save("a")
    settings.CLOUD_DATABASE = ALIAS
    store.carry_out_clear(LastClear(LEARNER, timezone.now() + timedelta(seconds=1)), ALIAS)
    assert (store.get(LEARNER, "conv-1"), store.history(LEARNER)) == (None, [])
    drained()
    assert (store.get(LEARNER, "conv-1"), store.history(LEARNER)) == (None, [])


def test_a_clearing_with_the_cloud_off_clears_the_cloud_when_it_is_on(database: Half, settings: Any) -> None:
    save("a")
    settings.CLOUD_DATABASE = ""
    save("b", wire_id="conv-2")
    store.clear(LEARNER)
    save("c", wire_id="conv-3")
    settings.CLOUD_DATABASE = ALIAS
    assert waiting.can_move()
    drained()
    assert [each.conversation.wire_id for each in store.history(LEARNER)] == ["conv-3"]
    assert not waiting.can_move()


def test_a_clearing_that_waits_when_the_cloud_is_switched_off_is_not_lost(database: Half, settings: Any) -> None:
    save("a")
    with database.outage():
        store.clear(LEARNER)
    settings.CLOUD_DATABASE = ""
    drain.drain()
    settings.CLOUD_DATABASE = ALIAS
    drained()
    assert store.history(LEARNER) == []


def test_a_conversation_stays_that_began_after_a_clearing_by_a_server_whose_clock_is_ahead(database: Half) -> None:
    store.carry_out_clear(LastClear(LEARNER, timezone.now() + timedelta(minutes=3)), ALIAS)
    save("a")
    with database.outage():
        save("b")
    drained()
    assert kept() == {"a": b"", "b": b""}
