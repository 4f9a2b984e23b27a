"""Move what waits in the local database to the cloud: first recordings, then changes of conversations.

The next run finishes an interrupted one. Nothing is removed before the cloud has confirmed that it
holds it.
"""

import contextlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field

from django.conf import settings
from django.core.files.storage import storages
from django.db.models import Min, Q, QuerySet

from audio import recordings
from audio.models import Recording
from audio.storages import ChecksumMismatch
from conversations import lookup, outbox, rows, store
from conversations.models import Conversation, LastClear
from conversations.rows import Changed
from core import cloud
from core.cloud import LOCAL
from learners.models import LearnerMerge
from migration import waiting
from migration.transfer import NotHeld, Unmovable, deliver, insert, read

BATCH = 50
# The current size. It is halved when the database takes too long, so that smaller batches succeed.
_batch = BATCH
# Seconds that the cloud may take for one batch.
BATCH_PATIENCE = 20.0
# Uploads at a time. They are few, because talks need the machine too.
UPLOADS = 4


@dataclass(slots=True)
class Report:
    """Count what was moved. `failed` names what could not be moved, with the reason."""

    conversations: int = 0
    recordings: int = 0
    bytes: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def moved(self) -> int:
        return self.conversations + self.recordings


def drain() -> Report:
    """Move what can be moved now, and return a report."""
    report = Report()
    for _ in steps(report):
        pass
    return report


def steps(report: Report) -> Iterator[None]:
    """Drain step by step, and count in `report`. Yields before each batch, so that the caller can stop.

    If a half of the cloud fails, its data waits, and the other half's moves. The breaker has reported the failure.
    """
    with contextlib.suppress(cloud.Unavailable):
        yield from _drain_recordings(report)
    with contextlib.suppress(cloud.Unavailable):
        if cloud.database.usable or not cloud.database.on:
            yield from _drain_changes(report)
    with contextlib.suppress(cloud.Unavailable):
        yield from _drain_rows(report)


def _drain_recordings(report: Report) -> Iterator[None]:
    behind = Q()
    with ThreadPoolExecutor(UPLOADS, thread_name_prefix="drain") as threads:
        while True:
            yield
            batch = list(waiting.recordings().filter(behind).order_by("created_at", "pk")[:BATCH])
            if not batch:
                return
            last = batch[-1]
            behind = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)
            arrived = _upload(batch, threads, report)
            for row in arrived:
                report.recordings += _hand_over(row)


def _upload(batch: Sequence[Recording], threads: ThreadPoolExecutor, report: Report) -> list[Recording]:
    """Upload the bytes that wait for the bucket, and verify them.

    Returns the recordings of the batch whose bytes are where they belong, with `place` set accordingly.
    """
    there = _already_there(batch)
    waiting = [row for row in batch if row.place == Recording.Place.LOCAL and cloud.bucket.on and row.key not in there]
    arrived = [row for row in batch if row not in waiting]
    unmovable: dict[str, tuple[Recording, str]] = {}
    if not waiting:
        return arrived
    with cloud.patience(BATCH_PATIENCE), cloud.bucket.use():
        uploads = [(row, threads.submit(copy_context().run, _upload_one, row)) for row in waiting]
        for row, upload in uploads:
            try:
                report.bytes += upload.result()
            except Unmovable as error:
                unmovable[row.key] = row, str(error)
            else:
                row.place = Recording.Place.CLOUD
                arrived.append(row)
    report.failed |= {key: why for key, (row, why) in unmovable.items() if not _was_dealt_with(row)}
    return arrived


def _upload_one(row: Recording) -> int:
    """Upload one recording, and return its size in bytes. Raises Unmovable, OSError."""
    try:
        data = read(row, storages["audio_local"])
    except OSError as error:
        raise Unmovable(f"its file cannot be read: {error.strerror or error}") from error
    try:
        deliver(row, data, storages["audio_cloud"])
    except (ChecksumMismatch, NotHeld) as error:
        raise Unmovable(str(error)) from error
    return len(data)


def _was_dealt_with(row: Recording) -> bool:
    """Return whether an interrupted run has already removed or moved this recording.

    A row without a file that no message names is removed here. While the database is down the answer is unknown, and
    True is returned.
    """
    if not _here(row).exists():
        return True
    if storages["audio_local"].exists(row.key):
        return False
    if not cloud.database.on:
        return False
    if cloud.database.usable and not _is_named(row):
        _take_back(row)
        return True
    return not cloud.database.usable


def _is_named(row: Recording) -> bool:
    """Return whether a message names the recording, with the changes that wait."""
    with cloud.patience(BATCH_PATIENCE):
        found = lookup.find(row.conversation, row.learner).both
    return found is not None and any(message.audio_key == row.key for message in found.messages.values())


def _already_there(batch: Iterable[Recording]) -> set[str]:
    """Return the keys that the cloud's database has already, from a run that was interrupted after moving them."""
    if not cloud.database.usable:
        return set()
    with cloud.patience(BATCH_PATIENCE), cloud.database.use():
        found = Recording.objects.using(settings.CLOUD_DATABASE).filter(key__in=[row.key for row in batch])
        return set(found.values_list("key", flat=True))


def _here(row: Recording) -> QuerySet[Recording]:
    return Recording.objects.using(LOCAL).filter(pk=row.pk, key=row.key)


def _hand_over(row: Recording) -> bool:
    """Write the row of an uploaded recording to the cloud's database, and remove the local row and file.

    Returns False if the recording was removed while it moved. While the database is down, the row stays where it is.
    """
    here = _here(row)
    if not cloud.database.usable:
        if not here.update(place=row.place):
            return _take_back(row)
        if row.place == Recording.Place.CLOUD:
            storages["audio_local"].delete(row.key)
        return True
    with cloud.patience(BATCH_PATIENCE), cloud.database.use():
        kept = insert(settings.CLOUD_DATABASE, row)
    if kept.place == Recording.Place.CLOUD:
        # The file goes before its row, so that the next run comes here again if this one is interrupted.
        storages["audio_local"].delete(row.key)
    return bool(here.delete()[0]) or kept is not row or _take_back(row)


def _take_back(row: Recording) -> bool:
    with cloud.patience(BATCH_PATIENCE):
        recordings.remove([row])
    return False


def _drain_changes(report: Report) -> Iterator[None]:
    """Apply the pending changes of conversations, and then those that clear all conversations of a learner.

    Clearings come last. Until then, reads apply them, so nothing cleared is shown.
    """
    last = 0
    while True:
        yield
        waiting = outbox.pending().filter(conversation__isnull=False).order_by().values("conversation")
        batch = list(waiting.annotate(first=Min("pk")).filter(first__gt=last).order_by("first")[:_batch])
        if not batch:
            break
        last = batch[-1]["first"]
        _move_batch([each["conversation"] for each in batch], report)
    for row in outbox.pending().filter(conversation=None):
        with cloud.patience(BATCH_PATIENCE), lookup.reaching() as using:
            store.carry_out_clear(LastClear(row.learner, row.moment), using)
        outbox.remove([row])


def _drain_rows(report: Report) -> Iterator[None]:
    """Move the conversations that the local database has from a time when the cloud was off, then the clearings."""
    last = uuid.UUID(int=0)
    while cloud.database.usable:
        yield
        left = Conversation.objects.using(LOCAL).filter(pk__gt=last).order_by("pk")
        batch = list(left.values_list("pk", flat=True)[:_batch])
        if not batch:
            break
        last = batch[-1]
        _move_batch(batch, report)
    for clear in LastClear.objects.using(LOCAL) if cloud.database.usable else ():
        with cloud.patience(BATCH_PATIENCE), cloud.database.use():
            store.carry_out_clear(clear, settings.CLOUD_DATABASE)
        LastClear.objects.using(LOCAL).filter(pk=clear.pk, moment=clear.moment).delete()


def _move_batch(batch: Sequence[uuid.UUID], report: Report) -> None:
    """Move these conversations, one by one if they cannot be moved together. So one does not keep the others.

    Raises cloud.Unavailable if the database is down.
    """
    global _batch
    try:
        report.conversations += _move(batch)
        _batch = min(BATCH, 2 * _batch)
    except (Changed, cloud.Unavailable) as failure:
        if isinstance(failure, cloud.Unavailable):
            _batch = max(1, len(batch) // 2)
        for key in batch:
            try:
                report.conversations += _move([key])
            except Changed:
                # It is being written to. The next run moves it.
                continue
            except cloud.Unavailable as error:
                if not cloud.database.usable:
                    raise
                report.failed[str(key)] = f"the database does not take it: {error.__cause__}"


def _move(keys: Sequence[uuid.UUID]) -> int:
    """Write what waits for these conversations to the database, and remove it here. Return their number."""
    with cloud.patience(BATCH_PATIENCE), lookup.reaching() as using:
        found = lookup.find_all(using, keys)
        held = {key: each.held for key, each in found.items() if each.held}
        rows.write(using, [each.merged for each in found.values() if each.merged], held)
    _reopen_merges({each.merged.conversation.learner for each in found.values() if each.merged})
    outbox.remove([change for each in found.values() for change in each.pending])
    rows.remove([each.left for each in found.values() if each.left], using=LOCAL)
    return sum(bool(each.pending or each.left) for each in found.values())


def _reopen_merges(learners: Iterable[uuid.UUID]) -> None:
    """Let finished merges of these learners go on with what has arrived since. `learner_merges` carries them out."""
    with cloud.within(BATCH_PATIENCE):
        LearnerMerge.objects.filter(source__in=learners).exclude(finished_at=None).update(finished_at=None)
