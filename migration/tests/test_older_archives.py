"""Archives from before a column existed can be restored."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db.models import Model

from audio.models import Recording
from conversations.models import Conversation, Message
from conversations.rows import Copy
from migration.archive import UnusableArchive, layout

AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


def record() -> dict:
    ids = {"learner": uuid.uuid4(), "created_at": AT, "updated_at": AT, "timestamp": AT}
    conversation = Conversation(id=uuid.uuid4(), wire_id="conv-1", **ids)
    message = Message(id=uuid.uuid4(), wire_id="ai-1", role="assistant", conversation_id=conversation.pk, **ids)
    return layout.of_copy(Copy(conversation, {message.pk: message}))


def test_a_message_without_measurements_is_restored():
    older = record()
    del older["messages"][0]["measured"]
    (message,) = layout.to_copy("a part", older).messages.values()
    assert message.measured == {}


def test_a_column_that_was_always_there_must_be_there():
    damaged = record()
    del damaged["messages"][0]["corrections"]
    with pytest.raises(UnusableArchive, match="corrections"):
        layout.to_copy("a part", damaged)


# The columns of the first archives that are never null.
FIRST = {
    *("id", "learner", "wire_id", "created_at", "updated_at", "erased"),
    *("title", "topic", "config", "goals", "timestamp", "call_ended"),
    *("conversation_id", "role", "content", "position", "audio_key", "corrections", "interrupted"),
    *("conversation", "message", "key", "place", "content_type", "size", "duration", "sha256"),
}


@pytest.mark.parametrize("model", [Conversation, Message, Recording])
def test_required_columns_that_the_first_archives_lack_are_listed(model: type[Model]):
    needed = {column.attname for column in model._meta.concrete_fields if not column.null}
    assert needed - layout.YOUNGER <= FIRST, "Add the new columns to `layout.YOUNGER`: older archives do not have them."
