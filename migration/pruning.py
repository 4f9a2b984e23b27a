"""Delete old data: conversations, whose words and recordings are erased at once, or recordings alone.

A conversation is as old as the newest thing that was said in it. Deletion goes batch by batch, and the next run
finishes an interrupted one. Nothing begins while a half of the cloud is down, because its data could not be erased.
"""

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import Count, Max, Min, Model, QuerySet, Sum
from django.utils import timezone

from audio import recordings
from audio.models import Recording
from conversations import outbox, store
from conversations.changes import now_after
from conversations.models import Conversation, Message
from core import cloud
from core.batches import batches
from core.cloud import LOCAL
from migration import drain

# Keys in a query. SQLite limits their number.
LOOKED_AT_ONCE = 400
DELETED_AT_ONCE = 20  # conversations
# Seconds that the cloud may take for one batch.
BATCH_PATIENCE = 120.0

Row = TypeVar("Row", bound=Model)


class Down(Exception):
    """Report that a half of the cloud is down. The message says which and why."""


@dataclass(frozen=True, slots=True)
class PruneOptions:
    """Select what to delete: everything that was said before this moment, by all learners or by these.

    With `since`, and only for recordings, everything that was said from that moment on.
    """

    before: datetime
    learners: Sequence[uuid.UUID] | None = None
    audio_only: bool = False
    since: datetime | None = None


@dataclass(slots=True)
class Pruned:
    """Count what would be deleted, or was deleted. `bytes` is the size of the recordings.

    `oldest` and `newest` say when the conversations were begun, or the recordings spoken.
    """

    conversations: int = 0
    recordings: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    def add(self, other: "Pruned") -> None:
        self.conversations += other.conversations
        self.recordings += other.recordings
        self.bytes += other.bytes
        self.oldest = min((each for each in (self.oldest, other.oldest) if each), default=None)
        self.newest = max((each for each in (self.newest, other.newest) if each), default=None)

    @property
    def count(self) -> int:
        return self.conversations or self.recordings


def plan(options: PruneOptions) -> Pruned:
    """Count what would be deleted. Changes nothing. Raises Down."""
    planned = Pruned()
    with _while_all_is_up():
        if options.audio_only:
            for using in databases():
                planned.add(_count_recordings(using, _spoken_before(using, options)))
        else:
            for batch in _old_conversations(options, LOOKED_AT_ONCE):
                planned.add(_count_conversations(batch))
                require_up()
    return planned


def prune(options: PruneOptions) -> Iterator[Pruned]:
    """Delete what is old, and yield the counts of each batch. Raises Down or OSError, perhaps after some batches."""
    with _while_all_is_up():
        drain.drain()
        if options.audio_only:
            for using in databases():
                yield from map(_delete_recordings, _in_batches(_spoken_before(using, options), using, LOOKED_AT_ONCE))
        else:
            yield from map(_delete_conversations, _old_conversations(options, DELETED_AT_ONCE))


@contextlib.contextmanager
def _while_all_is_up() -> Iterator[None]:
    for half in cloud.halves:
        if half.on:
            half.check()
    require_up()
    try:
        yield
    except cloud.Unavailable as error:
        raise Down(_which_is_down() or f"The {error} is switched off, or took too long.") from error


def require_up() -> None:
    """Raise Down if a half is down: the store goes on without the cloud, and leaves the data that is there."""
    if down := _which_is_down():
        raise Down(down)


def _which_is_down() -> str:
    return " ".join(f"The {half.name} is down: {half.reason}" for half in cloud.halves if half.on and not half.up)


# Conversations


def _old_conversations(options: PruneOptions, at_once: int) -> Iterator[Sequence[Conversation]]:
    """Yield the old conversations that are not erased yet, in batches.

    Conversations with pending changes are left out: they are newer than what the database has of them. Rows that wait
    in the local database are as new as they are there.
    """
    waiting = set(outbox.keys(outbox.pending()))
    for using in databases():
        rows = Conversation.objects.using(using).filter(erased=False, timestamp__lt=options.before)
        for some in _in_batches(_of_learners(rows, options), using):
            keys = [row.pk for row in some if row.pk not in waiting]
            talked_in = _talked_in_since(options.before, keys)
            found = [row for row in some if row.pk in keys and row.pk not in talked_in]
            yield from batches(found, at_once)
        if using == LOCAL and cloud.database.on:
            waiting |= set(Conversation.objects.using(LOCAL).values_list("pk", flat=True))


def _talked_in_since(moment: datetime, keys: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    found: set[uuid.UUID] = set()
    for using in databases():
        since = Message.objects.using(using).filter(conversation__in=keys, timestamp__gte=moment, deleted_at=None)
        with reaching(using):
            found.update(since.order_by().values_list("conversation_id", flat=True))
    return found


def _count_conversations(batch: Sequence[Conversation]) -> Pruned:
    moments = [row.timestamp for row in batch]
    counted = Pruned(len(batch), oldest=min(moments), newest=max(moments))
    for using in databases():
        rows = Recording.objects.using(using).filter(conversation__in=[row.pk for row in batch])
        found = _count_recordings(using, rows)
        counted.add(Pruned(0, found.recordings, found.bytes))
    return counted


def _delete_conversations(batch: Sequence[Conversation]) -> Pruned:
    counted = _count_conversations(batch)
    keys = [row.pk for row in batch]
    with cloud.patience(BATCH_PATIENCE):
        for row in batch:
            store.delete(row.learner, row.wire_id)
        # Recordings first, because rows are erased in one operation on the database. Hundreds of deletions in the bucket
        # would take longer than that operation may.
        recordings.remove(recordings.of_conversations(keys).values())
        store.erase_deleted(before=timezone.now() + timedelta(seconds=1), only=keys)
    require_up()
    return counted


# Recordings alone


def _count_recordings(using: str, rows: QuerySet[Recording]) -> Pruned:
    spoken = {"oldest": Min("created_at"), "newest": Max("created_at")}
    with reaching(using):
        found = rows.order_by().aggregate(count=Count("pk"), size=Sum("size"), **spoken)
    return Pruned(0, found["count"], found["size"] or 0, found["oldest"], found["newest"])


def _spoken_before(using: str, options: PruneOptions) -> QuerySet[Recording]:
    rows = Recording.objects.using(using).filter(created_at__lt=options.before)
    if options.since:
        rows = rows.filter(created_at__gte=options.since)
    return _of_learners(rows, options)


def _delete_recordings(batch: Sequence[Recording]) -> Pruned:
    """Delete recordings, but first their keys in the messages, so that no message names a missing recording."""
    keys, messages = [row.key for row in batch], {row.message for row in batch}
    for using in databases():
        named = Message.objects.using(using).filter(pk__in=messages, audio_key__in=keys)
        with reaching(using):
            named.update(audio_key="", updated_at=now_after())
    for row in batch:
        with cloud.patience(BATCH_PATIENCE):
            recordings.remove([row])
    require_up()
    moments = [row.created_at for row in batch]
    return Pruned(0, len(batch), sum(row.size for row in batch), min(moments), max(moments))


def _of_learners(rows: QuerySet[Row], options: PruneOptions) -> QuerySet[Row]:
    return rows if options.learners is None else rows.filter(learner__in=options.learners)


def databases() -> list[str]:
    """Return the databases that hold conversations or recordings, the local one first."""
    return [LOCAL, settings.CLOUD_DATABASE] if cloud.database.on else [LOCAL]


@contextlib.contextmanager
def reaching(using: str) -> Iterator[None]:
    """Wrap an operation on one of the databases. Raises cloud.Unavailable."""
    if using == LOCAL:
        yield
    else:
        with cloud.patience(BATCH_PATIENCE), cloud.database.use():
            yield


def _in_batches(rows: QuerySet[Row], using: str, at_once: int = LOOKED_AT_ONCE) -> Iterator[list[Row]]:
    """Yield the rows in batches, ordered by key, with a query for each: rows that are deleted meanwhile do no harm."""
    last = uuid.UUID(int=0)
    while True:
        with reaching(using):
            batch = list(rows.filter(pk__gt=last).order_by("pk")[:at_once])
        if not batch:
            return
        yield batch
        last = batch[-1].pk
