import copy
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from conversations import rows
from conversations.models import Conversation, Message
from conversations.rows import Changed, Copy

pytestmark = pytest.mark.django_db(databases=["default", "local"])
USING = "local"
LEARNER = uuid.uuid4()
AT = datetime(2024, 5, 1, tzinfo=UTC)


def conversation(name: str = "conv-1", *messages: str, **columns: Any) -> Copy:
    moments = {"created_at": AT, "updated_at": AT, "timestamp": AT}
    row = Conversation(id=uuid.uuid5(LEARNER, name), learner=LEARNER, wire_id=name, **moments | columns)
    every = [
        Message(id=uuid.uuid5(row.pk, each), conversation=row, wire_id=each, learner=LEARNER, content=each, **moments)
        for each in messages
    ]
    return Copy(row, {each.pk: each for each in every})


def key(name: str = "conv-1") -> uuid.UUID:
    return uuid.uuid5(LEARNER, name)


def held(name: str = "conv-1") -> Copy:
    return rows.load(USING, [key(name)])[key(name)]


def changed(before: Copy, **columns: Any) -> Copy:
    """Return a copy with other columns, changed a second later."""
    row = copy.copy(before.conversation)
    for column, value in (columns | {"updated_at": row.updated_at + timedelta(seconds=1)}).items():
        setattr(row, column, value)
    return Copy(row, dict(before.messages))


@pytest.fixture
def written() -> Copy:
    rows.write(USING, [conversation("conv-1", "a", "b", title="Mine")], {})
    return held()


def test_what_is_written_is_there(written: Copy) -> None:
    assert written.conversation.title == "Mine"
    assert {row.content for row in written.messages.values()} == {"a", "b"}


def test_what_is_not_there_is_not_loaded() -> None:
    assert rows.load(USING, [key()]) == {}


def test_only_the_messages_asked_for_are_loaded(written: Copy) -> None:
    one = uuid.uuid5(key(), "a")
    assert list(rows.load(USING, [key()], messages=[one])[key()].messages) == [one]
    assert rows.load(USING, [key()], messages=[])[key()].messages == {}


def test_messages_of_another_conversation_are_not_loaded(written: Copy) -> None:
    rows.write(USING, [conversation("conv-2", "c")], {})
    assert rows.load(USING, [key()], messages=[uuid.uuid5(key("conv-2"), "c")])[key()].messages == {}


def test_many_keys_are_loaded_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "AT_ONCE", 2)
    rows.write(USING, [conversation(f"conv-{number}", "a") for number in range(5)], {})
    found = rows.load(USING, [key(f"conv-{number}") for number in range(6)])
    assert sorted(len(each.messages) for each in found.values()) == [1] * 5


def test_only_columns_that_differ_are_written(written: Copy) -> None:
    # Another writer changes it at the same time.
    Conversation.objects.using(USING).update(topic="theirs")
    rows.write(USING, [changed(written, title="Ours")], {key(): written})
    row = held().conversation
    assert (row.title, row.topic) == ("Ours", "theirs")


def test_writing_what_is_there_changes_nothing(written: Copy) -> None:
    with CaptureQueriesContext(connections[USING]) as queries:
        rows.write(USING, [written], {key(): written})
    assert not [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]


def test_a_conversation_that_somebody_else_wrote_to_is_not_overwritten(written: Copy) -> None:
    rows.write(USING, [changed(written, title="Theirs")], {key(): written})
    with pytest.raises(Changed):
        rows.write(USING, [changed(written, title="Ours")], {key(): written})
    assert held().conversation.title == "Theirs"


def test_a_conversation_that_somebody_else_inserted_is_not_overwritten(written: Copy) -> None:
    with pytest.raises(Changed):
        rows.write(USING, [conversation("conv-1", title="Ours")], {})
    assert held().conversation.title == "Mine"


def test_a_message_that_somebody_else_inserted_is_not_overwritten(written: Copy) -> None:
    seen = Copy(written.conversation, {})
    with pytest.raises(Changed):
        rows.write(USING, [Copy(changed(written).conversation, dict(written.messages))], {key(): seen})


def test_of_what_could_not_be_written_nothing_is(written: Copy) -> None:
    both = [conversation("conv-2", "c"), conversation("conv-1")]
    with pytest.raises(Changed):
        rows.write(USING, both, {})
    assert rows.load(USING, [key("conv-2")]) == {}


def test_a_conversation_that_was_removed_meanwhile_is_not_taken_for_written(written: Copy) -> None:
    rows.remove([written], using=USING)
    with pytest.raises(Changed):
        rows.write(USING, [changed(written)], {key(): written})


def test_a_removed_copy_takes_its_messages_along(written: Copy) -> None:
    assert rows.remove([written], using=USING) == 1
    assert not Message.objects.using(USING).exists()


def test_one_that_was_written_to_is_not_removed(written: Copy) -> None:
    rows.write(USING, [changed(written)], {key(): written})
    assert rows.remove([written], using=USING) == 0
    assert len(held().messages) == 2


def test_removing_twice_removes_once(written: Copy) -> None:
    assert (rows.remove([written], using=USING), rows.remove([written], using=USING)) == (1, 0)


def test_what_differs_is_named_with_its_value(written: Copy) -> None:
    row = copy.copy(written.conversation)
    row.title, row.goals = "Ours", [{"text": "Ask", "done": False}]
    assert rows.differing(row, written.conversation) == {
        "title": "Ours",
        "goals": [{"text": "Ask", "done": False}],
    }
