"""Copy conversations and recordings from one store to another.

If both stores have a row, the newer one is kept. What the destination already has is not copied again, so an
interrupted copy is finished by copying again. Nothing is deleted from the source.
"""

import errno
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import asdict, dataclass, field
from itertools import chain

from django.core.exceptions import SuspiciousFileOperation
from django.db import DatabaseError, IntegrityError, OperationalError, transaction
from django.db.models import QuerySet

from audio.models import Recording
from audio.storages import ChecksumMismatch
from conversations import lookup, preferences, rows
from conversations.models import Conversation
from conversations.rows import Changed
from conversations.store import record_clear
from core.batches import batches
from core.cloud import LOCAL
from migration import selection
from migration.run_options import EVERYTHING, RunOptions
from migration.stores import Store, configured
from migration.transfer import Missing, Unmovable, carry, holds, insert, to_write

# Batches whose bytes are under way while the slowest recording of an earlier batch arrives.
AHEAD = 2
# Tries for one recording, and seconds before the second try, doubled each time.
TRIES, PAUSE = 4, 0.2
# Seconds for all tries of one recording. A storage that hangs is not asked again.
LONGEST = 20.0
# Recordings in a row that a storage does not give or take. After so many it counts as down or full.
HOPELESS = 50
# Failures that are kept by name.
MOST_NAMED = 1_000
# Errors that waiting does not change: the disk is full, or writing is not allowed.
LASTING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


class Hopeless(OSError):
    """Report a storage that no longer takes or gives any recordings."""


class Stopped(Exception):
    """End a copy because a stop was requested."""


@dataclass(slots=True)
class Progress:
    """Count what was copied, and what was there already (`same`). `bytes` is the size of the copied recordings."""

    conversations: int = 0
    conversations_same: int = 0
    recordings: int = 0
    recordings_same: int = 0
    bytes: int = 0
    failures: int = 0
    # The first MOST_NAMED failures, with their reasons.
    failed: dict[str, str] = field(default_factory=dict)

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
class CopyOutcome:
    """Hold the outcome for one recording: copied, there already, or why it failed."""

    same: bool = False
    failure: str = ""
    # The storage is at fault, not the recording.
    by_storage: bool = False
    missing: bool = False


SAME, COPIED = CopyOutcome(same=True), CopyOutcome()


@dataclass(slots=True)
class Copying:
    """Carry out one copy. `on_progress` is called after each batch, and may raise Stopped."""

    source: Store
    destination: Store
    options: RunOptions = EVERYTHING
    on_progress: Callable[[Progress], None] = lambda progress: None
    progress: Progress = field(default_factory=Progress)
    # Failures of a storage, one after the other.
    _in_a_row: int = 0

    def plan(self) -> Plan:
        conversations = self.conversations().count() + len(self._pending()) if self.destination.database else 0
        found = selection.sizes(self.options, self.knows(self.source), self._only_in)
        return Plan(conversations, *(sum(each) for each in zip((0, 0), *found, strict=True)))

    def run(self) -> Progress:
        """Copy everything that is wanted. List what cannot be copied in the progress, and go on.

        Raises Stopped, Hopeless, and any error of a database.
        """
        threads = ThreadPoolExecutor(self.options.workers, thread_name_prefix="copying")
        under_way: deque[list[tuple[Recording, Future[CopyOutcome]]]] = deque()
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
            rows_in_batches = ([row.pk for row in some] for some in selection.in_batches(self.conversations()))
            for keys in chain(batches(self._pending(), selection.ROWS_AT_ONCE), rows_in_batches):
                self._copy_conversations(keys)
                self.on_progress(self.progress)
            self._copy_clearings(self.destination.database)
            self._copy_preferences(self.destination.database)
        return self.progress

    def knows(self, store: Store) -> str:
        """Return the database that knows the store's recordings. For a bucket alone, this is the cloud's database."""
        return store.database or configured()["cloud"].database or "local"

    def conversations(self) -> QuerySet[Conversation]:
        """Return the query of the wanted conversations in the source."""
        return selection.conversations(self.options, self.knows(self.source))

    def _pending(self) -> list[uuid.UUID]:
        """Return the wanted conversations that the local database knows by pending changes."""
        return selection.pending(self.options) if self.source.database == LOCAL else []

    def recordings(self) -> Iterator[list[Recording]]:
        """Return the wanted recordings in batches.

        Rows also exist for recordings that are not in a bucket. They are left out if the source is a bucket.
        """
        return selection.recordings(self.options, self.knows(self.source), self._only_in)

    @property
    def _only_in(self) -> Recording.Place | None:
        return Recording.Place.CLOUD if self.source.bucket else None

    def moves(self, row: Recording) -> bool:
        """Return whether the recording's bytes go to another place."""
        if self.destination.bucket:
            return True
        return self.destination.place is not None and row.place != self.destination.place

    def _set_off(
        self, batch: Sequence[Recording], threads: ThreadPoolExecutor
    ) -> list[tuple[Recording, Future[CopyOutcome]]]:
        there = self._there(batch)
        settled = set() if self.options.reads_back else there
        self.progress.recordings_same += len(settled)
        return [(row, threads.submit(self._bring, row, row.key in there)) for row in batch if row.key not in settled]

    def _there(self, batch: Sequence[Recording]) -> set[str]:
        """Return the keys that the destination's database has, with their bytes in the wanted place."""
        if not self.destination.database:
            return set()
        keys = [row.key for row in batch]
        found = Recording.objects.using(self.destination.database).filter(key__in=keys).order_by()
        place = self.destination.place
        return {key for key, its_place in found.values_list("key", "place") if place is None or its_place == place}

    def _bring(self, row: Recording, known: bool) -> CopyOutcome:
        """Copy the bytes of one recording, in at most TRIES tries."""
        if not self.moves(row):
            return SAME if known else COPIED
        pause, began = PAUSE, time.monotonic()
        for more in range(TRIES - 1, -1, -1):
            try:
                return self._try(row, known)
            except Unmovable as error:
                return CopyOutcome(failure=str(error), missing=isinstance(error, Missing))
            except SuspiciousFileOperation:
                return CopyOutcome(failure="its key leads out of the folder of recordings")
            except (OSError, ChecksumMismatch) as error:
                hangs = time.monotonic() - began > LONGEST
                if not more or hangs or getattr(error, "errno", None) in LASTING:
                    return CopyOutcome(failure=_reason(error), by_storage=True)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("the last try returns")

    def _try(self, row: Recording, known: bool) -> CopyOutcome:
        destination = self.destination
        if (known or not destination.database) and holds(destination.audio, row, reads_back=self.options.reads_back):
            return SAME
        if not self.options.dry_run:
            carry(row, self.source.bytes_of(row), destination.audio, reads_back=self.options.reads_back)
        return COPIED

    def _arrive(self, batch: Sequence[tuple[Recording, Future[CopyOutcome]]]) -> None:
        """Wait for the bytes, then write the rows. So no row names bytes that are not there.

        Raises Stopped, Hopeless.
        """
        copied, outcome = [], SAME
        for row, carried in batch:
            outcome = carried.result()
            if outcome.same or (outcome.missing and self._has_left(row)):
                self.progress.recordings_same += 1
            elif outcome.failure:
                self.progress.fail(row.key, outcome.failure)
            else:
                copied.append(row)
            # If it is hopeless, do not wait for the rest.
            if self._is_hopeless(outcome):
                break
        if self.destination.database and not self.options.dry_run:
            self._write(self.destination.database, copied)
        self.progress.recordings += len(copied)
        self.progress.bytes += sum(row.size for row in copied if self.moves(row))
        self.on_progress(self.progress)
        if self._in_a_row >= HOPELESS:
            raise Hopeless(f"{HOPELESS} recordings in a row could not be copied. The last one: {outcome.failure}.")

    def _has_left(self, row: Recording) -> bool:
        """Return whether the recording was removed, or moved by the server, since its row was read."""
        same = Recording.objects.using(self.knows(self.source)).filter(pk=row.pk, key=row.key, place=row.place)
        return not same.exists()

    def _is_hopeless(self, outcome: CopyOutcome) -> bool:
        # A recording that was there already may have been known without asking the storage.
        if not outcome.same:
            self._in_a_row = self._in_a_row + 1 if outcome.by_storage else 0
        return self._in_a_row >= HOPELESS

    def _write(self, using: str, arrived: Sequence[Recording]) -> None:
        clones = [_placed(row, self.destination) for row in arrived]
        table = Recording.objects.using(using)
        if using == self.source.database:
            # Only the bytes have moved.
            table.filter(pk__in=[row.pk for row in clones]).update(place=self.destination.place)
            return
        try:
            with transaction.atomic(using=using):
                table.bulk_create(clones)
        except IntegrityError:
            # Some rows are there already, with their bytes elsewhere.
            for row in clones:
                if insert(using, row) is not row:
                    table.filter(key=row.key).update(place=row.place)

    def _copy_conversations(self, keys: Sequence[uuid.UUID]) -> None:
        try:
            self._merge(keys)
        except (Changed, DatabaseError):
            # One of them was written to meanwhile, or a database cannot read or write it.
            for key in keys:
                self._merge_one(key)

    def _copy_preferences(self, destination: str) -> None:
        """Copy what learners have chosen about privacy."""
        source = self.source.database
        if source and source != destination and not self.options.dry_run:
            preferences.copy(source, destination, self.options.learner)

    def _copy_clearings(self, using: str) -> None:
        """Copy when learners cleared all conversations. Other servers may have older changes in their outboxes."""
        if not self.options.dry_run:
            for some in selection.in_batches(selection.clearings(self.options, self.knows(self.source))):
                for clear in some:
                    record_clear(clear, using)

    def _merge_one(self, key: uuid.UUID) -> None:
        for _ in range(TRIES):
            try:
                self._merge([key])
            except Changed:
                continue
            except OperationalError:
                # The conversation is not at fault: a database is unreachable or full.
                raise
            except DatabaseError as error:
                self._ask_databases()
                self.progress.fail(f"conversation {key}", f"the database does not take it: {_reason(error)}")
            return
        self.progress.fail(f"conversation {key}", "it is being written to all the time; copy again")

    def _ask_databases(self) -> None:
        """Check that both databases answer. If one does not, the conversation is not at fault.

        Raises DatabaseError if one of them does not answer.
        """
        for store in (self.source, self.destination):
            Conversation.objects.using(self.knows(store)).exists()

    def _merge(self, keys: Sequence[uuid.UUID]) -> None:
        assert self.source.database
        assert self.destination.database
        near, far = rows.load(self.source.database, keys), rows.load(self.destination.database, keys)
        if self.source.database == LOCAL:
            near = lookup.with_pending(near, keys)
        new = to_write(near, far)
        if not self.options.dry_run:
            rows.write(self.destination.database, new.values(), far)
        self.progress.conversations += len(new)
        self.progress.conversations_same += len(near) - len(new)


def _placed(row: Recording, destination: Store) -> Recording:
    clone = copy(row)
    clone._state = copy(row._state)
    clone.place = destination.place or row.place
    return clone


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in LASTING:
        return error.strerror or str(error)
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
