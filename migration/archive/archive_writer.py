"""Write an archive.

A turn that is saved during the backup may be missing from it. A recording that cannot be read is named in it, and the
backup goes on.
"""

import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.utils import timezone

from audio.models import Recording
from audio.s3_errors import StorageUnavailable
from audio.storages import sync_folder
from conversations import lookup, outbox, rows
from conversations.models import Conversation, LearnerPreferences, PendingChange
from conversations.rows import Copy
from core.batches import batches
from core.cloud import LOCAL
from core.json_types import Json
from migration import stores
from migration.archive import UnusableArchive, accounts, layout
from migration.copying import MOST_NAMED
from migration.selection import ROWS_AT_ONCE, grouped, in_batches
from migration.stores import Store
from migration.transfer import Unmovable, read

# The application's view: the local database and the cloud's merged.
IN_USE = "in use"
# Bytes of conversations in a shard. The last conversation may exceed it.
SHARD_BYTES = 4 * 1024 * 1024
READERS = 8
# Seconds before each further try to read a recording from a storage that does not answer.
PAUSES = (0.2, 0.4, 0.8)
# Seconds within which a recording's row is removed after its bytes.
REMOVED_WITHIN = 0.5
# Bytes that are left free on the disk.
SPARE = 10 * 1024 * 1024

LEFT_OUT = "left out"

# The bytes of a recording, or a sentence that says why there are none.
Bytes = bytes | str
Row = TypeVar("Row", Conversation, Recording, LearnerPreferences)


@dataclass(frozen=True, slots=True)
class BackupOptions:
    """Select what goes into the archive. `source` is a store's name, or IN_USE."""

    source: str = IN_USE
    learner: uuid.UUID | None = None
    audio: bool = True
    secret_key: bool = False


@dataclass(slots=True)
class Counts:
    conversations: int = 0
    messages: int = 0
    recordings: int = 0
    bytes: int = 0
    accounts: int = 0
    groups: int = 0
    missing: int = 0


@dataclass(slots=True)
class Written:
    """Count what was written. `planned` counts what there is to write.

    `missing` has the recordings without their bytes, by key, with the reason: the first MOST_NAMED of them.
    """

    counts: Counts = field(default_factory=Counts)
    missing: dict[str, str] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)
    size: int = 0


def backup(path: Path, options: BackupOptions, *, replace: bool = False) -> Generator[Written, None, None]:
    """Write an archive to `path`, and yield the counts after each part. The same object is yielded each time.

    The file appears at `path` when it is complete, and not before. Close the generator if you do not read it to the
    end. Raises UnusableArchive, stores.Unknown, OSError, DatabaseError.
    """
    if options.learner and options.secret_key:
        raise UnusableArchive(
            "The secret key signs everybody's cookies: it does not belong into one learner's archive."
        )
    if path.is_dir():
        raise UnusableArchive(f"{path} is a folder. Name a file in it, such as {path / 'talking-agent.tar'}.")
    if path.exists() and not replace:
        raise UnusableArchive(f"{path} is there already. Name another file, or replace it with --yes.")
    source = _Source(options)
    written = Written(planned=source.plan())
    wanted, free = written.planned["bytes"] if options.audio else 0, shutil.disk_usage(path.parent).free
    if free < wanted + SPARE:
        raise UnusableArchive(
            f"The recordings take {wanted:,} bytes, and {path.parent} has {free:,} free. Name a file on another disk."
        )
    with written_aside(path) as file:
        writer = ArchiveWriter(file, written)
        yield from writer.conversations(source)
        yield from writer.recordings(source)
        writer.preferences(source)
        if not options.learner:
            writer.accounts()
        if options.secret_key:
            writer.part(layout.SECRET_KEY, settings.SECRET_KEY.encode(), rows=1)
        writer.end(options)
        written.size = file.tell()
    yield written


class Source(Protocol):
    """Give an archive what it holds. `_Source` has the methods' descriptions."""

    def conversations(self) -> Iterator[Copy]: ...
    def recordings(self) -> Iterator[list[Recording]]: ...
    def read(self, row: Recording) -> Bytes: ...
    def read_again(self, row: Recording) -> Bytes | None: ...


class _Source:
    """Read one store, or all that are in use."""

    def __init__(self, options: BackupOptions) -> None:
        self._options = options
        self._store: Store | None = None
        self._databases = [LOCAL, *([settings.CLOUD_DATABASE] if settings.CLOUD_DATABASE else [])]
        if options.source != IN_USE:
            self._store = stores.named(options.source)
            if self._store.database is None:
                raise UnusableArchive(
                    f"{options.source} is a bucket alone: it does not know what its recordings are. Name a database."
                )
            self._databases = [self._store.database]

    def plan(self) -> dict[str, int]:
        """Estimate what there is to write. Data in two places counts twice."""
        recordings = [self._mine(Recording, using) for using in self._databases]
        return {
            "conversations": sum(self._mine(Conversation, using).count() for using in self._databases)
            + self._pending().values("conversation").distinct().count(),
            "recordings": sum(each.count() for each in recordings),
            "bytes": sum(each.aggregate(size=Sum("size"))["size"] or 0 for each in recordings),
        }

    def conversations(self) -> Iterator[Copy]:
        # The outbox and the local database first, so that data that moves meanwhile is seen twice, and not missed.
        seen: set[uuid.UUID] = set()
        for some in batches(outbox.keys(self._pending()), ROWS_AT_ONCE):
            found = self._load(some)
            seen.update(found)
            yield from found.values()
        for using in self._databases:
            for batch in in_batches(self._mine(Conversation, using)):
                found = self._load([row.pk for row in batch if row.pk not in seen])
                if using != self._databases[-1]:
                    seen.update(found)
                yield from found.values()

    def _pending(self) -> QuerySet[PendingChange]:
        """Return the pending changes of conversations, if all that is in use is wanted."""
        found = outbox.pending().filter(conversation__isnull=False).order_by()
        found = found.filter(learner=self._options.learner) if self._options.learner else found
        return found.none() if self._store and self._databases != [LOCAL] else found

    def recordings(self) -> Iterator[list[Recording]]:
        seen: set[str] = set()
        for using in self._databases:
            for batch in in_batches(self._mine(Recording, using)):
                new = [row for row in batch if row.key not in seen]
                if using != self._databases[-1]:
                    seen.update(row.key for row in new)
                yield new

    def preferences(self) -> Iterator[LearnerPreferences]:
        """Yield learners' choices. A learner may have rows in two databases, which are merged when they are restored."""
        for using in self._databases:
            yield from self._mine(LearnerPreferences, using).order_by("pk")

    def read(self, row: Recording) -> Bytes:
        """Return the bytes of a recording, or why there are none.

        Asks no database, so threads may call it. Raises StorageUnavailable.
        """
        if not self._options.audio:
            return LEFT_OUT
        if row.place == Recording.Place.CLOUD and "audio_cloud" not in settings.STORAGES:
            return "it is in a bucket that is not configured here"
        storage = (self._store or stores.named("local")).bytes_of(row)
        try:
            for pause in PAUSES:
                with suppress(StorageUnavailable):
                    return read(row, storage)
                time.sleep(pause)
            return read(row, storage)
        except StorageUnavailable:
            raise
        except Unmovable as error:
            return str(error)
        except OSError as error:
            return f"its file cannot be read: {error.strerror or error}"

    def read_again(self, row: Recording) -> Bytes | None:
        """Read a recording again that could not be read. It may have moved meanwhile.

        Returns what `read` returns, or None if the recording was removed. Raises StorageUnavailable.
        """
        found = [Recording.objects.using(using).filter(key=row.key).first() for using in reversed(self._databases)]
        there = [other for other in found if other]
        moved = next((other for other in there if other.place != row.place), row)
        return self.read(moved) if there else None

    def _load(self, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, Copy]:
        if self._store:
            found_there = rows.load(self._databases[0], keys)
            return lookup.with_pending(found_there, keys) if self._databases == [LOCAL] else found_there
        found = lookup.find_all(self._databases[-1], keys)
        return {key: each.both for key, each in found.items() if each.both}

    def _mine(self, model: type[Row], using: str) -> QuerySet[Row]:
        found = model.objects.using(using)
        return found.filter(learner=self._options.learner) if self._options.learner else found


class ArchiveWriter:
    """Write the parts of an archive to an open file, and count them in `written`. `at` is when its data was read."""

    def __init__(self, file: BinaryIO, written: Written, at: datetime | None = None) -> None:
        # `end` closes it.
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._written = written
        self._parts: list[dict[str, object]] = []
        self._at = at or timezone.now()

    def conversations(self, source: Source) -> Iterator[Written]:
        lines = ((len(line), line) for line in map(self._line, source.conversations()))
        for number, some in enumerate(grouped(lines, SHARD_BYTES), 1):
            self.part(f"conversations/{number:06}.jsonl", b"".join(some), rows=len(some))
            yield self._written

    def recordings(self, source: Source) -> Iterator[Written]:
        number = 0
        with ThreadPoolExecutor(READERS, thread_name_prefix="backup") as threads:
            for batch in source.recordings():
                records, unread = [], []
                # No more than READERS recordings are in memory.
                for some in batches(batch, READERS):
                    for row, found in zip(some, threads.map(source.read, some), strict=True):
                        if isinstance(found, bytes) or found == LEFT_OUT:
                            records.append(self._record(row, found))
                        else:
                            unread.append(row)
                if unread:
                    time.sleep(REMOVED_WITHIN)
                for row in unread:
                    if (again := source.read_again(row)) is not None:
                        records.append(self._record(row, again))
                if records:
                    number += 1
                    self.part(f"recordings/{number:06}.jsonl", layout.lines(records), rows=len(records))
                yield self._written

    def preferences(self, source: _Source) -> None:
        if found := list(source.preferences()):
            self.part(layout.PREFERENCES, layout.lines(map(layout.of_row, found)), rows=len(found))

    def accounts(self) -> None:
        found = accounts.dump()
        self._written.counts.accounts, self._written.counts.groups = len(found["users"]), len(found["groups"])
        self.part(layout.ACCOUNTS, json.dumps(found, indent=1).encode(), rows=len(found["users"]))

    def part(self, name: str, data: bytes, *, rows: int) -> None:
        digest = hashlib.sha256(data).hexdigest()
        self._parts.append({"name": name, "size": len(data), "sha256": digest, "rows": rows})
        self._add(name, data)

    def end(self, options: BackupOptions) -> None:
        manifest = {
            "format": layout.FORMAT,
            "version": layout.VERSION,
            "made_at": self._at.isoformat(),
            "from": {"site": settings.APP_URL, "store": options.source},
            "learner": str(options.learner) if options.learner else None,
            "audio": options.audio,
            "counts": asdict(self._written.counts),
            "missing": self._written.missing,
            "parts": self._parts,
        }
        data = json.dumps(manifest, indent=1).encode()
        self._add(layout.MANIFEST, data)
        self._add(layout.SEAL, f"{hashlib.sha256(data).hexdigest()}  {layout.MANIFEST}\n".encode())
        self._tar.close()

    def _line(self, copy: Copy) -> bytes:
        self._written.counts.conversations += 1
        self._written.counts.messages += len(copy.messages)
        return layout.lines([layout.of_copy(copy)])

    def _record(self, row: Recording, found: Bytes) -> Json:
        record, counts = layout.of_row(row), self._written.counts
        counts.recordings += 1
        if isinstance(found, bytes) and layout.is_recording(row.key):
            self._add(row.key, found)
            counts.bytes += len(found)
            return record
        why = found if isinstance(found, str) else "an archive takes no such key"
        if why != LEFT_OUT:
            counts.missing += 1
            if len(self._written.missing) < MOST_NAMED:
                self._written.missing[row.key] = why
        return record | {layout.MISSING: why}

    def _add(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(data), 0o600, int(self._at.timestamp())
        self._tar.addfile(member, io.BytesIO(data))
        layout.forget_members(self._tar)


@contextmanager
def written_aside(path: Path) -> Iterator[BinaryIO]:
    """Yield a file beside `path`, which only its owner can read.

    It takes the name `path` when all of it is on the disk. Raises UnusableArchive if another backup is writing it.
    """
    aside = path.with_name(path.name + ".partial")
    descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # If another backup has just renamed its file, the one that is open here is the other's archive.
            is_ours = aside.exists() and os.path.samestat(os.fstat(descriptor), aside.stat())
        except BlockingIOError:
            is_ours = False
        if not is_ours:
            raise UnusableArchive(f"Another backup is writing {path}. Wait for it, or name another file.")
        try:
            # The file may be left by a backup that was killed. It is written anew.
            os.fchmod(file.fileno(), 0o600)
            file.truncate()
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            os.unlink(aside)
            raise
    sync_folder(str(path.parent))
