import copy
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conversations.merging import merged
from conversations.models import Conversation, Message
from conversations.rows import Copy

KEY = uuid.uuid4()
START = datetime(2024, 5, 1, tzinfo=UTC)


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def message(name: str, second: int, **columns: Any) -> Message:
    moments = {"created_at": at(0), "updated_at": at(second), "timestamp": at(0)}
    return Message(id=uuid.uuid5(KEY, name), conversation_id=KEY, wire_id=name, role="user", **moments | columns)


def held(second: int, *messages: Message, **columns: Any) -> Copy:
    moments = {"created_at": at(0), "updated_at": at(second), "timestamp": at(0)}
    row = Conversation(id=KEY, wire_id="conv-1", learner=KEY, **moments | columns)
    return Copy(row, {each.pk: each for each in messages})


def together(far: Copy | None, near: Copy | None) -> Copy:
    both = merged(far, near)
    assert both
    return both


def contents(both: Copy) -> dict[str, str]:
    """Return the names of all rows that are not deleted."""
    return {row.wire_id: row.content for row in both.messages.values() if row.deleted_at is None}


def test_of_nothing_there_is_nothing() -> None:
    assert merged(None, None) is None


def test_what_only_the_cloud_has_is_as_it_is() -> None:
    far = held(1, message("a", 1, content="far"))
    assert merged(far, None) is far


def test_what_only_the_shelter_has_is_whole_in_what_comes_out() -> None:
    both = together(None, held(1, message("a", 1, content="near", partial=["content"]), partial=[], replaced_at=at(1)))
    assert (both.conversation.partial, both.conversation.replaced_at) == (None, None)
    assert [row.partial for row in both.messages.values()] == [None]


@pytest.mark.parametrize(("far", "near", "wins"), [(1, 2, "near"), (2, 1, "far"), (1, 1, "near")])
def test_the_newest_conversation_wins(far: int, near: int, wins: str) -> None:
    both = together(held(far, title="far"), held(near, title="near"))
    assert both.conversation.title == wins


@pytest.mark.parametrize(("far", "near", "wins"), [(1, 2, "near"), (2, 1, "far"), (1, 1, "near")])
def test_the_newest_message_wins_whatever_the_conversation_says(far: int, near: int, wins: str) -> None:
    for conversation in (0, 9):
        both = together(
            held(5, message("a", far, content="far")), held(conversation, message("a", near, content="near"))
        )
        assert contents(both) == {"a": wins}


def test_messages_of_both_are_there() -> None:
    both = together(held(1, message("a", 1, content="1")), held(2, message("b", 2, content="2")))
    assert contents(both) == {"a": "1", "b": "2"}


def test_a_partial_row_changes_the_columns_it_knows() -> None:
    far = held(1, title="far", topic="far", config={"voice": "alloy"})
    both = together(far, held(2, title="near", partial=["title"]))
    row = both.conversation
    assert (row.title, row.topic, row.config, row.updated_at) == ("near", "far", {"voice": "alloy"}, at(2))


def test_a_partial_message_changes_the_columns_it_knows() -> None:
    far = held(1, message("a", 1, content="far", corrections=[{"said": "x"}], audio_key="k"))
    both = together(far, held(2, message("a", 2, content="near", partial=["content"])))
    (row,) = both.messages.values()
    assert (row.content, row.corrections, row.audio_key) == ("near", [{"said": "x"}], "k")


def test_an_older_partial_row_changes_nothing() -> None:
    both = together(held(2, title="far"), held(1, title="near", partial=["title"]))
    assert (both.conversation.title, both.conversation.updated_at) == ("far", at(2))


def test_a_partial_row_that_knows_nothing_changes_nothing_but_its_moment() -> None:
    both = together(held(1, title="far"), held(2, partial=[]))
    assert (both.conversation.title, both.conversation.updated_at) == ("far", at(2))


def test_what_comes_out_says_nothing_that_only_the_shelter_notes() -> None:
    both = together(held(1), held(2, partial=["title"], replaced_at=at(2)))
    assert (both.conversation.partial, both.conversation.replaced_at) == (None, None)


# Replaced rows


def test_what_is_older_than_a_replacement_is_deleted_at_its_moment() -> None:
    both = together(held(1, message("a", 1)), held(2, message("b", 2, content="2"), replaced_at=at(2)))
    assert contents(both) == {"b": "2"}
    row = both.messages[uuid.uuid5(KEY, "a")]
    assert (row.deleted_at, row.updated_at) == (at(2), at(2))


def test_what_is_as_old_as_a_replacement_is_deleted() -> None:
    assert contents(together(held(1, message("a", 2)), held(2, replaced_at=at(2)))) == {}


def test_what_is_newer_than_a_replacement_stays() -> None:
    assert contents(together(held(3, message("a", 3)), held(2, replaced_at=at(2)))) == {"a": ""}


def test_a_replacement_holds_although_the_conversation_is_newer_in_the_cloud() -> None:
    both = together(held(5, message("a", 1), title="far"), held(2, replaced_at=at(2)))
    assert (contents(both), both.conversation.title) == ({}, "far")


def test_what_was_sent_again_stays() -> None:
    far, near = held(1, message("a", 1, content="a")), held(2, message("a", 2, partial=["position"]), replaced_at=at(2))
    assert contents(together(far, near)) == {"a": "a"}


def test_what_was_deleted_before_keeps_its_moment() -> None:
    both = together(held(1, message("a", 1, deleted_at=at(1))), held(2, replaced_at=at(2)))
    assert [row.deleted_at for row in both.messages.values()] == [at(1)]


# Deleted rows


def test_a_deletion_in_the_shelter_wins_over_what_is_older() -> None:
    both = together(held(1, title="far"), held(2, deleted_at=at(2), partial=["deleted_at", "erased"]))
    assert (both.conversation.deleted_at, both.conversation.title) == (at(2), "far")


def test_a_deletion_in_the_shelter_loses_to_what_is_newer() -> None:
    both = together(held(3), held(2, deleted_at=at(2), partial=["deleted_at"]))
    assert both.conversation.deleted_at is None


def test_a_deletion_in_the_cloud_wins_over_what_is_older() -> None:
    assert together(held(2, deleted_at=at(2)), held(1)).conversation.deleted_at == at(2)


def test_a_deletion_in_the_cloud_is_undone_by_what_is_newer_and_says_so() -> None:
    both = together(held(1, deleted_at=at(1)), held(2, partial=["deleted_at"]))
    assert both.conversation.deleted_at is None


def test_a_deletion_in_the_cloud_stays_where_a_newer_copy_does_not_know_of_it() -> None:
    both = together(held(1, deleted_at=at(1)), held(2, title="near", partial=["title"]))
    assert both.conversation.deleted_at == at(1)


@pytest.mark.parametrize(("far", "near"), [(1, 2), (2, 1)])
def test_the_newest_says_whether_a_message_is_deleted(far: int, near: int) -> None:
    both = together(held(1, message("a", far, deleted_at=at(far))), held(2, message("a", near)))
    assert contents(both) == ({"a": ""} if near > far else {})
    both = together(held(1, message("a", far)), held(2, message("a", near, deleted_at=at(near))))
    assert contents(both) == ({} if near > far else {"a": ""})


# Erased rows


def test_what_was_erased_in_the_shelter_is_still_to_be_erased_in_the_cloud() -> None:
    erased = {"deleted_at": at(2), "erased": True}
    both = together(held(1, message("a", 1, content="far")), held(2, message("a", 2, **erased), **erased))
    assert (both.conversation.erased, [row.erased for row in both.messages.values()]) == (False, [False])


def test_so_is_what_the_cloud_has_never_seen() -> None:
    erased = {"deleted_at": at(2), "erased": True}
    both = together(None, held(2, message("a", 2, **erased), **erased))
    assert (both.conversation.erased, [row.erased for row in both.messages.values()]) == (False, [False])


def test_what_the_cloud_has_erased_stays_erased() -> None:
    erased = {"deleted_at": at(3), "erased": True}
    both = together(held(3, message("a", 3, **erased), **erased), held(2, message("a", 2, content="near")))
    assert (both.conversation.erased, [row.content for row in both.messages.values()]) == (True, [""])


@pytest.mark.parametrize("near", [2, 4])
def test_what_was_said_to_an_erased_conversation_is_to_be_erased_too(near: int) -> None:
    far = held(3, deleted_at=at(3), erased=True)
    both = together(far, held(near, message("a", near, content="late"), partial=[]))
    assert (both.conversation.deleted_at, both.conversation.erased) == (at(3), False)


# The merged copies stay unchanged


def as_values(one: Copy) -> list[dict[str, Any]]:
    rows = [one.conversation, *one.messages.values()]
    return [{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields} for row in rows]


def test_neither_copy_is_changed() -> None:
    erased = {"deleted_at": at(9), "erased": True}
    for far, near in (
        (held(1, message("a", 1), message("b", 1)), held(2, message("a", 2, partial=["content"]), replaced_at=at(2))),
        (held(3, **erased), held(2, message("a", 2))),
        (held(1, message("a", 1)), held(9, message("a", 9, **erased), **erased)),
    ):
        before = copy.deepcopy((as_values(far), as_values(near)))
        together(far, near)
        together(None, near)
        assert (as_values(far), as_values(near)) == before


def test_merging_again_changes_nothing() -> None:
    far = held(1, message("a", 1, content="a"), message("b", 1), title="far")
    near = held(
        2, message("b", 2, content="b", partial=["content"]), partial=["topic"], topic="near", replaced_at=at(2)
    )
    once = together(far, near)
    assert as_values(together(once, near)) == as_values(once)
