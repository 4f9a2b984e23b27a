"""The store works with a cloud, whose database is a second SQLite file. `migration` tests draining."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from conversations import database_probe, lookup, outbox, rows, store
from conversations.drafts import Draft
from conversations.models import Conversation, LastClear, Message, PendingChange
from conversations.rows import Changed
from conversations.store import ConversationDeleted, OutOfReach, StoredConversation, WriteConflict
from conversations.tests.test_concurrency import at_once
from tests.clients import LearnerClient
from tests.clouds import ALIAS, DATABASES, Half

pytestmark = [pytest.mark.django_db(databases=DATABASES), pytest.mark.usefixtures("database")]
LEARNER, OTHER = uuid.uuid4(), uuid.uuid4()
AT = datetime(2024, 5, 1, tzinfo=UTC)
VOICE = Clip(b"a voice", "audio/webm", 1.0)


def turn(message: str, *, seconds: int = 0, voice: Clip | None = None) -> Draft:
    """Return a turn whose text is its id."""
    return Draft(message, "user", message, AT + timedelta(seconds=seconds), audio=voice)


def save(
    *turns: str, wire_id: str = "conv-1", replace: bool = False, learner: uuid.UUID = LEARNER, **columns: Any
) -> StoredConversation:
    drafts = [turn(each) for each in turns]
    return store.save(learner, wire_id, columns=columns, messages=drafts, replace=replace)


def speak(wire_id: str = "conv-1") -> StoredConversation:
    return store.save(LEARNER, wire_id, columns={}, messages=[turn("a", voice=VOICE)], replace=False)


def words(stored: StoredConversation | None) -> set[str]:
    return {message.content for message in stored.messages} if stored else set()


def kept() -> set[str]:
    return words(store.get(LEARNER, "conv-1"))


def listed(**asked: Any) -> list[str]:
    return [each.conversation.wire_id for each in store.history(LEARNER, **asked)]


def count(alias: str) -> tuple[int, int]:
    """Count the conversations and messages there, including tombstones."""
    return Conversation.objects.using(alias).count(), Message.objects.using(alias).count()


def waiting() -> int:
    """Count the changes in the outbox. No rows are in the local database while the cloud is on."""
    assert count("local") == (0, 0)
    return PendingChange.objects.using("local").count()


# Where a write goes


def test_while_the_cloud_is_up_it_goes_there() -> None:
    assert save("a").storage == "cloud"
    assert (count(ALIAS), waiting()) == ((1, 1), 0)


def test_while_it_is_down_it_goes_to_the_outbox(database: Half) -> None:
    database.goes_down()
    assert save("a").storage == "local"
    assert (count(ALIAS), waiting()) == ((0, 0), 1)


def test_with_the_cloud_off_the_local_database_is_the_database(settings: Any) -> None:
    settings.CLOUD_DATABASE = ""
    assert save("a").storage == "local"
    assert count("local") == (1, 1)


def test_an_open_breaker_costs_no_query(database: Half) -> None:
    database.goes_down()
    with CaptureQueriesContext(connections[ALIAS]) as queries:
        save("a")
        store.history(LEARNER)
        store.get(LEARNER, "conv-1")
    assert len(queries) == 0


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_a_database_that_fails_during_a_save_opens_the_breaker_and_loses_nothing(
    database: Half, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database.stays_down()
    connection = connections[ALIAS]
    connection.close()
    name, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], tmp_path / "nowhere" / "db.sqlite3"
    try:
        stored = save("a")
    finally:
        connection.settings_dict["NAME"] = name
    assert (stored.storage, database.breaker.up) == ("local", False)
    assert "unable to open database file" in caplog.text
    assert waiting() == 1


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_a_database_that_can_only_be_read_opens_the_breaker_and_loses_nothing(
    database: Half, caplog: pytest.LogCaptureFixture
) -> None:
    save("a")
    database.stays_down()
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("PRAGMA query_only = on")
    try:
        stored = save("b")
    finally:
        connections[ALIAS].close()
    assert (stored.storage, database.breaker.up) == ("local", False)
    assert "attempt to write a readonly database" in caplog.text
    database.comes_back()
    assert kept() == {"a", "b"}


def test_a_voice_is_kept_with_its_row_in_the_outbox(database: Half) -> None:
    database.goes_down()
    stored = speak()
    assert recordings.read(stored.recordings[stored.messages[0].audio_key]) == VOICE.data
    assert Recording.objects.using("local").count() == 1


def test_a_voice_is_kept_in_the_bucket(bucket: Half, tmp_path: Path) -> None:
    key = speak().messages[0].audio_key
    assert (tmp_path / "bucket" / key).read_bytes() == VOICE.data
    assert Recording.objects.using(ALIAS).get().place == "cloud"


def test_a_voice_waits_for_the_bucket_with_its_row(bucket: Half, recordings_folder: Path) -> None:
    bucket.goes_down()
    stored = speak()
    assert stored.storage == "cloud"
    assert (recordings_folder / stored.messages[0].audio_key).read_bytes() == VOICE.data
    assert Recording.objects.using("local").get().place == "local"


def test_the_row_of_a_voice_waits_for_the_database(database: Half, bucket: Half) -> None:
    database.goes_down()
    speak()
    assert Recording.objects.using("local").get().place == "cloud"


# Reads


def test_reads_are_merged() -> None:
    save("a", topic="Travel")
    with Half(store.cloud.database).outage():
        save("b", title="Mine")
    stored = store.get(LEARNER, "conv-1")
    assert stored
    assert words(stored) == {"a", "b"}
    assert (stored.conversation.topic, stored.conversation.title) == ("Travel", "Mine")


def test_a_list_is_merged(database: Half) -> None:
    save("a")
    with database.outage():
        save("b")
        save("c", wire_id="conv-2")
    assert {each.conversation.wire_id: words(each) for each in store.history(LEARNER)} == {
        "conv-1": {"a", "b"},
        "conv-2": {"c"},
    }


def test_what_is_local_is_served_while_it_is_down(database: Half) -> None:
    save("a")
    save("b", wire_id="conv-2")
    database.goes_down()
    save("c")
    assert (listed(), kept()) == (["conv-1"], {"c"})


def test_what_may_be_in_the_cloud_is_out_of_reach(database: Half) -> None:
    save("a")
    database.goes_down()
    with pytest.raises(OutOfReach):
        store.get(LEARNER, "conv-1")


def test_what_is_in_neither_is_not_there() -> None:
    assert store.get(LEARNER, "conv-1") is None


def test_what_is_seen_says_where_it_lies(database: Half) -> None:
    save("a")
    save("b", wire_id="conv-2")
    with database.outage():
        save("c")
    assert {each.conversation.wire_id: each.storage for each in store.history(LEARNER)} == {
        "conv-1": "local",
        "conv-2": "cloud",
    }
    one, two = store.get(LEARNER, "conv-1"), store.get(LEARNER, "conv-2")
    assert one
    assert two
    assert (one.storage, two.storage) == ("local", "cloud")


def test_a_pending_voice_can_be_heard(database: Half) -> None:
    save("b")
    with database.outage():
        speak()
    (stored,) = store.history(LEARNER)
    assert [recordings.read(row) for row in stored.recordings.values()] == [VOICE.data]


def test_an_operator_sees_both_halves(database: Half) -> None:
    save("a")
    with database.outage():
        key = save("b").conversation.pk
    assert words(store.look_up(key)) == {"a", "b"}


def test_an_outsider_sees_nothing_that_waits(database: Half) -> None:
    with database.outage():
        save("a")
    assert store.get(OTHER, "conv-1") is None
    assert store.history(OTHER) == []


def some_conversations(database: Half) -> list[str]:
    """Save ten conversations, every second one in the outbox. Return the newest first."""
    for number in range(10):
        with database.outage() if number % 2 else database.up():
            save("a", wire_id=f"conv-{number}", timestamp=AT + timedelta(minutes=number))
    return [f"conv-{number}" for number in reversed(range(10))]


def test_a_list_has_the_newest_of_both(database: Half) -> None:
    every = some_conversations(database)
    assert listed(limit=4) == every[:4]
    assert listed(limit=50) == every


def test_a_list_goes_on_behind_a_pending_one_and_behind_one_of_the_cloud(database: Half) -> None:
    every, pages, before = some_conversations(database), [], None
    while page := store.history(LEARNER, limit=3, before=before):
        pages += [each.conversation.wire_id for each in page]
        before = (page[-1].conversation.timestamp, page[-1].conversation.pk)
    assert pages == every


def test_a_pending_change_of_the_moment_moves_it_in_the_list(database: Half) -> None:
    some_conversations(database)
    with database.outage():
        save("b", wire_id="conv-0", timestamp=AT + timedelta(hours=1))
    assert listed(limit=2) == ["conv-0", "conv-9"]


def test_pending_deletions_leave_room_for_others(database: Half) -> None:
    every = some_conversations(database)
    with database.outage():
        for wire_id in every[:4]:
            store.delete(LEARNER, wire_id)
    assert listed(limit=3) == every[4:7]


def queries_for(read: Callable[[], object]) -> int:
    with CaptureQueriesContext(connections[ALIAS]) as far, CaptureQueriesContext(connections["local"]) as near:
        read()
    return len(far) + len(near)


def test_a_list_takes_as_many_queries_for_many_as_for_few(database: Half) -> None:
    def both(number: int) -> None:
        save("a", wire_id=f"far-{number}")
        with database.outage():
            save("a", wire_id=f"near-{number}")
            save("b", wire_id=f"far-{number}")

    both(0)
    few = queries_for(lambda: store.history(LEARNER))
    for number in range(1, 8):
        both(number)
    assert queries_for(lambda: store.history(LEARNER)) == few < 12


def test_a_turn_takes_as_many_queries_in_a_long_conversation(database: Half) -> None:
    save("a")
    few = queries_for(lambda: save("b"))
    save(*[f"turn-{number}" for number in range(300)])
    assert queries_for(lambda: save("c")) == few < 12


# Pending changes go to the cloud with the next write


def test_what_waits_goes_along_with_the_next_write(database: Half) -> None:
    with database.outage():
        save("a", topic="Travel")
    assert save("b").storage == "cloud"
    assert waiting() == 0
    assert kept() == {"a", "b"}


def test_a_turn_saved_meanwhile_keeps_what_the_cloud_knows_of_the_conversation(database: Half) -> None:
    known: dict[str, Any] = {
        "title": "Mine",
        "topic": "Travel",
        "config": {"voice": "alloy"},
        "goals": [{"text": "Ask", "done": True}],
    }
    save("a", **known)
    with database.outage():
        save("b")
    save("c")
    row = Conversation.objects.using(ALIAS).get()
    assert {name: getattr(row, name) for name in known} == known


def test_what_is_saved_again_meanwhile_keeps_what_it_does_not_say(database: Half) -> None:
    noted = Draft("a", "user", "a", AT, corrections=[{"said": "x"}], interrupted=True)
    store.save(LEARNER, "conv-1", columns={}, messages=[noted])
    with database.outage():
        save("a")
    message = words_of(save("b"), "a")
    assert (message.corrections, message.interrupted) == ([{"said": "x"}], True)


def words_of(stored: StoredConversation, message: str) -> Message:
    return next(row for row in stored.messages if row.wire_id == message)


def test_a_replacement_meanwhile_replaces_what_is_in_the_cloud(database: Half) -> None:
    save("a", "b")
    with database.outage():
        save("b", "c", replace=True)
    assert kept() == {"b", "c"}
    save("b", "c", replace=True, title="Again")
    assert kept() == {"b", "c"}


@pytest.mark.parametrize("then", ["append", "rename", "delete and restore", "drop"])
def test_a_replacement_meanwhile_holds_whatever_the_next_write_is(database: Half, then: str) -> None:
    save("a", "b", "x")
    with database.outage():
        save("c", "x", replace=True)
    if then == "append":
        save("d")
    elif then == "rename":
        store.change(LEARNER, "conv-1", {"title": "Mine"})
    elif then == "drop":
        store.drop_message(LEARNER, "conv-1", "x")
    else:
        store.delete(LEARNER, "conv-1")
        store.restore(LEARNER, "conv-1")
    assert waiting() == 0
    assert kept() == {"c"} | {"append": {"d", "x"}, "drop": set()}.get(then, {"x"})


def test_it_stays_in_the_outbox_where_the_database_fails_after_all(
    database: Half, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.outage():
        save("a")
    write = rows.write

    def failing(using: str, *rest: Any) -> None:
        if using == ALIAS:
            raise store.cloud.Unavailable
        write(using, *rest)

    monkeypatch.setattr(rows, "write", failing)
    assert save("b").storage == "local"
    monkeypatch.undo()
    assert kept() == {"a", "b"}


# The other verbs, during an outage and after it


def test_a_deletion_hides_what_the_cloud_still_has(database: Half) -> None:
    save("a")
    with database.outage():
        assert store.delete(LEARNER, "conv-1")
    assert store.get(LEARNER, "conv-1") is None
    assert listed() == []
    assert store.is_deleted(LEARNER, "conv-1")


def test_nothing_is_added_to_what_was_deleted_meanwhile(database: Half) -> None:
    save("a")
    database.goes_down()
    store.delete(LEARNER, "conv-1")
    with pytest.raises(ConversationDeleted):
        save("b")
    database.comes_back()
    with pytest.raises(ConversationDeleted):
        save("b")


def test_what_is_saved_anew_after_a_deletion_meanwhile_is_there(database: Half) -> None:
    save("a")
    with database.outage():
        store.delete(LEARNER, "conv-1")
        save("b", replace=True)
    assert kept() == {"b"}


def test_a_deletion_meanwhile_can_be_undone_meanwhile(database: Half) -> None:
    save("a")
    with database.outage():
        store.delete(LEARNER, "conv-1")
        store.restore(LEARNER, "conv-1")
    assert kept() == {"a"}


def test_a_deletion_meanwhile_can_be_undone_afterwards(database: Half) -> None:
    save("a", title="Mine")
    with database.outage():
        store.delete(LEARNER, "conv-1")
    restored = store.restore(LEARNER, "conv-1")
    assert restored
    assert (words(restored), restored.conversation.title) == ({"a"}, "Mine")


def test_an_older_deletion_cannot_be_undone_while_nobody_knows(database: Half) -> None:
    save("a")
    store.delete(LEARNER, "conv-1")
    database.goes_down()
    with pytest.raises(OutOfReach):
        store.restore(LEARNER, "conv-1")


def test_a_deletion_of_what_waits_reaches_the_cloud(database: Half) -> None:
    save("a")
    with database.outage():
        save("b")
    assert store.delete(LEARNER, "conv-1")
    assert Conversation.objects.using(ALIAS).get().deleted_at
    assert waiting() == 0


def test_what_is_out_of_reach_cannot_be_renamed(database: Half) -> None:
    save("a")
    database.goes_down()
    with pytest.raises(OutOfReach):
        store.change(LEARNER, "conv-1", {"title": "Mine"})


def test_what_waits_can_be_renamed(database: Half) -> None:
    save("a", topic="Travel")
    with database.outage():
        save("b")
        store.change(LEARNER, "conv-1", {"title": "Mine"})
    stored = store.get(LEARNER, "conv-1")
    assert stored
    assert (stored.conversation.title, stored.conversation.topic) == ("Mine", "Travel")


def test_words_of_a_waiting_message_can_be_replaced(database: Half) -> None:
    save("a")
    with database.outage():
        save("b")
        assert words(store.replace_words(LEARNER, "conv-1", "b", "replaced", [])) == {"replaced"}
    assert kept() == {"a", "replaced"}


def test_words_of_a_message_out_of_reach_cannot_be_replaced(database: Half) -> None:
    save("a")
    database.goes_down()
    save("b")
    with pytest.raises(OutOfReach):
        store.replace_words(LEARNER, "conv-1", "a", "replaced", [])


def test_an_answer_can_be_taken_back_meanwhile(database: Half) -> None:
    save("a", "b")
    with database.outage():
        store.drop_message(LEARNER, "conv-1", "b")
    assert kept() == {"a"}


def test_a_deletion_of_what_this_server_does_not_have_does_nothing_later(database: Half) -> None:
    # Another server has begun the conversation in its own outbox, so here there is none yet.
    with database.outage():
        store.drop_message(LEARNER, "conv-1", "a")
    assert not store.delete(LEARNER, "conv-1")
    assert not store.is_deleted(LEARNER, "conv-1")
    assert not Conversation.objects.using(ALIAS).exclude(deleted_at=None).exists()


# Clear


def test_clearing_clears_both_and_counts_each_once(database: Half) -> None:
    some_conversations(database)
    with database.outage():
        save("b", wire_id="conv-0")
    assert store.clear(LEARNER) == 10
    assert listed() == []


def test_what_was_pending_when_all_was_cleared_is_not_seen_when_the_cloud_goes_again(database: Half) -> None:
    save("a")
    with database.outage():
        save("b")
    store.clear(LEARNER)
    database.goes_down()
    assert listed() == []


def test_clearing_meanwhile_hides_what_the_cloud_has(database: Half) -> None:
    some_conversations(database)
    with database.outage():
        store.clear(LEARNER)
        assert listed() == []
    assert listed() == []
    assert store.get(LEARNER, "conv-0") is None
    # The five changes that waited, and the clearing.
    assert waiting() == 6


def test_clearing_meanwhile_leaves_what_is_others(database: Half) -> None:
    save("a", learner=OTHER)
    with database.outage():
        store.clear(LEARNER)
    assert len(store.history(OTHER)) == 1


def test_what_is_saved_after_a_clearing_is_there(database: Half) -> None:
    save("a")
    with database.outage():
        store.clear(LEARNER)
        save("b", wire_id="conv-2")
    save("c", wire_id="conv-3")
    assert sorted(listed()) == ["conv-2", "conv-3"]


def test_what_is_added_after_a_clearing_is_there_without_what_was_cleared(database: Half) -> None:
    save("a", title="Cleared")
    with database.outage():
        store.clear(LEARNER)
        save("b")
    stored = store.get(LEARNER, "conv-1")
    assert stored
    assert (words(stored), stored.conversation.title) == ({"b"}, "")
    save("c")
    assert kept() == {"b", "c"}


def test_what_was_cleared_meanwhile_can_be_saved_anew(database: Half) -> None:
    save("a")
    with database.outage():
        store.clear(LEARNER)
    save("b", replace=True)
    assert (kept(), listed()) == ({"b"}, ["conv-1"])


def test_nothing_is_added_to_what_was_cleared_meanwhile(database: Half) -> None:
    save("a")
    with database.outage():
        store.clear(LEARNER)
    with pytest.raises(ConversationDeleted):
        save("b")


def test_what_came_to_the_cloud_after_a_clearing_is_not_taken_for_cleared(database: Half) -> None:
    with database.outage():
        store.clear(LEARNER)
        save("a", "b", replace=True)
    # This also moves what waited to the cloud, before any other write.
    store.change(LEARNER, "conv-1", {"title": "Mine"})
    with database.outage():
        save("b", replace=True)
    assert kept() == {"b"}
    save("c")
    stored = store.get(LEARNER, "conv-1")
    assert stored
    assert (stored.storage, words(stored), stored.conversation.title) == ("cloud", {"b", "c"}, "Mine")


def test_a_clearing_meanwhile_can_be_undone_one_by_one(database: Half) -> None:
    save("a")
    with database.outage():
        store.clear(LEARNER)
    assert words(store.restore(LEARNER, "conv-1")) == {"a"}
    assert listed() == ["conv-1"]


def test_an_undone_clearing_brings_back_what_was_pending(database: Half) -> None:
    save("a", title="Before")
    with database.outage():
        save("b", title="Renamed")
    store.clear(LEARNER)
    restored = store.restore(LEARNER, "conv-1")
    assert restored
    assert (restored.conversation.title, words(restored)) == ("Renamed", {"a", "b"})


@pytest.mark.parametrize("cleared_in_the_outage", [True, False])
def test_a_clearing_leaves_a_pending_deletion_with_what_it_deletes(database: Half, cleared_in_the_outage: bool) -> None:
    save("a", title="Before")
    with database.outage():
        save("b", title="Renamed")
        store.delete(LEARNER, "conv-1")
        if cleared_in_the_outage:
            store.clear(LEARNER)
    if not cleared_in_the_outage:
        store.clear(LEARNER)
    save("c", wire_id="conv-2")
    assert listed() == ["conv-2"]
    restored = store.restore(LEARNER, "conv-1")
    assert restored
    assert (restored.conversation.title, words(restored)) == ("Renamed", {"a", "b"})


# Erase


def erased_words() -> set[str]:
    """Return all remaining text, in both databases."""
    return {
        content
        for alias in (ALIAS, "local")
        for content in Message.objects.using(alias).values_list("content", flat=True)
    } - {""}


def test_what_was_deleted_in_the_cloud_is_erased_there() -> None:
    speak()
    store.delete(LEARNER, "conv-1")
    assert store.erase_deleted(before=timezone.now()) == 2
    assert erased_words() == set()
    assert not Recording.objects.using(ALIAS).exists()


def test_a_voice_that_waits_for_the_bucket_is_erased_with_its_message(bucket: Half, recordings_folder: Path) -> None:
    with bucket.outage():
        speak()
    store.delete(LEARNER, "conv-1")
    store.erase_deleted(before=timezone.now())
    assert not Recording.objects.using("local").exists()
    assert not list(recordings_folder.rglob("*.webm"))


def test_while_the_bucket_is_down_nothing_is_erased_by_halves(bucket: Half, recordings_folder: Path) -> None:
    speak()
    store.delete(LEARNER, "conv-1")
    bucket.goes_down()
    with pytest.raises(store.cloud.Unavailable):
        store.erase_deleted(before=timezone.now())
    bucket.comes_back()
    assert store.erase_deleted(before=timezone.now()) == 2
    assert not Recording.objects.using(ALIAS).exists()


def test_what_was_erased_in_the_outbox_is_erased_in_the_cloud(database: Half) -> None:
    speak()
    with database.outage():
        store.delete(LEARNER, "conv-1")
        store.erase_deleted(before=timezone.now())
    with pytest.raises(ConversationDeleted):
        save("b")
    store.delete(LEARNER, "conv-1")
    assert store.get(LEARNER, "conv-1") is None


# Concurrent writers


def saver(number: int) -> Callable[[], object]:
    return lambda: save(f"turn-{number}")


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_turns_that_are_saved_at_once_are_all_in_the_cloud() -> None:
    assert at_once(*[saver(number) for number in range(8)]) == []
    assert kept() == {f"turn-{number}" for number in range(8)}
    assert (count(ALIAS), waiting()) == ((1, 8), 0)


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_turns_that_are_saved_while_the_cloud_goes_are_all_kept(database: Half) -> None:
    jobs = [saver(number) for number in range(8)]
    assert at_once(*jobs[:4], database.goes_down, *jobs[4:]) == []
    database.comes_back()
    assert kept() == {f"turn-{number}" for number in range(8)}


@pytest.fixture
def always_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(*args: Any) -> None:
        raise Changed

    monkeypatch.setattr(rows, "write", overtaken)
    monkeypatch.setattr(store, "TRIES", 3)


def test_a_conversation_that_others_write_to_all_the_time_is_busy(always_overtaken: None) -> None:
    with pytest.raises(WriteConflict):
        save("a")


def test_a_busy_conversation_is_answered_without_a_stack_in_the_log(
    always_overtaken: None, owner: LearnerClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = owner.send("/api/conversations", {"id": "conv-1"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.json()["error"].startswith("Other requests keep changing this conversation.")
    assert not [record for record in caplog.records if record.exc_info]


def test_what_somebody_else_wrote_between_reading_and_writing_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    save("a")
    write = rows.write

    def overtaken(*args: Any) -> None:
        monkeypatch.setattr(rows, "write", write)
        save("b", title="Theirs")
        write(*args)

    monkeypatch.setattr(rows, "write", overtaken)
    save("c", topic="Ours")
    row = Conversation.objects.using(ALIAS).get()
    assert (kept(), row.title, row.topic) == ({"a", "b", "c"}, "Theirs", "Ours")


# Through the API


def test_what_is_out_of_reach_is_answered_by_503(owner: LearnerClient, database: Half) -> None:
    owner.send("/api/conversations", {"id": "conv-1"})
    database.goes_down()
    answer = owner.get("/api/conversations/conv-1")
    assert answer.status_code == 503
    assert answer.json() == {
        "error": "The database with this conversation cannot be reached. Nothing is lost; try again in a moment.",
        "storage": "local",
        "degraded": True,
        "down": {"database": "the connection is refused"},
    }


def test_an_answer_says_that_it_was_kept_locally(owner: LearnerClient, database: Half) -> None:
    database.goes_down()
    answer = owner.send("/api/conversations", {"id": "conv-1"}).json()
    assert (answer["storage"], answer["degraded"]) == ("local", True)


def test_an_answer_says_that_it_is_in_the_cloud(owner: LearnerClient) -> None:
    answer = owner.send("/api/conversations", {"id": "conv-1"}).json()
    assert (answer["storage"], "degraded" in answer) == ("cloud", False)


# The probe


def test_the_probe_leaves_nothing_behind() -> None:
    database_probe.probe()
    assert count(ALIAS) == (0, 0)


def test_the_probe_finds_a_database_that_can_only_be_read() -> None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("PRAGMA query_only = on")
    try:
        with pytest.raises(Exception, match="readonly"):
            database_probe.probe()
    finally:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("PRAGMA query_only = off")


@pytest.mark.parametrize("replace", [False, True])
def test_the_size_of_a_conversation_is_that_of_what_is_listed(database: Half, replace: bool) -> None:
    save("a", "b", "c", "d")
    with database.outage():
        save("b", "e", replace=replace)
        store.drop_message(LEARNER, "conv-1", "b")
        assert store.size(LEARNER, "conv-1", "e") == (len(kept()), True)
    expected = {"e"} if replace else {"a", "c", "d", "e"}
    assert kept() == expected
    assert store.size(LEARNER, "conv-1", "e") == (len(expected), True)
    assert store.size(LEARNER, "conv-1", "b") == (len(expected), False)
    assert store.size(LEARNER, "conv-1", "a") == (len(expected), "a" in expected)


# Rows from a time when the cloud was off


@pytest.fixture
def left(settings: Any) -> None:
    """Save a conversation with the cloud off, and switch the cloud on."""
    settings.CLOUD_DATABASE = ""
    save("a", topic="Travel")
    settings.CLOUD_DATABASE = ALIAS


def test_rows_that_wait_to_be_moved_are_read(left: None, database: Half) -> None:
    assert (kept(), listed()) == ({"a"}, ["conv-1"])
    with database.outage():
        assert (kept(), listed()) == ({"a"}, ["conv-1"])


def test_rows_that_wait_go_along_with_the_next_write(left: None) -> None:
    assert save("b", title="Mine").storage == "cloud"
    assert waiting() == 0
    row = Conversation.objects.using(ALIAS).get()
    assert (kept(), row.title, row.topic) == ({"a", "b"}, "Mine", "Travel")


def test_changes_in_an_outage_apply_to_rows_that_wait(left: None, database: Half) -> None:
    with database.outage():
        save("b")
        assert kept() == {"a", "b"}
        store.change(LEARNER, "conv-1", {"title": "Mine"})
        store.clear(LEARNER)
        assert listed() == []
    restored = store.restore(LEARNER, "conv-1")
    assert restored
    assert (words(restored), restored.conversation.title) == ({"a", "b"}, "Mine")


def test_rows_that_wait_can_be_cleared(left: None, database: Half) -> None:
    assert store.clear(LEARNER) == 1
    with database.outage():
        assert listed() == []
    assert (listed(), waiting()) == ([], 0)


# A long outage


def test_many_changes_of_one_conversation_become_few(database: Half) -> None:
    save("a", topic="Travel")
    with database.outage():
        for number in range(3 * outbox.COMPACT_AT):
            save(f"turn-{number}")
            store.change(LEARNER, "conv-1", {"title": f"title {number}"})
        store.drop_message(LEARNER, "conv-1", "turn-0")
        assert waiting() < outbox.COMPACT_AT
    stored = store.get(LEARNER, "conv-1")
    assert stored
    last = 3 * outbox.COMPACT_AT
    assert words(stored) == {"a"} | {f"turn-{number}" for number in range(1, last)}
    assert (stored.conversation.title, stored.conversation.topic) == (f"title {last - 1}", "Travel")


def test_reading_takes_as_many_queries_in_a_long_outage(database: Half) -> None:
    database.goes_down()
    save("a")
    few = queries_for(lambda: (store.get(LEARNER, "conv-1"), store.history(LEARNER)))
    for number in range(2 * outbox.COMPACT_AT):
        save(f"turn-{number}")
    assert queries_for(lambda: (store.get(LEARNER, "conv-1"), store.history(LEARNER))) == few


def test_clearing_takes_as_many_queries_with_many_conversations(database: Half) -> None:
    database.goes_down()
    save("a")
    few = queries_for(lambda: store.clear(LEARNER))
    for number in range(20):
        save("a", wire_id=f"new-{number}")
    assert queries_for(lambda: store.clear(LEARNER)) == few
    assert listed() == []


# Words in the outbox are erased in time


def words_that_wait() -> str:
    return str(list(PendingChange.objects.using("local").values_list("change", flat=True)))


@pytest.mark.parametrize("how", ["delete", "clear", "drop", "replace"])
def test_deleted_words_in_the_outbox_are_erased(database: Half, how: str) -> None:
    database.goes_down()
    save("secret", "open")
    if how == "delete":
        store.delete(LEARNER, "conv-1")
    elif how == "clear":
        store.clear(LEARNER)
    elif how == "drop":
        store.drop_message(LEARNER, "conv-1", "secret")
    else:
        save("open", replace=True)
    assert store.erase_deleted() == 0
    assert "'content': 'secret'" in words_that_wait()
    assert store.erase_deleted(before=timezone.now() + timedelta(seconds=1)) > 0
    assert "'content': 'secret'" not in words_that_wait()
    assert store.erase_deleted(before=timezone.now() + timedelta(seconds=1)) == 0
    database.comes_back()
    assert kept() == (set() if how in ("delete", "clear") else {"open"})


def test_combining_changes_after_a_clearing_keeps_it_cleared(database: Half) -> None:
    with database.outage():
        for number in range(outbox.COMPACT_AT - 1):
            save(f"turn-{number}")
        store.clear(LEARNER)
        store.drop_message(LEARNER, "conv-1", "turn-0")
        assert listed() == []
    assert listed() == []


def test_the_eraser_leaves_what_a_pending_change_brings_back(database: Half) -> None:
    save("a", title="Mine")
    store.delete(LEARNER, "conv-1")
    with database.outage():
        save("b", replace=True)
    store.erase_deleted(before=timezone.now() + timedelta(seconds=1))
    stored = store.get(LEARNER, "conv-1")
    assert stored
    assert (words(stored), stored.conversation.title) == ({"b"}, "Mine")


def test_a_writer_who_read_before_an_erasure_reads_again(database: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    save("a", title="Mine")
    store.delete(LEARNER, "conv-1")
    write = rows.write

    def overtaken(*args: Any) -> None:
        monkeypatch.setattr(rows, "write", write)
        store.erase_deleted(before=timezone.now() + timedelta(seconds=1))
        write(*args)

    monkeypatch.setattr(rows, "write", overtaken)
    save("a", replace=True, title="Mine")
    stored = store.get(LEARNER, "conv-1")
    assert stored
    assert (words(stored), stored.conversation.title) == ({"a"}, "Mine")


def test_after_a_clearing_in_an_outage_a_conversation_is_not_there(database: Half) -> None:
    save("a")
    with database.outage():
        store.clear(LEARNER)
        assert store.get(LEARNER, "conv-1") is None


def test_an_older_clearing_does_not_move_the_last_one_back(database: Half) -> None:
    later = timezone.now() + timedelta(seconds=1)
    for moment in (later, later - timedelta(minutes=1)):
        store.carry_out_clear(LastClear(LEARNER, moment), ALIAS)
    assert LastClear.objects.using(ALIAS).get().moment == later


def test_copies_of_cleared_conversations_are_deleted(database: Half) -> None:
    database.goes_down()
    key = save("a").conversation.pk
    store.clear(LEARNER)
    assert lookup.with_pending({}, [key])[key].conversation.deleted_at


# The admin


def test_the_list_of_operators_says_that_the_database_is_down(database: Half, operator: Client) -> None:
    save("a")
    with database.outage():
        save("b")
        page = operator.get("/admin/conversations/conversation/")
    text = (
        "database is down (the connection is refused), so they are not listed. Changes of 1 conversation wait for it."
    )
    assert text in page.content.decode()
    assert "database is down" not in operator.get("/admin/conversations/conversation/").content.decode()
