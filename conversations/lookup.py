"""Read conversations from their database, with the changes that wait in the outbox."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from audio import recordings
from audio.models import Recording
from conversations import outbox, rows
from conversations.changes import Change
from conversations.merging import apply_all, is_known, merged, stamp_of
from conversations.models import Conversation, LastClear, Message, PendingChange
from conversations.rows import Copy
from core import cloud
from core.cloud import LOCAL

# The `kind` in the config of a conversation that is a review, not a talk.
REVIEW = "review"
# Databases compare a missing key differently.
IS_TALK = Q(config__kind__isnull=True) | ~Q(config__kind=REVIEW)
# The place of a conversation in a list: timestamp and key.
Position = tuple[datetime, uuid.UUID]


class OutOfReach(Exception):
    """Report that the cloud's database is down and nothing waits for this row, so its existence is unknown."""


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
    """Hold a conversation as it was read: its rows, its pending changes, and the result of applying them."""

    # Its changes in the outbox.
    pending: list[PendingChange]
    # The rows in its database. None if there are none, or if the database was not reached.
    held: Copy | None = None
    # Rows in the local database from a time when the cloud was off. They are about to be moved.
    left: Copy | None = None
    reached: bool = True
    # The moment of a clearing that may not be applied to `held` yet.
    cleared_at: datetime | None = None
    # False: apply no messages, which is faster. Enough for a list.
    with_messages: bool = True
    # The result. If the conversation is not known, it has only messages that were taken back.
    merged: Copy | None = field(init=False)

    def __post_init__(self) -> None:
        self.merged = merged(self.held, self.left)
        if self.pending or self.cleared_at:
            changes = outbox.changes_of(self.pending, with_messages=self.with_messages)
            if self.cleared_at:
                changes.append(Change(uuid.UUID(int=0), "", self.cleared_at, action="clear"))
            self.merged = apply_all(changes, self.merged)

    @property
    def both(self) -> Copy | None:
        """Return the result, unless the conversation is not known."""
        return self.merged if self.merged and is_known(self.merged) else None

    @property
    def storage(self) -> str:
        return "cloud" if cloud.database.on and self.held and not self.pending and not self.left else LOCAL

    def unreached(self) -> "Found":
        """Return this without what the database has, as if it had been down."""
        return Found(self.pending, None, self.left, reached=False, cleared_at=self.cleared_at)


@contextmanager
def reaching() -> Iterator[str]:
    """Wrap operations on the database that conversations are kept in, and return its alias. Raises cloud.Unavailable."""
    if not cloud.database.on:
        yield LOCAL
        return
    with cloud.database.use():
        yield settings.CLOUD_DATABASE


def find(key: uuid.UUID, learner: uuid.UUID | None, messages: Sequence[uuid.UUID] | None = None) -> Found:
    """Read a conversation with its pending changes. `messages` limits the messages to these keys (None: all).

    Operators need no learner. With pending changes, all messages are read.
    """
    # Read the outbox first: a change that moves meanwhile is then applied twice instead of missed.
    waiting, left = outbox.Waiting(), None
    if not outbox.is_empty(and_rows=cloud.database.on):
        waiting = outbox.of_conversation(key, learner)
        left = rows.load(LOCAL, [key]).get(key) if cloud.database.on else None
    own = waiting.changes.get(key, [])
    try:
        with reaching() as using:
            held = rows.load(using, [key], messages=None if own or left else messages).get(key)
            if learner is None and (own or held):
                learner = own[0].learner if own else held.conversation.learner if held else None
                waiting = outbox.clears([learner] if learner else [])
            may_begin = held is None or held.conversation.deleted_at is not None
            older = bool(own or left or may_begin)
            cleared_at = _cleared(using, waiting, {learner}, older=older).get(learner) if learner else None
    except cloud.Unavailable:
        cleared_at = waiting.cleared_at(learner) if learner else None
        return Found(own, None, left, reached=False, cleared_at=cleared_at)
    return Found(own, held, left, cleared_at=cleared_at)


def find_all(using: str, keys: Collection[uuid.UUID]) -> dict[uuid.UUID, Found]:
    """Read conversations of any learners from this database, with their pending changes."""
    changes = outbox.of_conversations(keys).changes
    left, held = rows.load(LOCAL, keys) if using != LOCAL else {}, rows.load(using, keys)
    learners = {key: copy.conversation.learner for key, copy in (left | held).items()}
    learners |= {key: some[0].learner for key, some in changes.items()}
    cleared = _cleared(using, outbox.clears(learners.values()), set(learners.values()), older=bool(changes or left))
    return {
        key: Found(changes.get(key, []), held.get(key), left.get(key), cleared_at=cleared.get(learner))
        for key, learner in learners.items()
    }


def with_pending(copies: Mapping[uuid.UUID, Copy], keys: Collection[uuid.UUID]) -> dict[uuid.UUID, Copy]:
    """Apply the pending changes of conversations to copies that were read already."""
    changes = outbox.of_conversations(keys).changes
    learners = {key: some[0].learner for key, some in changes.items()}
    learners |= {key: copy.conversation.learner for key, copy in copies.items()}
    clears = outbox.clears(learners.values())
    found = {
        key: Found(changes.get(key, []), copies.get(key), cleared_at=clears.cleared_at(learner))
        for key, learner in learners.items()
    }
    return {key: each.both for key, each in found.items() if each.both}


def _cleared(
    using: str, waiting: outbox.Waiting, learners: Collection[uuid.UUID], *, older: bool
) -> dict[uuid.UUID, datetime]:
    """Return when these learners last cleared all conversations, as far as it matters.

    Clearings by other servers are read only if `older`: if something that waits here may be older than one, or if a
    conversation may begin now, which it must do after them.
    """
    found = {learner: row.moment for learner, row in waiting.clears.items()}
    if older:
        last = LastClear.objects.using(using).filter(pk__in=learners).values_list("pk", "moment")
        found |= {learner: max(moment, found.get(learner, moment)) for learner, moment in last}
    return found


def alive_here(learner: uuid.UUID, waiting: outbox.Waiting) -> list[Conversation]:
    """Return the learner's conversations of which something waits here, as they are known without their database."""
    rows_left = Conversation.objects.using(LOCAL).filter(learner=learner) if cloud.database.on else ()
    left = {row.pk: Copy(row) for row in rows_left}
    found = [
        Found(
            waiting.changes.get(key, []), None, left.get(key), False, waiting.cleared_at(learner), with_messages=False
        )
        for key in left.keys() | waiting.changes.keys()
    ]
    return [each.both.conversation for each in found if each.both and not each.both.conversation.deleted_at]


def count_alive(found: Found) -> int:
    """Return the number of messages that are not deleted. `found` may have been read with only some of them."""
    if found.both is None:
        return 0
    count = _alive_in(found.both)
    if found.held is None:
        return count
    with reaching() as using:
        there = Message.objects.using(using).filter(conversation=found.held.conversation.pk, deleted_at=None)
        return count + there.count() - _alive_in(found.held)


def _alive_in(copy_read: Copy) -> int:
    return sum(row.deleted_at is None for row in copy_read.messages.values())


def newest(
    learner: uuid.UUID, limit: int, before: Position | None, *, only_talks: bool = False
) -> list[StoredConversation]:
    """Return the newest conversations with their messages. With `before`, return those after this place in the list.

    With `only_talks`, leave out reviews. The number of queries is the same for each page.
    """
    waiting, left = outbox.Waiting(), {}
    if not outbox.is_empty(and_rows=cloud.database.on):
        waiting = outbox.of_learners([learner])
        if cloud.database.on:
            left = {row.pk: row for row in Conversation.objects.using(LOCAL).filter(learner=learner)}
    changes, cleared_at = waiting.changes, waiting.cleared_at(learner)
    touched = changes.keys() | left.keys()
    held: dict[uuid.UUID, Conversation] = {}
    try:
        with reaching() as using:
            every = alive(using, learner).filter(IS_TALK) if only_talks else alive(using, learner)
            held = {row.pk: row for row in _page(every, limit + len(touched), before, cleared_at)}
            if missing := touched - held.keys():
                held |= {key: each.conversation for key, each in rows.load(using, missing, messages=()).items()}
            cleared_at = _cleared(using, waiting, {learner}, older=bool(touched)).get(learner)
    except cloud.Unavailable:
        held = {}

    def found(
        held: Mapping[uuid.UUID, Copy], left: Mapping[uuid.UUID, Copy], keys: Iterable[uuid.UUID], **how: bool
    ) -> list[Found]:
        return [Found(changes.get(key, []), held.get(key), left.get(key), cleared_at=cleared_at, **how) for key in keys]

    def place(row: Conversation) -> Position:
        return row.timestamp, row.pk

    # The place of a conversation in the list does not depend on its messages, so they are read for one page only.
    held_rows, left_rows = ({key: Copy(row) for key, row in each.items()} for each in (held, left))
    all_of_them = found(held_rows, left_rows, touched | held.keys(), with_messages=False)
    known = [each.both.conversation for each in all_of_them if each.both]
    if only_talks:
        known = [row for row in known if is_talk(row)]
    listed = [row for row in known if not row.deleted_at and (not before or place(row) < before)]
    page = [row.pk for row in sorted(listed, key=place, reverse=True)[:limit]]
    there: dict[uuid.UUID, Copy] = {}
    if on_page := [held[key] for key in page if key in held]:
        try:
            with reaching() as using:
                there = rows.with_messages(using, on_page)
        # The database failed after the first query.
        except cloud.Unavailable:
            page = [key for key in page if key in touched]
    here = rows.with_messages(LOCAL, [left[key] for key in page if key in left])
    voices: dict[uuid.UUID, dict[str, Recording]] = {}
    for key, voice in recordings.of_conversations(page).items():
        voices.setdefault(voice.conversation, {})[key] = voice
    return [
        _in_order(each.both, each.storage, voices.get(each.both.conversation.pk, {}))
        for each in found(there, here, page)
        if each.both
    ]


def _page(
    found: QuerySet[Conversation], limit: int, before: Position | None, cleared_at: datetime | None
) -> list[Conversation]:
    if cleared_at:
        found = found.exclude(begun_before(cleared_at))
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


def begun_before(moment: datetime) -> Q:
    """Select the conversations that were last begun, saved or restored before this moment."""
    return Q(stamps__isnull=True, updated_at__lte=moment) | Q(stamps__deleted_at__lte=stamp_of(moment))


def alive(using: str, learner: uuid.UUID) -> QuerySet[Conversation]:
    return Conversation.objects.using(using).filter(learner=learner, deleted_at=None)


def is_talk(row: Conversation) -> bool:
    """Return whether a conversation is a talk, as IS_TALK selects them."""
    return not (isinstance(row.config, dict) and row.config.get("kind") == REVIEW)


def require_reached(found: Found) -> None:
    if not found.reached:
        raise OutOfReach
