"""Describe what one operation changes in a conversation. See `merging` for how that is applied."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from django.utils import timezone

from conversations.models import Columns
from conversations.rows import Copy

# MongoDB stores datetimes in milliseconds.
TICK = timedelta(milliseconds=1)
# The moment when each column was last set, in milliseconds.
Stamps = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MessageChange:
    """Hold the columns that a change sets in one message."""

    id: str
    columns: Columns
    # Among messages of the same timestamp, for a message that is new.
    position: int = 0
    # As in `Change`.
    stamps: Stamps | None = None
    pk: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Hold what one operation changes in a conversation, and when.

    `action` says what else it does than to set `columns` and `messages`:

    - "save": the conversation begins, if there is none.
    - "replace": as "save", and the messages are the complete list.
    - "add": as "save", only what is missing is added, and a deleted conversation comes back.
    - "drop": the messages are taken back.
    - "delete", "restore": the conversation is deleted, or its deletion is undone.
    - "clear": all conversations of the learner are deleted. `wire_id` is empty.
    """

    learner: uuid.UUID
    wire_id: str
    moment: datetime
    columns: Columns = field(default_factory=dict)
    messages: Sequence[MessageChange] = ()
    action: Literal["update", "save", "replace", "add", "drop", "delete", "restore", "clear"] = "update"
    # For a change made of several: the stamps of its columns. Otherwise `moment` is the stamp of all.
    stamps: Stamps | None = None
    # The primary key of the row, if it is not derived from `wire_id`. An archive from elsewhere may have such keys.
    pk: uuid.UUID | None = None

    @property
    def key(self) -> uuid.UUID:
        return self.pk or conversation_key(self.learner, self.wire_id)


def conversation_key(learner: uuid.UUID, wire_id: str) -> uuid.UUID:
    return uuid.uuid5(learner, wire_id)


def message_key(conversation: uuid.UUID, wire_id: str) -> uuid.UUID:
    return uuid.uuid5(conversation, wire_id)


def now_after(before: Copy | None = None, *, after: datetime | None = None) -> datetime:
    """Return the current time, cut to milliseconds, and later than everything in `before` and than `after`.

    So a newer write wins even if the clocks of other servers are ahead.
    """
    now = timezone.now()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    earlier = [each for each in (before and before.conversation.updated_at, after) if each]
    return max([now, *(each + TICK for each in earlier)])
