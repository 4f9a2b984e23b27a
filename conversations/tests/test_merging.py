"""The rules of merging, without a database."""

import copy
import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conversations.changes import Change, MessageChange
from conversations.merging import apply, apply_all, as_change, begun_after, is_known, merged, stamps_of
from conversations.models import Conversation, Message
from conversations.rows import Copy

LEARNER = uuid.uuid4()
START = datetime(2024, 5, 1, tzinfo=UTC)


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def change(second: int, action: Any = "save", *messages: MessageChange, **columns: Any) -> Change:
    return Change(LEARNER, "conv-1", at(second), columns, messages, action)


def sent(name: str, content: str = "", **columns: Any) -> MessageChange:
    given = {"role": "user", "content": content or name, "timestamp": START, "deleted_at": None}
    return MessageChange(name, given | columns)


def ended(*changes: Change, before: Copy | None = None) -> Copy:
    """Return the conversation after these changes, in the order that is given."""
    for each in changes:
        before = apply(each, before)
    assert before
    return before


def contents(held: Copy) -> dict[str, str]:
    """Return what is shown: the messages that are not deleted, and nothing of a deleted conversation."""
    if held.conversation.deleted_at:
        return {}
    return {row.wire_id: row.content for row in held.messages.values() if row.deleted_at is None}


def values(held: Copy) -> list[dict[str, Any]]:
    rows = [held.conversation, *sorted(held.messages.values(), key=lambda row: row.pk)]
    return [{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields} for row in rows]


# Changes in order


def test_a_save_begins_a_conversation() -> None:
    held = ended(change(1, "save", sent("a"), title="Mine"))
    assert (held.conversation.title, contents(held)) == ("Mine", {"a": "a"})
    assert (held.conversation.created_at, held.conversation.timestamp) == (at(1), at(1))


def test_a_replacement_deletes_messages_that_are_not_sent_again() -> None:
    held = ended(change(1, "save", sent("a"), sent("b")), change(2, "replace", sent("b"), sent("c")))
    assert contents(held) == {"b": "b", "c": "c"}


def test_a_replacement_with_the_same_message_leaves_its_row_unchanged() -> None:
    before = ended(change(1, "save", sent("a")))
    after = ended(change(2, "replace", sent("a")), before=before)
    assert list(after.messages.values()) == list(before.messages.values())
    assert values(after)[1:] == values(before)[1:]


def test_a_correction_drops_the_doubt_about_the_old_words() -> None:
    doubtful = {"doubt": True, "engine": "local"}
    held = ended(
        change(1, "save", sent("a", measured=doubtful)), change(2, "update", MessageChange("a", {"content": "b"}))
    )
    assert [row.measured for row in held.messages.values()] == [{"engine": "local"}]


def test_the_same_words_again_keep_the_doubt() -> None:
    held = ended(change(1, "save", sent("a", measured={"doubt": True})), change(2, "save", sent("a")))
    assert [row.measured for row in held.messages.values()] == [{"doubt": True}]


def test_a_clearing_of_nothing_is_nothing() -> None:
    assert apply(Change(LEARNER, "", at(1), action="clear"), None) is None


def test_an_addition_leaves_existing_data_as_it_is() -> None:
    before = ended(change(1, "save", sent("a", "said"), title="Mine"))
    held = ended(change(2, "add", sent("a", "imported"), sent("b"), title="Imported"), before=before)
    assert (held.conversation.title, contents(held)) == ("Mine", {"a": "said", "b": "b"})


@pytest.mark.parametrize("before", [change(1, "drop", sent("a")), change(1, "delete")], ids=["drop", "delete"])
def test_an_addition_brings_all_of_a_conversation_that_has_not_begun(before: Change) -> None:
    unknown = ended(before)
    held = ended(change(2, "add", sent("a", "imported"), title="Imported"), before=unknown)
    assert (held.conversation.title, contents(held)) == ("Imported", {"a": "imported"})


# Late changes


LATE = [
    change(1, "save", sent("a", "1"), title="1", topic="1"),
    change(2, "save", sent("b", "2", corrections=[{"said": "2"}])),
    change(3, "update", title="3"),
    change(4, "replace", sent("b", "4"), sent("c", "4", audio_key="k4"), topic="4"),
    change(5, "update", MessageChange("b", {"content": "5", "corrections": []})),
    change(6, "drop", MessageChange("c", {})),
    change(7, "save", sent("d", "7")),
]


def test_changes_end_alike_in_any_order() -> None:
    expected = ended(*LATE)
    assert contents(expected) == {"b": "5", "d": "7"}
    for order in itertools.permutations(LATE):
        held = ended(*order)
        assert contents(held) == contents(expected)
        assert (held.conversation.title, held.conversation.topic) == ("3", "4")
        assert not any(row.corrections for row in held.messages.values() if not row.deleted_at)


def test_a_late_change_sets_what_a_newer_one_left_out() -> None:
    held = ended(change(2, "save", sent("a"), topic="2"), change(1, "save", sent("a", "old", audio_key="k"), title="1"))
    assert (held.conversation.title, held.conversation.topic, contents(held)) == ("1", "2", {"a": "a"})
    assert [row.audio_key for row in held.messages.values()] == ["k"]


def test_a_conversation_is_as_old_as_its_first_change() -> None:
    held = ended(change(2, "save", sent("a")), change(1, "save", sent("b")))
    assert (held.conversation.created_at, held.conversation.timestamp) == (at(1), at(1))


def test_late_doubt_about_words_that_were_corrected_is_dropped() -> None:
    late = change(1, "save", sent("a", "misheard", measured={"doubt": True, "engine": "local"}))
    held = ended(change(2, "save", sent("a", "right")), late)
    assert [row.measured for row in held.messages.values()] == [{"engine": "local"}]


@pytest.mark.parametrize("action", ["delete", "clear"])
def test_a_late_deletion_loses_to_what_was_written_after_it(action: str) -> None:
    assert contents(ended(change(1, "save", sent("a")), change(3, "save", sent("b")), change(2, action)))
    assert not contents(ended(change(1, "save", sent("a")), change(2, action)))


@pytest.mark.parametrize("deletion", ["delete", "clear"])
@pytest.mark.parametrize("then", ["save", "update", "drop", "restore"])
def test_a_deletion_and_another_change_end_alike_in_either_order(deletion: str, then: str) -> None:
    begun, deleted = change(1, "save", sent("a")), change(2, deletion)
    later = change(3, then, MessageChange("a", {"content": "b"} if then == "update" else {}))
    in_order, reversed_ = ended(begun, deleted, later), ended(begun, later, deleted)
    assert contents(in_order) == contents(reversed_)
    assert bool(contents(in_order)) == (then in ("save", "restore"))


def test_a_deletion_of_a_deleted_conversation_keeps_its_moment() -> None:
    held = ended(change(1), change(2, "delete"), change(3, "delete"))
    assert held.conversation.deleted_at == at(2)


def test_a_late_undo_does_not_undo_a_newer_deletion() -> None:
    held = ended(change(1), change(2, "delete"), change(4, "delete"), change(3, "restore"))
    assert held.conversation.deleted_at


def test_a_late_change_of_a_deleted_conversation_is_there_after_an_undo() -> None:
    held = ended(change(1, title="old"), change(3, "clear"), change(2, "update", title="new"), change(4, "restore"))
    assert (held.conversation.title, held.conversation.deleted_at) == ("new", None)


# Changes of a conversation that is not known yet


def test_a_message_that_is_taken_back_before_it_is_known_stays_so() -> None:
    held = ended(change(2, "drop", MessageChange("a", {})))
    assert not is_known(held)
    held = ended(change(1, "save", sent("a"), sent("b")), before=held)
    assert (is_known(held), contents(held)) == (True, {"b": "b"})


def test_a_conversation_that_is_deleted_before_it_is_known_stays_so() -> None:
    held = ended(change(2, "delete"), change(1, "save", sent("a")))
    assert held.conversation.deleted_at == at(2)


def test_a_conversation_that_begins_after_its_deletion_is_there() -> None:
    assert contents(ended(change(2, "delete"), change(3, "save", sent("a")))) == {"a": "a"}


# Repeated changes


@pytest.mark.parametrize("number", range(7))
def test_a_change_that_is_applied_again_changes_nothing(number: int) -> None:
    once = ended(*LATE)
    assert values(ended(LATE[number], before=once)) == values(once)


def test_a_change_that_is_applied_again_brings_back_no_erased_words() -> None:
    late = change(1, "save", sent("a", "secret"))
    held = ended(late, change(2, "delete"))
    for row in (held.conversation, *held.messages.values()):
        for name, value in type(row).erasure().items():
            setattr(row, name, value)
    assert "secret" not in str(values(ended(late, before=held)))


def test_new_words_in_an_erased_conversation_are_to_be_erased_again() -> None:
    held = ended(change(1), change(2, "delete"))
    held.conversation.erased = True
    assert not ended(change(3, "save", sent("late")), before=held).conversation.erased


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_words_of_several_servers_come_back_in_any_order_after_an_erasure(order: tuple[int, int]) -> None:
    held = ended(change(1, "replace", sent("a"), sent("c")), change(2, "delete"))
    for row in (held.conversation, *held.messages.values()):
        for name, value in type(row).erasure().items():
            setattr(row, name, value)
    late = change(3, "replace", sent("c", "new c")), change(4, "save", sent("a", "new a"))
    assert contents(ended(*(late[number] for number in order), before=held)) == {"a": "new a", "c": "new c"}


def test_an_erased_conversation_is_not_restored() -> None:
    held = ended(change(1), change(2, "delete"))
    held.conversation.erased = True
    assert ended(change(3, "restore"), before=held).conversation.deleted_at


# Rows of older versions, and two copies


def old(second: int, *messages: Message, **columns: Any) -> Copy:
    moments = {"created_at": at(0), "updated_at": at(second), "timestamp": at(0)}
    row = Conversation(id=uuid.uuid5(LEARNER, "conv-1"), wire_id="conv-1", learner=LEARNER, **moments | columns)
    return Copy(row, {each.pk: each for each in messages})


def test_a_row_of_an_older_version_is_as_old_as_its_last_write() -> None:
    assert set(stamps_of(old(5).conversation).values()) == {int(at(5).timestamp() * 1000)}
    assert ended(change(4, "update", title="older"), before=old(5, title="old")).conversation.title == "old"
    assert ended(change(6, "update", title="newer"), before=old(5, title="old")).conversation.title == "newer"


def test_of_nothing_there_is_nothing() -> None:
    assert merged(None, None) is None
    far = old(1)
    assert merged(far, None) is far


@pytest.mark.parametrize("split", range(1, 7))
def test_two_copies_merge_to_what_all_changes_make(split: int) -> None:
    far, near = apply_all(LATE[:split], None), apply_all(LATE[split:], None)
    expected = ended(*LATE)
    for both in (merged(far, near), merged(near, far)):
        assert both
        assert contents(both) == contents(expected)
        assert (both.conversation.title, both.conversation.topic) == ("3", "4")


def test_many_changes_become_one_that_does_the_same() -> None:
    known = old(0, title="known", config={"voice": "alloy"})
    one = as_change(ended(*LATE))
    held, expected = ended(one, before=known), ended(*LATE, before=known)
    assert contents(held) == contents(expected)
    assert (held.conversation.title, held.conversation.config) == ("3", {"voice": "alloy"})


def test_neither_copy_is_changed() -> None:
    far, near = ended(*LATE[:4]), ended(*LATE[2:])
    before = copy.deepcopy((values(far), values(near)))
    merged(far, near)
    merged(None, near)
    assert (values(far), values(near)) == before


def test_a_conversation_that_begins_anew_comes_back_after_an_older_deletion() -> None:
    anew = begun_after(at(1), change(3, "save", sent("b")))
    assert contents(ended(change(2, "delete"), anew)) == {"b": "b"}
    assert contents(ended(anew, change(2, "delete"))) == {"b": "b"}


def test_a_conversation_that_begins_anew_leaves_what_was_saved_after_the_clearing() -> None:
    before = ended(
        change(0, "save", sent("a"), title="old"), change(1, "clear"), change(2, "save", sent("b"), topic="new")
    )
    held = ended(begun_after(at(1), change(3, "save", sent("c"))), before=before)
    assert contents(held) == {"b": "b", "c": "c"}
    assert (held.conversation.title, held.conversation.topic) == ("", "new")
