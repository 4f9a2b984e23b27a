"""Archives that were made before a column was there."""

import uuid
from datetime import UTC, datetime

import pytest

from conversations.models import Conversation, Message
from conversations.rows import Copy
from migration.archive import Unusable, layout

AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


def record() -> dict:
    ids = {"learner": uuid.uuid4(), "created_at": AT, "updated_at": AT, "timestamp": AT}
    conversation = Conversation(id=uuid.uuid4(), wire_id="conv-1", **ids)
    message = Message(id=uuid.uuid4(), wire_id="ai-1", role="assistant", conversation_id=conversation.pk, **ids)
    return layout.of_copy(Copy(conversation, {message.pk: message}))


def test_a_message_of_which_nothing_was_measured_yet_is_restored():
    older = record()
    del older["messages"][0]["measured"]
    (message,) = layout.to_copy("a part", older).messages.values()
    assert message.measured == {}


def test_a_column_that_was_always_there_must_be_there():
    damaged = record()
    del damaged["messages"][0]["corrections"]
    with pytest.raises(Unusable, match="corrections"):
        layout.to_copy("a part", damaged)
