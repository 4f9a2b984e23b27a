"""Erase everything of a learner, in every store, however often that takes.

A row of `Erasure` in the local database is the order. It is durable before the learner gets an answer, and work on it
can be interrupted and repeated at any step. While a store is down, the others are erased, and this one follows when it
is back. A last pass after SETTLE seconds finds what a request that was under way has still written.

The rows of `Erasure` are also in the shared databases. There, other servers learn whom to erase from their outboxes.
"""

import contextlib
import logging
import math
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.db import DatabaseError, InterfaceError, connections, router
from django.utils import timezone

from audio import quota, uploads
from audio.models import Recording
from conversations.models import Conversation, Erasure, PendingChange
from core import cloud, metrics
from core.cloud import LOCAL
from learners import erased, personal_data
from learners.models import Account, LearnerMerge
from learners.personal_data import DataSubject, PersonalTable
from migration import stores
from migration.orphan_recordings import OUR_KEY

ACCOUNTS = "default"
# Seconds. No request that began before the erasure writes after so long.
SETTLE = 600.0
# Seconds between two looks at the erasures of other servers.
EXCHANGE_EVERY = 30.0
# Seconds that a store may take for one step.
PATIENCE = 60.0
# Seconds until a store that failed is tried again, doubled each time.
PAUSE, LONGEST_PAUSE = 1.0, 60.0
# Files that a killed process has half written have no key.
UNNAMED = "/.aside-"

# The stores that have something left, or may have, with the reasons.
Left = dict[str, str]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Schedule:
    """Hold when the next pass over a learner's data is due. Times are in seconds of time.monotonic()."""

    seen_at: float = field(default_factory=time.monotonic)
    due_at: float = 0.0
    pause: float = 0.0
    left: Left = field(default_factory=dict)


_schedules: dict[uuid.UUID, _Schedule] = {}
_exchanged_at = -math.inf


def request(learner: uuid.UUID) -> None:
    """Order the erasure. It is durable on return, and the learner's cookies and tokens are void."""
    Erasure.objects.using(LOCAL).get_or_create(learner=learner, defaults={"requested_at": timezone.now()})
    erased.add([learner])


def load() -> None:
    """Read which learners are erased, when the server starts."""
    erased.add(Erasure.objects.using(LOCAL).values_list("pk", flat=True))


def work() -> None:
    """Carry out the erasures that are due. Raises DatabaseError if the local database fails."""
    global _exchanged_at
    now = time.monotonic()
    unfinished = list(Erasure.objects.using(LOCAL).filter(finished_at=None))
    due = [order for order in unfinished if _schedules.setdefault(order.pk, _Schedule()).due_at <= now]
    if not due and now - _exchanged_at < EXCHANGE_EVERY:
        return
    without_ledger = exchange()
    _exchanged_at = time.monotonic()
    for order in due:
        _carry_out(order, _schedules[order.pk], without_ledger)
    metrics.ERASURES.set(sum(bool(each.left) for each in _schedules.values()))


def exchange() -> Left:
    """Exchange the erasures with the shared databases. Return those that cannot be reached."""
    failed: Left = {}
    for using in sorted(stores.databases() - {LOCAL}):
        with _noting(using, failed), _reaching(using):
            here = dict(Erasure.objects.using(LOCAL).values_list("pk", "requested_at"))
            there = dict(Erasure.objects.using(using).values_list("pk", "requested_at"))
            for alias, known, other in ((using, there, here), (LOCAL, here, there)):
                new = [Erasure(pk=key, requested_at=other[key]) for key in other.keys() - known.keys()]
                Erasure.objects.using(alias).bulk_create(new)
            erased.add(there)
    return failed


def erase(order: Erasure) -> Left:
    """Erase what can be reached now. Return the stores that have something left, or may have."""
    left: Left = {}
    subject = _subject(order, left)
    knows_all = not left
    _request_unfinished_merges(order, left)
    for table in personal_data.tables():
        # An account names its unfinished merges, so it goes after them.
        if table.model is not Recording and not (table.model is Account and ACCOUNTS in left):
            _erase_table(table, subject, left)
    # The rows of recordings name files, so they go after the files.
    names = _names(subject.learner, left)
    _erase_files("audio_local", subject, names, left)
    if "audio_cloud" in settings.STORAGES:
        if knows_all:
            _erase_files("audio_cloud", subject, names, left)
        else:
            left["audio_cloud"] = "which files are the learner's is not known yet"
    if not left:
        for table in personal_data.tables():
            if table.model is Recording:
                _erase_table(table, subject, left)
    quota.forget(subject.learner)
    return left | _overwrite_logs()


def _carry_out(order: Erasure, schedule: _Schedule, without_ledger: Left) -> None:
    left = without_ledger | erase(order)
    now = time.monotonic()
    if left:
        if left != schedule.left:
            stores_left = "; ".join(f"{store}: {why}" for store, why in sorted(left.items()))
            logger.warning("An erasure is not complete, and is continued until it is. Left are: %s", stores_left)
        schedule.pause = min(max(PAUSE, 2 * schedule.pause), LONGEST_PAUSE)
        schedule.due_at = now + schedule.pause
    elif now - schedule.seen_at < SETTLE:
        schedule.due_at, schedule.pause = schedule.seen_at + SETTLE, 0.0
    else:
        done = {"finished_at": timezone.now(), "conversations": []}
        Erasure.objects.using(LOCAL).filter(pk=order.pk).update(**done)
        _schedules.pop(order.pk, None)
        logger.info("Everything of a learner is erased.")
    schedule.left = left


def _subject(order: Erasure, left: Left) -> DataSubject:
    """Return the learner with all conversations, and note their keys before their rows are erased."""
    known = {uuid.UUID(key) for key in order.conversations}
    found = set(known)
    for using in stores.databases():
        with _noting(using, left), _reaching(using):
            of_learner = {"learner": order.learner}
            found.update(Conversation.objects.using(using).filter(**of_learner).values_list("pk", flat=True))
            found.update(Recording.objects.using(using).filter(**of_learner).values_list("conversation", flat=True))
    waiting = PendingChange.objects.using(LOCAL).filter(learner=order.learner, conversation__isnull=False)
    found.update(key for key in waiting.values_list("conversation", flat=True) if key)
    if found != known:
        order.conversations = sorted(key.hex for key in found)
        order.save(using=LOCAL, update_fields=["conversations"])
    return DataSubject(order.learner, frozenset(found))


def _request_unfinished_merges(order: Erasure, left: Left) -> None:
    """Order the erasure of learners whose conversations were being merged into the account. No browser has their cookies."""
    with _noting(ACCOUNTS, left), _reaching(ACCOUNTS):
        unfinished = LearnerMerge.objects.filter(account__learner=order.learner, finished_at=None)
        for source in unfinished.values_list("source", flat=True):
            request(source)


def _erase_table(table: PersonalTable, subject: DataSubject, left: Left) -> None:
    for using in sorted(stores.databases() | {ACCOUNTS}):
        if router.allow_migrate_model(using, table.model):
            with _noting(using, left), _reaching(using):
                table.erase(subject, using)


def _names(learner: uuid.UUID, left: Left) -> set[str]:
    """Return the names of the learner's files as far as rows know them."""
    names: set[str] = set()
    for using in stores.databases():
        with _noting(using, left), _reaching(using):
            names.update(Recording.objects.using(using).filter(learner=learner).values_list("key", flat=True))
    return names


def _erase_files(name: str, subject: DataSubject, names: set[str], left: Left) -> None:
    """Erase the learner's files in a storage: all versions, and those that no row names."""
    storage = storages[name]
    with _noting(name, left):
        # Known ones first: listing a large bucket takes long, and may not be allowed.
        for each in names:
            with _reaching_files(name):
                storage.delete(each)
        for each, version in _versions(name, storage):
            if each in names or _is_of(each, subject):
                with _reaching_files(name):
                    storage.delete_version(each, version)  # type: ignore[attr-defined]
    if name == "audio_local":
        for key, _ in uploads.unfinished():
            if _is_of(key, subject):
                uploads.finish(key)
        _delete_unnamed(storage)


def _versions(name: str, storage: Storage) -> Iterator[tuple[str, str]]:
    pages = storage.versions()  # type: ignore[attr-defined]
    while True:
        with _reaching_files(name):
            page = next(pages, None)
        if page is None:
            return
        yield from page


def _is_of(name: str, subject: DataSubject) -> bool:
    """Return whether a file belongs to one of the learner's conversations, by its name."""
    found = OUR_KEY.fullmatch(name)
    return found is not None and uuid.UUID(found[1]) in subject.conversations


def _delete_unnamed(storage: Storage) -> None:
    """Delete files that killed processes left half written. They may hold a part of any recording."""
    before = datetime.now(UTC) - timedelta(seconds=SETTLE)
    for file in list(storage.files()):  # type: ignore[attr-defined]
        if UNNAMED in file.name and file.at < before:
            storage.delete(file.name)


def _overwrite_logs() -> Left:
    """Empty SQLite's write-ahead logs, which hold former pages. Return the databases whose log is in use."""
    busy: Left = {}
    for using in (LOCAL, ACCOUNTS):
        if connections[using].vendor == "sqlite":
            with connections[using].cursor() as cursor:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                if cursor.fetchone()[0]:
                    busy[using] = "its write-ahead log is in use"
    return busy


@contextlib.contextmanager
def _noting(store: str, left: Left) -> Iterator[None]:
    """Note the store in `left` if it fails."""
    try:
        yield
    except _failures() as error:
        # If the local database fails, nothing can be noted.
        if store == LOCAL:
            raise
        left.setdefault(store, cloud.sentence(error))


def _failures() -> tuple[type[Exception], ...]:
    failures = (cloud.Unavailable, InterfaceError, DatabaseError, OSError)
    if "mongodb" not in settings.DATABASES:
        return failures
    # The backend does not translate all of them.
    from pymongo.errors import PyMongoError

    return (*failures, PyMongoError)


@contextlib.contextmanager
def _reaching(using: str) -> Iterator[None]:
    """Limit the time of operations on a database, and let the breaker notice failures."""
    if using == LOCAL:
        yield
    elif using == settings.CLOUD_DATABASE:
        with cloud.patience(PATIENCE), cloud.database.use():
            yield
    else:
        with cloud.within(PATIENCE):
            yield


@contextlib.contextmanager
def _reaching_files(name: str) -> Iterator[None]:
    """Limit the time of an operation on a storage.

    The breaker is asked, and notices nothing: that old versions may not be listed is no outage.
    """
    if name == "audio_cloud" and cloud.bucket.on and not cloud.bucket.up:
        raise cloud.Unavailable(cloud.bucket.name)
    with cloud.within(PATIENCE):
        yield
