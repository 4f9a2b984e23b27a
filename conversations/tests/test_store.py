import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from conversations import store
from conversations.drafts import Draft
from conversations.models import Conversation, Message
from conversations.store import UNDO, ConversationDeleted, StoredConversation

pytestmark = pytest.mark.django_db(databases=["default", "local"])
LEARNER, OTHER = uuid.uuid4(), uuid.uuid4()
AT = datetime(2024, 5, 1, tzinfo=UTC)
VOICE = Clip(b"a voice", "audio/webm", 1.0)


def turn(message: str = "user-1", content: str = "Hello.", *, seconds: int = 0, voice: Clip | None = None) -> Draft:
    return Draft(message, "user", content, AT + timedelta(seconds=seconds), audio=voice)


def save(
    *turns: Draft, wire_id: str = "conv-1", learner: uuid.UUID = LEARNER, replace: bool = False
) -> StoredConversation:
    return store.save(learner, wire_id, columns={"topic": "Travel"}, messages=turns, replace=replace)


def words(stored: StoredConversation | None) -> list[str]:
    assert stored
    return [message.content for message in stored.messages]


def deleted_ago(ago: timedelta, model: type[Conversation] | type[Message] = Conversation) -> None:
    """Move all deletions back by that time."""
    model._default_manager.using("local").exclude(deleted_at=None).update(deleted_at=timezone.now() - ago)


# Save


def test_a_turn_is_added_to_those_there_are() -> None:
    save(turn())
    save(turn("user-2", "Bye.", seconds=1))
    assert words(store.get(LEARNER, "conv-1")) == ["Hello.", "Bye."]


def test_a_turn_that_is_saved_again_is_there_once() -> None:
    save(turn())
    assert words(save(turn())) == ["Hello."]


def test_turns_of_the_same_moment_stay_in_the_order_they_were_sent() -> None:
    said = [str(number) for number in range(8)]
    assert words(save(*(turn(f"user-{number}", number) for number in said))) == said


def test_a_save_without_messages_leaves_them_as_they_are() -> None:
    save(turn())
    assert words(store.save(LEARNER, "conv-1", columns={"title": "Mine"}, messages=None)) == ["Hello."]


def test_what_a_turn_does_not_say_stays_as_it_is() -> None:
    first = save(
        Draft("user-1", "user", "He has went.", AT, audio=VOICE, corrections=[{"said": "has went"}], interrupted=True)
    )
    again = save(turn("user-1", "He has went."))
    kept = again.messages[0]
    assert (kept.corrections, kept.interrupted) == ([{"said": "has went"}], True)
    assert kept.audio_key == first.messages[0].audio_key != ""


def test_saving_again_does_not_change_when_it_was_made() -> None:
    first, again = save(turn()), save(turn())
    assert again.conversation.created_at == first.conversation.created_at
    assert again.messages[0].created_at == first.messages[0].created_at


def test_the_first_save_makes_it() -> None:
    assert (save(turn()).created, save(turn()).created) == (True, False)


def test_columns_that_are_not_saved_stay() -> None:
    save(turn())
    stored = store.save(LEARNER, "conv-1", columns={"title": "My trip"}, messages=[], replace=False)
    assert (stored.conversation.topic, stored.conversation.title) == ("Travel", "My trip")


def test_replaced_messages_leave_tombstones() -> None:
    save(turn(), turn("user-2", seconds=1))
    assert words(save(turn(), replace=True)) == ["Hello."]
    assert Message.objects.using("local").exclude(deleted_at=None).count() == 1


def test_more_messages_than_a_query_takes_parameters() -> None:
    turns = [turn(f"user-{number}", seconds=number) for number in range(2000)]
    save(*turns)
    assert len(save(turn(), replace=True).messages) == 1


def test_the_same_ids_of_two_learners_do_not_collide() -> None:
    save(turn(content="Mine."))
    save(turn(content="Theirs."), learner=OTHER)
    assert (words(store.get(LEARNER, "conv-1")), words(store.get(OTHER, "conv-1"))) == (["Mine."], ["Theirs."])


def test_the_same_message_id_in_two_conversations_does_not_collide() -> None:
    save(turn(content="One."))
    save(turn(content="Two."), wire_id="conv-2")
    assert words(store.get(LEARNER, "conv-1")) == ["One."]


def test_nothing_is_added_to_a_deleted_conversation() -> None:
    save(turn())
    store.delete(LEARNER, "conv-1")
    with pytest.raises(ConversationDeleted):
        save(turn("user-2"))
    assert Message.objects.using("local").count() == 1


def test_no_voice_is_kept_for_a_deleted_conversation(recordings_folder: Path) -> None:
    save(turn())
    store.delete(LEARNER, "conv-1")
    with pytest.raises(ConversationDeleted):
        save(turn("user-2", voice=VOICE))
    assert not Recording.objects.using("local").exists()


def test_replacing_a_deleted_conversation_brings_it_back() -> None:
    save(turn())
    store.delete(LEARNER, "conv-1")
    save(turn(content="Again."), replace=True)
    assert words(store.get(LEARNER, "conv-1")) == ["Again."]


def test_an_erased_conversation_that_is_saved_anew_shows_nothing_old() -> None:
    save(turn(), turn("user-2", "Old.", seconds=1))
    store.delete(LEARNER, "conv-1")
    store.erase_deleted(before=timezone.now())
    assert words(save(turn(content="New."), replace=True)) == ["New."]


# The other verbs


def test_an_answer_that_was_not_heard_is_taken_back() -> None:
    save(turn(), turn("ai-1", "Well …", seconds=1))
    store.drop_message(LEARNER, "conv-1", "ai-1")
    assert words(store.get(LEARNER, "conv-1")) == ["Hello."]


def test_an_outsider_takes_nothing_back() -> None:
    save(turn())
    store.drop_message(OTHER, "conv-1", "user-1")
    assert words(store.get(LEARNER, "conv-1")) == ["Hello."]


def test_misheard_words_can_be_replaced() -> None:
    save(turn(content="I like bred."))
    stored = store.replace_words(LEARNER, "conv-1", "user-1", "I like bread.", [{"said": "x"}])
    assert words(stored) == ["I like bread."]
    assert stored
    assert stored.messages[0].corrections == [{"said": "x"}]


def test_the_words_of_the_agent_cannot_be_replaced() -> None:
    save(Draft("ai-1", "assistant", "Well.", AT))
    assert words(store.replace_words(LEARNER, "conv-1", "ai-1", "I give up.", [])) == ["Well."]


def test_an_outsider_replaces_nothing() -> None:
    save(turn())
    assert store.replace_words(OTHER, "conv-1", "user-1", "Mine.", []) is None
    assert words(store.get(LEARNER, "conv-1")) == ["Hello."]


def test_a_deleted_conversation_is_known_to_be_deleted() -> None:
    save(turn())
    assert not store.is_deleted(LEARNER, "conv-1")
    store.delete(LEARNER, "conv-1")
    assert store.is_deleted(LEARNER, "conv-1")


def test_clearing_counts_what_it_deletes() -> None:
    for number in range(3):
        save(turn(), wire_id=f"conv-{number}")
    save(turn(), learner=OTHER)
    assert (store.clear(LEARNER), store.clear(LEARNER)) == (3, 0)
    assert len(store.history(OTHER)) == 1


# Undo


def test_a_deletion_can_be_undone_for_ten_minutes() -> None:
    save(turn())
    store.delete(LEARNER, "conv-1")
    deleted_ago(UNDO - timedelta(minutes=1))
    assert words(store.restore(LEARNER, "conv-1")) == ["Hello."]


def test_after_that_it_cannot() -> None:
    save(turn())
    store.delete(LEARNER, "conv-1")
    deleted_ago(UNDO + timedelta(seconds=1))
    assert store.restore(LEARNER, "conv-1") is None


def test_an_outsider_undoes_nothing() -> None:
    save(turn())
    store.delete(LEARNER, "conv-1")
    assert store.restore(OTHER, "conv-1") is None
    assert store.get(LEARNER, "conv-1") is None


def test_to_restore_what_was_not_deleted_changes_nothing() -> None:
    before = save(turn()).conversation.updated_at
    restored = store.restore(LEARNER, "conv-1")
    assert restored
    assert restored.conversation.updated_at == before


def test_a_message_that_was_taken_back_is_not_restored() -> None:
    save(turn(), turn("ai-1", "Well …", seconds=1))
    store.drop_message(LEARNER, "conv-1", "ai-1")
    store.delete(LEARNER, "conv-1")
    assert words(store.restore(LEARNER, "conv-1")) == ["Hello."]


# Erase


def test_nothing_is_erased_while_it_can_be_restored(recordings_folder: Path) -> None:
    save(turn(voice=VOICE))
    store.delete(LEARNER, "conv-1")
    deleted_ago(UNDO - timedelta(minutes=1))
    assert store.erase_deleted() == 0


def test_then_words_and_bytes_are_erased_and_tombstones_stay(recordings_folder: Path) -> None:
    save(turn(content="A secret.", voice=VOICE))
    store.delete(LEARNER, "conv-1")
    deleted_ago(UNDO + timedelta(seconds=1))
    assert store.erase_deleted() == 2
    conversation, message = Conversation.objects.using("local").get(), Message.objects.using("local").get()
    assert (conversation.topic, conversation.title, conversation.config, conversation.goals) == ("", "", {}, [])
    assert (message.content, message.corrections, message.audio_key) == ("", [], "")
    assert conversation.deleted_at
    assert not Recording.objects.using("local").exists()
    assert not [path for path in recordings_folder.rglob("*") if path.is_file()]


def test_a_message_alone_is_erased_too(recordings_folder: Path) -> None:
    save(turn(), turn("ai-1", "Well …", seconds=1, voice=VOICE))
    store.drop_message(LEARNER, "conv-1", "ai-1")
    deleted_ago(UNDO + timedelta(seconds=1), Message)
    assert store.erase_deleted() == 1
    assert not Recording.objects.using("local").exists()
    assert words(store.get(LEARNER, "conv-1")) == ["Hello."]


def test_erasing_twice_erases_nothing_more() -> None:
    save(turn())
    store.delete(LEARNER, "conv-1")
    store.erase_deleted(before=timezone.now())
    assert store.erase_deleted(before=timezone.now()) == 0


def test_erasing_goes_on_where_it_was_interrupted(recordings_folder: Path) -> None:
    kept = save(turn(voice=VOICE)).messages[0].audio_key
    store.delete(LEARNER, "conv-1")
    (recordings_folder / kept).unlink()
    Message.objects.using("local").update(erased=True, content="")
    assert store.erase_deleted(before=timezone.now()) == 1
    assert not Recording.objects.using("local").exists()


def test_what_lives_is_never_erased() -> None:
    save(turn(voice=VOICE))
    save(turn(voice=VOICE), wire_id="conv-2")
    store.delete(LEARNER, "conv-2")
    store.erase_deleted(before=timezone.now())
    stored = store.get(LEARNER, "conv-1")
    assert words(stored) == ["Hello."]
    assert stored
    assert recordings.read(next(iter(stored.recordings.values()))) == VOICE.data


def test_an_erased_conversation_cannot_be_restored() -> None:
    save(turn())
    store.delete(LEARNER, "conv-1")
    store.erase_deleted(before=timezone.now())
    assert store.restore(LEARNER, "conv-1") is None


def test_many_messages_are_erased_at_once() -> None:
    for number in range(3):
        save(*[turn(f"user-{each}", seconds=each) for each in range(700)], wire_id=f"conv-{number}")
    store.clear(LEARNER)
    assert store.erase_deleted(before=timezone.now()) == 3 * 701
    assert not Message.objects.using("local").filter(erased=False).exists()


# How much is read


def rows_read(captured: CaptureQueriesContext) -> int:
    """Return how many queries read messages themselves, not only their number."""
    sql = [query["sql"] for query in captured.captured_queries]
    return sum('FROM "conversations_message"' in each and "COUNT(" not in each for each in sql)


def test_a_conversation_is_read_once_to_rename_it_or_to_put_its_words_right() -> None:
    save(turn(), turn("user-2", "Bye.", seconds=1))
    with CaptureQueriesContext(connections["local"]) as renaming:
        renamed = store.change(LEARNER, "conv-1", {"title": "Mine"})
    with CaptureQueriesContext(connections["local"]) as replacing:
        replaced = store.replace_words(LEARNER, "conv-1", "user-1", "Hi.", [])
    assert renamed
    assert (renamed.conversation.title, words(renamed), words(replaced)) == (
        "Mine",
        ["Hello.", "Bye."],
        ["Hi.", "Bye."],
    )
    assert (rows_read(renaming), rows_read(replacing)) == (1, 1)


def test_its_size_counts_the_messages_that_were_not_taken_back() -> None:
    save(turn(), turn("user-2", "Bye.", seconds=1), turn("user-3", "Wait.", seconds=2))
    store.drop_message(LEARNER, "conv-1", "user-3")
    assert store.size(LEARNER, "conv-1", "user-1") == (2, True)
    assert store.size(LEARNER, "conv-1", "user-3") == (2, False)
    assert store.size(LEARNER, "conv-1", "user-9") == (2, False)
    assert store.size(OTHER, "conv-1", "user-1") is None
    store.delete(LEARNER, "conv-1")
    assert store.size(LEARNER, "conv-1", "user-1") is None
