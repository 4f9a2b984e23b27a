"""What there is of conversations, in the shelter and in the cloud's database, read as one."""

import copy
import uuid
from collections.abc import Iterable, Sequence
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
from talking_agent import cloud

LOCAL = "local"
Position = tuple[datetime, uuid.UUID]  # in a list: timestamp and key


class OutOfReach(Exception):
    """The cloud's database is down, and the shelter does not have what was asked for: whether it exists cannot be said."""


@dataclass(slots=True)
class Stored:
    """A conversation as it is kept, with its messages in order, their recordings by key, and where it lies: "cloud", or
    "local" where any of it is in the shelter."""

    conversation: Conversation
    messages: list[Message]
    recordings: dict[str, Recording] = field(default_factory=dict)
    created: bool = False
    storage: str = LOCAL


@dataclass(slots=True)
class Found:
    """What there is of a conversation: in the shelter, and in the cloud's database if that is on and was reached."""

    near: Copy | None
    far: Copy | None = None
    reached: bool = True
    cleared: datetime | None = None  # when the learner cleared all, if the cloud's database does not know it yet

    @property
    def both(self) -> Copy | None:
        if not cloud.database.on:
            return self.near
        far = Copy(_heeding(self.cleared, self.far.conversation), self.far.messages) if self.far else None
        return merged(far, self.near)

    @property
    def storage(self) -> str:
        return "cloud" if self.far and not self.near else LOCAL


def find(key: uuid.UUID, messages: Sequence[uuid.UUID] | None = None) -> Found:
    """Of the messages in the cloud those with the given keys (None: all), and those that the shelter has, too."""
    # The shelter first: what moves meanwhile is then seen twice, and not missed.
    near = rows.load(LOCAL, [key], messages=messages if not cloud.database.on else None).get(key)
    if not cloud.database.on:
        return Found(near)
    if near and messages is not None:  # all, where those that were replaced have to be found
        messages = None if near.conversation.replaced_at else [*messages, *near.messages]
    try:
        with cloud.database.use():
            far = rows.load(settings.CLOUD_DATABASE, [key], messages=messages).get(key)
    except cloud.Unavailable:
        return Found(near, reached=False)
    return Found(near, far, cleared=clearing.noted(far.conversation.learner) if far else None)


def newest(learner: uuid.UUID, limit: int, before: Position | None) -> list[Stored]:
    """The newest conversations, whole; with `before`, those that come after this place. As many queries for each page."""
    if not cloud.database.on:
        near, far = {row.pk: row for row in _page(LOCAL, learner, limit, before)}, dict[uuid.UUID, Conversation]()
    else:
        near = {row.pk: row for row in Conversation.objects.using(LOCAL).filter(learner=learner)}
        far = _far_page(learner, limit + len(near), before, near)

    def place(row: Conversation) -> Position:
        return row.timestamp, row.pk

    both = [_merged_rows(far.get(key), near.get(key)) for key in near.keys() | far.keys()]
    listed = [row for row in both if not row.deleted_at and (not before or place(row) < before)]
    page = [row.pk for row in sorted(listed, key=place, reverse=True)[:limit]]
    return _complete(page, near, far)


def _merged_rows(far: Conversation | None, near: Conversation | None) -> Conversation:
    both = merged(Copy(far) if far else None, Copy(near) if near else None)
    assert both
    return both.conversation


def _complete(
    page: list[uuid.UUID], near: dict[uuid.UUID, Conversation], far: dict[uuid.UUID, Conversation]
) -> list[Stored]:
    """These conversations with their messages and recordings, in this order."""
    here = rows.with_messages(LOCAL, [near[key] for key in page if key in near])
    there: dict[uuid.UUID, Copy] = {}
    if known := [far[key] for key in page if key in far]:
        try:
            with cloud.database.use():
                there = rows.with_messages(settings.CLOUD_DATABASE, known)
        except cloud.Unavailable:  # it went just now
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
    """The cloud's page, and what it has of the conversations in the shelter; nothing if it cannot be reached."""
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
        # The bound is said twice: an index can begin at it, and not at an OR.
        found = found.filter(Q(timestamp__lt=timestamp) | Q(timestamp=timestamp, pk__lt=key), timestamp__lte=timestamp)
    return list(found[:limit])


def stored(there: Copy, storage: str, known: Iterable[Recording] = ()) -> Stored:
    voices = {row.key: row for row in known}
    missing = {row.audio_key for row in there.messages.values() if row.audio_key and not row.deleted_at} - voices.keys()
    return _in_order(there, storage, voices | recordings.of(missing) if missing else voices)


def _in_order(there: Copy, storage: str, voices: dict[str, Recording]) -> Stored:
    alive = [row for row in there.messages.values() if not row.deleted_at]
    alive.sort(key=lambda row: (row.timestamp, row.position, row.pk))
    keys = {row.audio_key for row in alive}
    return Stored(there.conversation, alive, {key: row for key, row in voices.items() if key in keys}, storage=storage)


def alive(using: str, learner: uuid.UUID) -> QuerySet[Conversation]:
    found = Conversation.objects.using(using).filter(learner=learner, deleted_at=None)
    if using != LOCAL and (moment := clearing.noted(learner)):
        return found.filter(updated_at__gt=moment)
    return found


def _heeding(moment: datetime | None, far: Conversation) -> Conversation:
    """What the learner cleared while the cloud was out of reach is deleted, though the cloud does not know it yet."""
    if moment is None or far.deleted_at or far.updated_at > moment:
        return far
    row = copy.copy(far)
    row.deleted_at = row.updated_at = moment
    return row


def require_reached(found: Found) -> None:
    if not found.reached:
        raise OutOfReach
