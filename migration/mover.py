"""Moves what lies in the shelter to the cloud: recordings, then conversations. What is interrupted anywhere is done by the next
run, and nothing is taken from the shelter before the cloud has said that it holds it."""

import contextlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field

from django.conf import settings
from django.core.files.storage import storages
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from audio import recordings
from audio.models import Recording
from audio.storages import ChecksumMismatch
from conversations import clearing, rows
from conversations.merging import merged
from conversations.models import Conversation, Message
from conversations.rows import Changed
from migration import shelter
from migration.copying import NotHeld, Unmovable, deliver, read
from talking_agent import cloud

LOCAL = "local"
BATCH = 50
BATCH_PATIENCE = 20.0  # seconds that the cloud may take for one batch
UPLOADS = 4  # at a time: a talk needs the machine, too


@dataclass(slots=True)
class Report:
    """What was moved, and what could not be, with the reason."""

    conversations: int = 0
    recordings: int = 0
    bytes: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def moved(self) -> int:
        return self.conversations + self.recordings


def drain(go_on: Callable[[], bool] = lambda: True) -> Report:
    """Move what can be moved now. `go_on` is asked between batches. A half of the cloud that fails ends its share."""
    report = Report()
    with contextlib.suppress(cloud.Unavailable):  # its breaker has said so; the rest waits
        if cloud.database.usable:
            _clear()
    with contextlib.suppress(cloud.Unavailable):
        _drain_recordings(report, go_on)
    with contextlib.suppress(cloud.Unavailable):
        if cloud.database.usable:
            _drain_conversations(report, go_on)
    return report


def _clear() -> None:
    with cloud.patience(BATCH_PATIENCE), cloud.database.use():
        clearing.carry_out()


def _drain_recordings(report: Report, go_on: Callable[[], bool]) -> None:
    behind = Q()
    with ThreadPoolExecutor(UPLOADS, thread_name_prefix="mover") as threads:
        while go_on():
            batch = list(shelter.recordings().filter(behind).order_by("created_at", "pk")[:BATCH])
            if not batch:
                return
            last = batch[-1]
            behind = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)
            arrived = _upload(batch, threads, report)
            for row in arrived:
                report.recordings += _hand_over(row)


def _upload(batch: Sequence[Recording], threads: ThreadPoolExecutor, report: Report) -> list[Recording]:
    """Those of the batch whose bytes are where they belong, verified; `place` says so."""
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
    """Returns the bytes. Raises Unmovable, OSError."""
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
    """What has no bytes here was perhaps removed, or moved, and interrupted. While the database is away nobody can tell."""
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
    """Does a message name it, here or there?"""
    named = {"conversation": row.conversation, "audio_key": row.key}
    if Message.objects.using(LOCAL).filter(**named).exists():
        return True
    with cloud.patience(BATCH_PATIENCE), cloud.database.use():
        return Message.objects.using(settings.CLOUD_DATABASE).filter(**named).exists()


def _already_there(batch: Iterable[Recording]) -> set[str]:
    """The keys of those that the cloud's database has: moved, and then interrupted."""
    if not cloud.database.usable:
        return set()
    with cloud.patience(BATCH_PATIENCE), cloud.database.use():
        found = Recording.objects.using(settings.CLOUD_DATABASE).filter(key__in=[row.key for row in batch])
        return set(found.values_list("key", flat=True))


def _here(row: Recording) -> QuerySet[Recording]:
    return Recording.objects.using(LOCAL).filter(pk=row.pk, key=row.key)


def _hand_over(row: Recording) -> bool:
    """Bytes that have arrived: their row into the cloud's database, and what is left out of the shelter. False if it was
    removed while it moved."""
    here = _here(row)
    if not cloud.database.usable:
        if not here.update(place=row.place):
            return _take_back(row)
        if row.place == Recording.Place.CLOUD:
            storages["audio_local"].delete(row.key)
        return True
    with cloud.patience(BATCH_PATIENCE), cloud.database.use():
        kept = _insert(row)
    if kept.place == Recording.Place.CLOUD:
        storages["audio_local"].delete(row.key)  # before its row: an interrupted run comes here again
    return bool(here.delete()[0]) or kept is not row or _take_back(row)


def _take_back(row: Recording) -> bool:
    with cloud.patience(BATCH_PATIENCE):
        recordings.remove([row])
    return False


def _insert(row: Recording) -> Recording:
    """Returns the row that the cloud's database has with this key. Another with the same bytes, kept while the cloud was out of
    reach, stays beside it: somebody may just be saving the message that names either."""
    using = settings.CLOUD_DATABASE
    try:
        with transaction.atomic(using=using):
            row.save(using=using, force_insert=True)
        return row
    except IntegrityError:
        there = Recording.objects.using(using).filter(key=row.key).first()
    return there or recordings.insert_beside(using, row)


def _drain_conversations(report: Report, go_on: Callable[[], bool]) -> None:
    behind = Q()
    while go_on():
        waiting = Conversation.objects.using(LOCAL).filter(behind).order_by("updated_at", "pk")[:BATCH]
        found = list(waiting.values_list("updated_at", "pk"))
        if not found:
            return
        (moment, last), batch = found[-1], [key for _, key in found]
        behind = Q(updated_at__gt=moment) | Q(updated_at=moment, pk__gt=last)
        try:
            report.conversations += _move(batch)
        except (Changed, cloud.Unavailable):
            _move_singly(batch, report)


def _move_singly(batch: Sequence[uuid.UUID], report: Report) -> None:
    """One that cannot be moved must not keep the others. Raises cloud.Unavailable if that is not what it was."""
    for key in batch:
        try:
            report.conversations += _move([key])
        except Changed:
            continue  # somebody is writing to it; the next run moves it
        except cloud.Unavailable as error:
            if not cloud.database.usable:
                raise
            report.failed[str(key)] = f"the database does not take it: {error.__cause__}"


def _move(keys: Sequence[uuid.UUID]) -> int:
    near = rows.load(LOCAL, keys)
    with cloud.patience(BATCH_PATIENCE), cloud.database.use():
        far = rows.load(settings.CLOUD_DATABASE, keys)
        both = [merged(far.get(key), near[key]) for key in near]
        rows.write(settings.CLOUD_DATABASE, [each for each in both if each], far)
    return rows.remove(near.values(), using=LOCAL)
