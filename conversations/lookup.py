"""Read conversations from the local database (the shelter) and the cloud's database as one."""

import copy
import uuid
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from audio import recordings
from audio.models import Recording
from conversations import clearing, rows
from conversations.merging import merged
from conversations.models import Conversation, Message
from conversations.rows import Copy
from core import cloud
from core.cloud import LOCAL

# The place of a conversation in a list: timestamp and key.
Position = tuple[datetime, uuid.UUID]


class OutOfReach(Exception):
    """Report that the cloud's database is down and the local one has no such row, so its existence is unknown."""


@dataclass(slots=True)
class StoredConversation:
    """Hold a stored conversation, with its messages in order and their recordings by key.

    `storage` is "cloud", or "local" if any part of it is in the local database.
    """

    conversation: Conversation
    messages: list[Message]
    recordings: dict[str, Recording] = field(default_factory=dict)
    created: bool = False
    storage: str = LOCAL


@dataclass(slots=True)
class Found:
    """Hold the copies of a conversation: the local one, and the cloud's if its database is on and was reached."""

    near: Copy | None
    far: Copy | None = None
    reached: bool = True
    # The time when the learner cleared all conversations, if the cloud's database does not know it yet.
    cleared: datetime | None = None
    # Both copies, merged.
    both: Copy | None = field(init=False)

    def __post_init__(self) -> None:
        far = Copy(_heeding(self.cleared, self.far.conversation), self.far.messages) if self.far else None
        self.both = merged(far, self.near) if cloud.database.on else self.near

    @property
    def storage(self) -> str:
        return "cloud" if self.far and not self.near else LOCAL


def find(key: uuid.UUID, messages: Sequence[uuid.UUID] | None = None) -> Found:
    """Read a conversation from both databases. `messages` limits the messages to these keys (None: all).

    Messages that the local database has are read from the cloud, too.
    """
    # Read the local database first: a row that moves meanwhile is then seen twice instead of missed.
    near = rows.load(LOCAL, [key], messages=messages if not cloud.database.on else None).get(key)
    if not cloud.database.on:
        return Found(near)
    # After a replacement, all messages of the cloud are needed, to find the replaced ones.
    if near and messages is not None:
        messages = None if near.conversation.replaced_at else [*messages, *near.messages]
    try:
        with cloud.database.use():
            far = rows.load(settings.CLOUD_DATABASE, [key], messages=messages).get(key)
    except cloud.Unavailable:
        return Found(near, reached=False)
    return Found(near, far, cleared=clearing.noted(far.conversation.learner) if far else None)


def count_alive(found: Found) -> int:
    """Return the number of messages that are not deleted. `found` may have been read with only some of them."""
    if found.both is None:
        return 0
    using, copy_there = (settings.CLOUD_DATABASE, found.far) if cloud.database.on else (LOCAL, found.near)
    count = _alive_in(found.both)
    if copy_there is None:
        return count
    there = Message.objects.using(using).filter(conversation=copy_there.conversation.pk, deleted_at=None)
    with cloud.database.use() if cloud.database.on else nullcontext():
        return count + there.count() - _alive_in(copy_there)


def _alive_in(copy_read: Copy) -> int:
    return sum(row.deleted_at is None for row in copy_read.messages.values())


def newest(learner: uuid.UUID, limit: int, before: Position | None) -> list[StoredConversation]:
    """Return the newest conversations with their messages. With `before`, return those after this place in the list.

    The number of queries is the same for each page.
    """
    if not cloud.database.on:
        near, far = {row.pk: row for row in _page(LOCAL, learner, limit, before)}, dict[uuid.UUID, Conversation]()
    else:
        near = {row.pk: row for row in Conversation.objects.using(LOCAL).filter(learner=learner)}
        far = _far_page(learner, limit + len(near), before, near)

    def place(row: Conversation) -> Position:
        return row.timestamp, row.pk

    known: list[Conversation] = []
    for key in near.keys() | far.keys():
        if both := merged(Copy(far[key]) if key in far else None, Copy(near[key]) if key in near else None):
            known.append(both.conversation)
    listed = [row for row in known if not row.deleted_at and (not before or place(row) < before)]
    page = [row.pk for row in sorted(listed, key=place, reverse=True)[:limit]]
    return _complete(page, near, far)


def _complete(
    page: list[uuid.UUID], near: dict[uuid.UUID, Conversation], far: dict[uuid.UUID, Conversation]
) -> list[StoredConversation]:
    """Return these conversations with their messages and recordings, in this order."""
    here = rows.with_messages(LOCAL, [near[key] for key in page if key in near])
    there: dict[uuid.UUID, Copy] = {}
    if known := [far[key] for key in page if key in far]:
        try:
            with cloud.database.use():
                there = rows.with_messages(settings.CLOUD_DATABASE, known)
        # The cloud's database failed after the first query.
        except cloud.Unavailable:
            page = [key for key in page if key in near]
    voices: dict[uuid.UUID, dict[str, Recording]] = {}
    for key, voice in recordings.of_conversations(page).items():
        voices.setdefault(voice.conversation, {})[key] = voice
    found = {key: Found(here.get(key), there.get(key)) for key in page}
    return [
        _in_order(each.both, each.storage, voices.get(key, {})) for key, each in found.items() if each.both is not None
    ]


def _far_page(
    learner: uuid.UUID, limit: int, before: Position | None, near: Iterable[uuid.UUID]
) -> dict[uuid.UUID, Conversation]:
    """Return the cloud's page and its rows of the local conversations, or nothing if the cloud is out of reach."""
    try:
        with cloud.database.use():
            using = settings.CLOUD_DATABASE
            page = {row.pk: row for row in _page(using, learner, limit, before)}
            if missing := [key for key in near if key not in page]:
                page |= {key: each.conversation for key, each in rows.load(using, missing, messages=()).items()}
    except cloud.Unavailable:
        return {}
    moment = clearing.noted(learner)
    return {key: _heeding(moment, row) for key, row in page.items()}


def _page(using: str, learner: uuid.UUID, limit: int, before: Position | None) -> list[Conversation]:
    found = alive(using, learner)
    if before:
        timestamp, key = before
        # The bound appears twice because an index can start at a plain comparison, but not at an OR.
        found = found.filter(Q(timestamp__lt=timestamp) | Q(timestamp=timestamp, pk__lt=key), timestamp__lte=timestamp)
    return list(found[:limit])


def stored(there: Copy, storage: str, known: Iterable[Recording] = ()) -> StoredConversation:
    voices = {row.key: row for row in known}
    missing = {row.audio_key for row in there.messages.values() if row.audio_key and not row.deleted_at} - voices.keys()
    return _in_order(there, storage, voices | recordings.of(missing) if missing else voices)


def _in_order(there: Copy, storage: str, voices: dict[str, Recording]) -> StoredConversation:
    alive = [row for row in there.messages.values() if not row.deleted_at]
    alive.sort(key=lambda row: (row.timestamp, row.position, row.pk))
    keys = {row.audio_key for row in alive}
    return StoredConversation(
        there.conversation, alive, {key: row for key, row in voices.items() if key in keys}, storage=storage
    )


def alive(using: str, learner: uuid.UUID) -> QuerySet[Conversation]:
    found = Conversation.objects.using(using).filter(learner=learner, deleted_at=None)
    if using != LOCAL and (moment := clearing.noted(learner)):
        return found.filter(updated_at__gt=moment)
    return found


def _heeding(moment: datetime | None, far: Conversation) -> Conversation:
    """Return the cloud's row, marked as deleted if a noted clearing covers it.

    The learner cleared it while the cloud was out of reach, and the cloud's database does not know it yet.
    """
    if moment is None or far.deleted_at or far.updated_at > moment:
        return far
    row = copy.copy(far)
    row.deleted_at = row.updated_at = moment
    return row


def require_reached(found: Found) -> None:
    if not found.reached:
        raise OutOfReach
