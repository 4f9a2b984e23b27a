"""Restore an archive into a store.

If both have a row, the newer one is kept. Data that is there already is not written again, so an interrupted restore is
finished by restoring again. Nothing is deleted, and no account is changed.
"""

import hashlib
import itertools
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid5

from django.conf import settings
from django.db import IntegrityError, transaction

from audio.models import Recording
from audio.storages import ChecksumMismatch, sync_folder
from conversations import preferences, rows
from conversations.models import Conversation, Erasure, Message
from conversations.rows import Changed, Copy
from core import cloud
from core.batches import Item, batches
from core.cloud import LOCAL
from migration import stores
from migration.archive import UnusableArchive, accounts, layout
from migration.archive.accounts import RestoredAccounts
from migration.archive.archive_reader import Archive, ArchivedRecording, Contents
from migration.selection import grouped
from migration.stores import Store
from migration.transfer import deliver, holds, to_write

AT_ONCE = 200  # conversations
WORKERS = 8
# Bytes of recordings in memory before they are written.
IN_HAND = 8 * 1024 * 1024
# Tries to write a conversation that others write to.
TRIES = 4
# Seconds before each further try to write a recording.
PAUSES = (0.2, 0.4, 0.8)


@dataclass(slots=True)
class Restored(RestoredAccounts):
    """Count what was new, what was there already (`same`), and recordings without bytes in the archive (`unheard`)."""

    conversations: int = 0
    conversations_same: int = 0
    recordings: int = 0
    recordings_same: int = 0
    # Of messages that were deleted here since.
    recordings_erased: int = 0
    # Conversations and recordings of learners who have erased everything since.
    of_erased_learners: int = 0
    unheard: int = 0
    bytes: int = 0
    # "same", "differs" or "restored". Empty: the archive has none.
    secret_key: str = ""
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """Select what to restore. `destination` is a store's name. Empty: the cloud if it is on, else local."""

    destination: str = ""
    dry: bool = False
    accounts: bool = True
    secret_key: bool = False


@dataclass(slots=True)
class Restoration:
    """Hold how far a restore is: bytes that are verified, then what the archive holds, and what is restored of it."""

    verified: int = 0
    # None until all of the archive is verified.
    contents: Contents | None = None
    restored: Restored = field(default_factory=Restored)


def destination_named(name: str) -> Store:
    """Return the store with this name, with a place for bytes. Raises stores.Unknown, UnusableArchive."""
    store = stores.named(name or ("cloud" if cloud.database.on or cloud.bucket.on else "local"))
    if store.database is None:
        raise UnusableArchive(f"{name} is a bucket alone: it does not know what its recordings are. Name a database.")
    has_bucket = "audio_cloud" in settings.STORAGES
    return replace(store, place=store.place or (Recording.Place.CLOUD if has_bucket else Recording.Place.LOCAL))


def restore(path: Path, options: RestoreOptions) -> Generator[Restoration, None, None]:
    """Verify all of an archive, then restore it. With `dry` nothing is written.

    Yields the same object after each part that is verified, after each batch that is restored, and at the end. Raises
    UnusableArchive, stores.Unknown, OSError, DatabaseError.
    """
    store, state = destination_named(options.destination), Restoration()
    with path.open("rb") as file:
        archive = Archive(file)
        for state.verified in archive.verify():
            yield state
        state.contents = archive.contents
        if options.secret_key and layout.SECRET_KEY not in archive.contents.shards:
            raise UnusableArchive("It has no secret key: `storage backup --with-secret-key` makes one that has.")
        writer = _StoreWriter(archive, store, state.restored, dry=options.dry)
        for _ in itertools.chain(writer.conversations(), writer.recordings()):
            yield state
        if layout.PREFERENCES in archive.contents.shards:
            writer.preferences()
        if options.accounts and layout.ACCOUNTS in archive.contents.shards:
            writer.accounts()
        if layout.SECRET_KEY in archive.contents.shards:
            key = archive.part(layout.SECRET_KEY).decode(errors="replace")
            state.restored.secret_key = _secret_key(key, write=options.secret_key and not options.dry)
        yield state


class _StoreWriter:
    """Write what an archive holds into a store, and count it in `restored`."""

    def __init__(self, archive: Archive, store: Store, restored: Restored, *, dry: bool) -> None:
        assert store.database
        assert store.place
        self._archive, self._store, self._dry = archive, store, dry
        self._using, self._place = store.database, store.place
        self.restored = restored
        self._erased_learners = {
            key for using in (LOCAL, self._using) for key in Erasure.objects.using(using).values_list("pk", flat=True)
        }

    def conversations(self) -> Iterator[None]:
        """Restore the conversations, and yield after each batch."""
        for copies in self._archive.copies():
            for some in batches(self._not_erased(copies, lambda each: each.conversation.learner), AT_ONCE):
                self._restore_copies({each.conversation.pk: each for each in some})
                yield

    def recordings(self) -> Iterator[None]:
        """Restore the recordings, and yield after each shard."""
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="restore") as threads:
            for recordings in self._archive.recordings():
                self._restore_recordings(self._not_erased(recordings, lambda each: each.row.learner), threads)
                yield

    def preferences(self) -> None:
        """Restore learners' choices. Of each, the one that was made later is kept."""
        part = layout.PREFERENCES
        rows = [layout.to_preferences(part, each) for each in layout.records(part, self._archive.part(part))]
        for row in self._not_erased(rows, lambda each: each.pk):
            if not self._dry:
                preferences.write(self._using, row)

    def accounts(self) -> None:
        part = layout.parsed(layout.ACCOUNTS, self._archive.part(layout.ACCOUNTS))
        accounts.restore(part, self.restored, dry=self._dry)

    def _not_erased(self, found: Sequence[Item], learner_of: Callable[[Item], UUID]) -> list[Item]:
        """Leave out, and count, what belongs to learners who have erased everything."""
        left = [each for each in found if learner_of(each) not in self._erased_learners]
        self.restored.of_erased_learners += len(found) - len(left)
        return left

    def _restore_copies(self, copies: dict[UUID, Copy]) -> None:
        try:
            self._merge(copies)
        except Changed:
            # One of them was written to meanwhile.
            for key, copy in copies.items():
                for _ in range(TRIES):
                    with suppress(Changed):
                        self._merge({key: copy})
                        break
                else:
                    self.restored.failed[f"conversation {key}"] = "it is being written to all the time; restore again"

    def _merge(self, copies: dict[UUID, Copy]) -> None:
        there = rows.load(self._using, list(copies))
        new = to_write(copies, there)
        if not self._dry:
            rows.write(self._using, new.values(), there)
        self.restored.conversations += len(new)
        self.restored.conversations_same += len(copies) - len(new)

    def _restore_recordings(self, recordings: Sequence[ArchivedRecording], threads: ThreadPoolExecutor) -> None:
        there = {row.key: row for row in self._rows(key__in=[each.row.key for each in recordings])}
        erased = self._erased([each.row for each in recordings])
        wanted = []
        for each in recordings:
            if each.member is None:
                self.restored.unheard += 1
            elif each.row.message in erased:
                self.restored.recordings_erased += 1
            else:
                wanted.append(each)
        known = [there[each.row.key] for each in wanted if each.row.key in there]
        held = threads.map(self._has_bytes, known)
        kept = {row.key for row, is_held in zip(known, held, strict=True) if is_held}
        self.restored.recordings_same += len(kept)
        missing = [each for each in wanted if each.row.key not in kept]
        if self._dry:
            self.restored.recordings += len(missing)
            self.restored.bytes += sum(each.row.size for each in missing)
            return
        for some in grouped(((each.row.size, each) for each in missing), IN_HAND):
            # One after the other, because the archive is one file.
            data = [self._archive.bytes_of(each) for each in some]
            list(threads.map(self._carry, [each.row for each in some], data))
        self._write([each.row for each in missing], there)

    def _has_bytes(self, row: Recording) -> bool:
        if row.place == Recording.Place.CLOUD and "audio_cloud" not in settings.STORAGES:
            return False
        return holds(self._store.bytes_of(row), row)

    def _carry(self, row: Recording, data: bytes) -> None:
        """Write the bytes of one recording, with further tries after PAUSES.

        Raises OSError, which ends the restore: a place that does not take one recording takes no other.
        """
        for pause in PAUSES:
            with suppress(OSError, ChecksumMismatch):
                return deliver(row, data, self._store.audio)
            time.sleep(pause)
        try:
            deliver(row, data, self._store.audio)
        except ChecksumMismatch as error:
            raise OSError(str(error)) from error

    def _write(self, arrived: Sequence[Recording], there: dict[str, Recording]) -> None:
        """Write rows, after their bytes. Two rows for the same bytes both stay, because a message may name either."""
        table = Recording.objects.using(self._using)
        new = [row for row in arrived if row.key not in there]
        taken = {row.pk for row in self._rows(pk__in=[row.pk for row in new])}
        for row in arrived:
            row.place = self._place
            if row.key in there:
                table.filter(key=row.key).update(place=row.place, size=row.size, sha256=row.sha256)
            elif row.pk in taken:
                row.pk = uuid5(row.message, row.key)
        try:
            with transaction.atomic(using=self._using):
                table.bulk_create(new)
        except IntegrityError:
            # Another process writes too, or an earlier restore was killed, on a database that rolls nothing back.
            for row in new:
                if not table.filter(key=row.key).exists():
                    row.save(using=self._using, force_insert=True)
        self.restored.recordings += len(arrived)
        self.restored.bytes += sum(row.size for row in arrived)

    def _erased(self, recordings: Sequence[Recording]) -> set[UUID]:
        """Return the messages whose words were erased here. Their recordings stay erased too."""
        erased = Message.objects.using(self._using).filter(pk__in=[row.message for row in recordings], erased=True)
        gone = set(erased.order_by().values_list("pk", flat=True))
        erased_conversations = Conversation.objects.using(self._using).filter(
            pk__in=[row.conversation for row in recordings], erased=True
        )
        keys = set(erased_conversations.order_by().values_list("pk", flat=True))
        return gone | {row.message for row in recordings if row.conversation in keys}

    def _rows(self, **wanted: object) -> Iterator[Recording]:
        return Recording.objects.using(self._using).filter(**wanted).order_by().iterator()


def _secret_key(key: str, *, write: bool) -> str:
    if hashlib.sha256(key.encode()).digest() == hashlib.sha256(settings.SECRET_KEY.encode()).digest():
        return "same"
    if not write:
        return "differs"
    path = settings.DATA_DIR / "secret_key"
    aside, former = path.with_name(f"{path.name}.{os.getpid()}"), path.with_name(f"{path.name}.old")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        former.unlink(missing_ok=True)
        # Keep a key at `path` at every moment: a server that starts without one would create another.
        os.link(path, former)
    os.replace(aside, path)
    sync_folder(str(path.parent))
    return "restored"
