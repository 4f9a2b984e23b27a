"""Copies conversations and recordings from one store to another. Of what is in both the newer holds; what is there already is not
copied again; so a copy that was interrupted anywhere is finished by copying again. Nothing is taken from the source."""

import errno
import hashlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import DatabaseError, IntegrityError, OperationalError, transaction
from django.db.models import Sum

from audio import recordings
from audio.models import Recording
from audio.storages import ChecksumMismatch
from conversations import rows
from conversations.merging import merged
from conversations.models import Conversation
from conversations.rows import Changed
from migration.stores import Store, configured

ROWS_AT_ONCE = 200
AHEAD = 2  # batches whose bytes are under way while the slowest of one before arrives
TRIES, PAUSE = 4, 0.2  # of one recording; seconds before the second, doubled each time
LONGEST = 20.0  # seconds for its tries: a storage that hangs is not asked once more
HOPELESS = 50  # recordings in a row that a storage does not give or take: it is down, or full
MOST_NAMED = 1_000  # failures that are kept by name
# Waiting changes nothing about a disk that is full, or not ours to write.
LASTING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


class Unmovable(Exception):
    """This one cannot be moved; the message says why."""


class Missing(Unmovable):
    """Its file is not there."""


class Hopeless(OSError):
    """A storage takes or gives nothing any more."""


class NotHeld(OSError):
    """The storage has taken the bytes, and does not have them."""


class Stopped(Exception):
    """Somebody asked for it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be copied: all, or one learner's, or the conversations since a moment with what was said in them."""

    learner: uuid.UUID | None = None
    since: datetime | None = None

    def conversations(self, using: str) -> Any:
        found = Conversation.objects.using(using)
        found = found.filter(learner=self.learner) if self.learner else found
        return found.filter(timestamp__gte=self.since) if self.since else found

    def recordings(self, using: str, **more: Any) -> Iterator[list[Recording]]:
        """In batches."""
        for found in self._recordings(using, more):
            yield from in_batches(found)

    def sizes(self, using: str, **more: Any) -> Iterator[tuple[int, int]]:
        """How many recordings, and of how many bytes; in parts."""
        for found in self._recordings(using, more):
            yield found.count(), found.aggregate(size=Sum("size"))["size"] or 0

    def _recordings(self, using: str, more: dict[str, Any]) -> Iterator[Any]:
        found = Recording.objects.using(using).filter(**more)
        found = found.filter(learner=self.learner) if self.learner else found
        if not self.since:
            yield found
            return
        for some in in_batches(self.conversations(using)):
            yield found.filter(conversation__in=[row.pk for row in some])


@dataclass(slots=True)
class Progress:
    """How far it is: copied, and found there already (`same`). `bytes` are of the recordings that were copied."""

    conversations: int = 0
    conversations_same: int = 0
    recordings: int = 0
    recordings_same: int = 0
    bytes: int = 0
    failures: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # the first MOST_NAMED, with the reason

    def fail(self, what: str, why: str) -> None:
        self.failures += 1
        if len(self.failed) < MOST_NAMED:
            self.failed[what] = why

    def counts(self) -> dict[str, int]:
        return {name: value for name, value in asdict(self).items() if name != "failed"}


@dataclass(frozen=True, slots=True)
class Plan:
    conversations: int
    recordings: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one recording: copied, there already, or why not."""

    same: bool = False
    failure: str = ""
    by_storage: bool = False  # not the recording's own fault
    missing: bool = False


SAME, COPIED = Outcome(same=True), Outcome()


@dataclass(slots=True)
class Copying:
    """One copy. `told` is called after each batch, and may raise Stopped."""

    source: Store
    destination: Store
    wanted: Wanted = field(default_factory=Wanted)
    workers: int = 8
    reads_back: bool = False  # every byte, also of what was there, instead of asking for size and checksum
    dry: bool = False  # look, and count what would be copied
    told: Callable[[Progress], None] = lambda progress: None
    progress: Progress = field(default_factory=Progress)
    _in_a_row: int = 0  # failures by a storage

    def plan(self) -> Plan:
        conversations = self.wanted.conversations(self.knows(self.source)).count() if self.destination.database else 0
        found = self.wanted.sizes(self.knows(self.source), **self._only)
        return Plan(conversations, *(sum(each) for each in zip((0, 0), *found, strict=True)))

    def run(self) -> Progress:
        """Raises Stopped; Hopeless; whatever a database raises. What cannot be copied is named, and does not end it."""
        threads = ThreadPoolExecutor(self.workers, thread_name_prefix="copying")
        under_way: deque[list[tuple[Recording, Future[Outcome]]]] = deque()
        try:
            for batch in self.recordings():
                under_way.append(self._set_off(batch, threads))
                if len(under_way) > AHEAD:
                    self._arrive(under_way.popleft())
            while under_way:
                self._arrive(under_way.popleft())
        finally:
            threads.shutdown(cancel_futures=True)
        if self.destination.database:
            for some in in_batches(self.wanted.conversations(self.knows(self.source))):
                self._copy_conversations([row.pk for row in some])
                self.told(self.progress)
        return self.progress

    def knows(self, store: Store) -> str:
        """The database that knows the recordings: a bucket alone knows none, so it is that of the cloud."""
        return store.database or configured()["cloud"].database or "local"

    def recordings(self) -> Iterator[list[Recording]]:
        """Those that are wanted, in batches. The rows know of recordings, too, that are not in a bucket."""
        return self.wanted.recordings(self.knows(self.source), **self._only)

    @property
    def _only(self) -> dict[str, Any]:
        return {"place": Recording.Place.CLOUD} if self.source.bucket else {}

    def moves(self, row: Recording) -> bool:
        """Do its bytes go elsewhere?"""
        if self.destination.bucket:
            return True
        return self.destination.place is not None and row.place != self.destination.place

    def _set_off(
        self, batch: Sequence[Recording], threads: ThreadPoolExecutor
    ) -> list[tuple[Recording, Future[Outcome]]]:
        there = self._there(batch)
        settled = set() if self.reads_back else there
        self.progress.recordings_same += len(settled)
        return [(row, threads.submit(self._bring, row, row.key in there)) for row in batch if row.key not in settled]

    def _there(self, batch: Sequence[Recording]) -> set[str]:
        """The keys of those that the destination's database has, with their bytes where they are to be."""
        if not self.destination.database:
            return set()
        keys = [row.key for row in batch]
        found = Recording.objects.using(self.destination.database).filter(key__in=keys).order_by()
        place = self.destination.place
        return {key for key, its_place in found.values_list("key", "place") if place is None or its_place == place}

    def _bring(self, row: Recording, known: bool) -> Outcome:
        """The bytes of one recording, as often as it takes."""
        if not self.moves(row):
            return SAME if known else COPIED
        pause, began = PAUSE, time.monotonic()
        for more in range(TRIES - 1, -1, -1):
            try:
                return self._try(row, known)
            except Unmovable as error:
                return Outcome(failure=str(error), missing=isinstance(error, Missing))
            except SuspiciousFileOperation:
                return Outcome(failure="its key leads out of the folder of recordings")
            except (OSError, ChecksumMismatch) as error:
                hangs = time.monotonic() - began > LONGEST
                if not more or hangs or getattr(error, "errno", None) in LASTING:
                    return Outcome(failure=_reason(error), by_storage=True)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("the last try returns")

    def _try(self, row: Recording, known: bool) -> Outcome:
        destination = self.destination
        if (known or not destination.database) and holds(destination.audio, row, reads_back=self.reads_back):
            return SAME
        if not self.dry:
            carry(row, self.source.bytes_of(row), destination.audio, reads_back=self.reads_back)
        return COPIED

    def _arrive(self, batch: Sequence[tuple[Recording, Future[Outcome]]]) -> None:
        """Wait for the bytes, then write the rows: a row never names bytes that are not there."""
        copied, outcome = [], SAME
        for row, carried in batch:
            outcome = carried.result()
            if outcome.same or (outcome.missing and self._has_left(row)):
                self.progress.recordings_same += 1
            elif outcome.failure:
                self.progress.fail(row.key, outcome.failure)
            else:
                copied.append(row)
            if self._is_hopeless(outcome):  # nobody waits for the rest
                break
        if self.destination.database and not self.dry:
            self._write(self.destination.database, copied)
        self.progress.recordings += len(copied)
        self.progress.bytes += sum(row.size for row in copied if self.moves(row))
        self.told(self.progress)
        if self._in_a_row >= HOPELESS:
            raise Hopeless(f"{HOPELESS} recordings in a row could not be copied. The last one: {outcome.failure}.")

    def _has_left(self, row: Recording) -> bool:
        """Was it removed, or moved by the server, since we read its row?"""
        same = Recording.objects.using(self.knows(self.source)).filter(pk=row.pk, key=row.key, place=row.place)
        return not same.exists()

    def _is_hopeless(self, outcome: Outcome) -> bool:
        if not outcome.same:  # else it may have been known without asking the storage
            self._in_a_row = self._in_a_row + 1 if outcome.by_storage else 0
        return self._in_a_row >= HOPELESS

    def _write(self, using: str, arrived: Sequence[Recording]) -> None:
        clones = [_placed(row, self.destination) for row in arrived]
        table = Recording.objects.using(using)
        if using == self.source.database:  # the bytes alone have moved
            table.filter(pk__in=[row.pk for row in clones]).update(place=self.destination.place)
            return
        try:
            with transaction.atomic(using=using):
                table.bulk_create(clones)
        except IntegrityError:  # some are there, with their bytes elsewhere
            for row in clones:
                _write_one(using, row)

    def _copy_conversations(self, keys: Sequence[uuid.UUID]) -> None:
        try:
            self._merge(keys)
        except (Changed, DatabaseError):  # somebody is writing to one of them, or one is not to be had
            for key in keys:
                self._merge_one(key)

    def _merge_one(self, key: uuid.UUID) -> None:
        for _ in range(TRIES):
            try:
                self._merge([key])
            except Changed:
                continue
            except OperationalError:  # it is not the conversation: a database is away, or full
                raise
            except DatabaseError as error:
                self._ask_databases()
                self.progress.fail(f"conversation {key}", f"the database does not take it: {_reason(error)}")
            return
        self.progress.fail(f"conversation {key}", "it is being written to all the time; copy again")

    def _ask_databases(self) -> None:
        """Raises DatabaseError if one of them is why: then it is not the conversation."""
        for store in (self.source, self.destination):
            Conversation.objects.using(self.knows(store)).exists()

    def _merge(self, keys: Sequence[uuid.UUID]) -> None:
        assert self.source.database
        assert self.destination.database
        near, far = rows.load(self.source.database, keys), rows.load(self.destination.database, keys)
        both = {key: merged(far.get(key), near[key]) for key in near}
        new = {key: each for key, each in both.items() if each and not (key in far and each.is_like(far[key]))}
        if not self.dry:
            rows.write(self.destination.database, new.values(), far)
        self.progress.conversations += len(new)
        self.progress.conversations_same += len(near) - len(new)


def carry(row: Recording, source: Storage, destination: Any, *, reads_back: bool = False) -> None:
    """The bytes of one recording, verified where they arrive. Raises Unmovable, OSError, ChecksumMismatch."""
    deliver(row, read(row, source), destination, reads_back=reads_back)


def deliver(row: Recording, data: bytes, destination: Any, *, reads_back: bool = False) -> None:
    """Raises OSError (NotHeld: it was taken, and is not there), ChecksumMismatch."""
    if hasattr(destination, "put"):
        said = destination.put(row.key, data, row.content_type, row.sha256)
        if said == row.sha256 and not reads_back:  # the server has checked it, so nobody needs to ask again
            return
    else:
        destination.save(row.key, ContentFile(data))
    if not holds(destination, row, reads_back=reads_back):
        raise NotHeld("what arrived is not what was sent")


def read(row: Recording, source: Storage) -> bytes:
    """Raises Unmovable if it is not what was kept."""
    try:
        with source.open(row.key) as file:
            data: bytes = file.read()
    except FileNotFoundError as error:
        raise Missing("its file is missing") from error
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise Unmovable("its file is not what was kept: the SHA-256 differs")
    return data


def holds(storage: Any, row: Recording, *, reads_back: bool = False) -> bool:
    """Has this storage the bytes of the recording? By size and checksum, or by reading them."""
    try:
        if hasattr(storage, "head") and not reads_back:
            held = storage.head(row.key)
            return held.size == row.size and held.sha256 in (None, row.sha256)
        with storage.open(row.key) as file:
            return hashlib.sha256(file.read()).hexdigest() == row.sha256
    except FileNotFoundError:
        return False


def _write_one(using: str, row: Recording) -> None:
    there = Recording.objects.using(using).filter(key=row.key)
    if there.update(place=row.place):
        return
    try:
        with transaction.atomic(using=using):
            row.save(using=using, force_insert=True)
    except IntegrityError:  # the same voice was kept twice; a message may name either
        recordings.insert_beside(using, row)


def _placed(row: Recording, destination: Store) -> Recording:
    clone = copy(row)
    clone._state = copy(row._state)
    clone.place = destination.place or row.place
    return clone


def in_batches(found: Any) -> Iterator[list[Any]]:
    """By key, each batch its own query: flat in memory, and whatever is written meanwhile does not confuse it."""
    last = uuid.UUID(int=0)
    while batch := list(found.filter(pk__gt=last).order_by("pk")[:ROWS_AT_ONCE]):
        yield batch
        last = batch[-1].pk


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in LASTING:
        return error.strerror or str(error)
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
