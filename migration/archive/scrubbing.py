"""Remove learners who have erased everything from an archive, by writing it anew without them."""

import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from audio.models import Recording
from conversations.models import Erasure
from conversations.rows import Copy
from migration import stores
from migration.archive import archive_writer, layout
from migration.archive.archive_reader import Archive, ArchivedRecording
from migration.archive.archive_writer import ArchiveWriter, BackupOptions, Bytes, Written

NOT_THERE = "the archive did not have it"


@dataclass(slots=True)
class Scrubbed:
    """Count what an archive holds of learners who have erased everything."""

    conversations: int = 0
    recordings: int = 0

    @property
    def count(self) -> int:
        return self.conversations + self.recordings


def erased_learners() -> set[UUID]:
    """Return all learners who have erased everything, as far as any database knows. Raises DatabaseError."""
    return {key for using in stores.databases() for key in Erasure.objects.using(using).values_list("pk", flat=True)}


def find(path: Path, learners: Collection[UUID]) -> Scrubbed:
    """Verify an archive, and count what it holds of these learners. Raises UnusableArchive, OSError."""
    with path.open("rb") as file:
        archive, found = _verified(Archive(file)), Scrubbed()
        for copies in archive.copies():
            found.conversations += sum(each.conversation.learner in learners for each in copies)
        for recordings in archive.recordings():
            found.recordings += sum(each.row.learner in learners for each in recordings)
    return found


def scrub(path: Path, learners: Collection[UUID]) -> None:
    """Replace an archive by one without these learners, at once when that is complete. Raises UnusableArchive, OSError."""
    with path.open("rb") as file:
        archive = _verified(Archive(file))
        source, contents = _ArchiveSource(archive, learners), archive.contents
        made_at = datetime.fromisoformat(contents.manifest["made_at"])
        origin = contents.manifest["from"]["store"]
        with archive_writer.written_aside(path) as aside:
            written = Written()
            writer = ArchiveWriter(aside, written, made_at)
            for _ in writer.conversations(source):
                pass
            for _ in writer.recordings(source):
                pass
            written.counts.accounts, written.counts.groups = contents.counts["accounts"], contents.counts["groups"]
            for part in contents.manifest["parts"]:
                if part["name"] in (layout.ACCOUNTS, layout.SECRET_KEY):
                    writer.part(part["name"], archive.part(part["name"]), rows=part["rows"])
            writer.end(BackupOptions(origin, audio=contents.manifest["audio"]))


def _verified(archive: Archive) -> Archive:
    for _ in archive.verify():
        pass
    return archive


class _ArchiveSource:
    """Read an archive without some learners, as `archive_writer.Source`."""

    def __init__(self, archive: Archive, learners: Collection[UUID]) -> None:
        self._archive, self._learners = archive, learners
        self._batch: dict[str, ArchivedRecording] = {}
        # Threads read recordings, and the archive is one file.
        self._lock = threading.Lock()

    def conversations(self) -> Iterator[Copy]:
        for copies in self._archive.copies():
            yield from (each for each in copies if each.conversation.learner not in self._learners)

    def recordings(self) -> Iterator[list[Recording]]:
        # The whole list first: the archive has one position, which `read` moves.
        for recordings in list(self._archive.recordings()):
            self._batch = {each.row.key: each for each in recordings if each.row.learner not in self._learners}
            yield [each.row for each in self._batch.values()]

    def read(self, row: Recording) -> Bytes:
        found = self._batch[row.key]
        if found.member is None:
            manifest = self._archive.contents.manifest
            return manifest["missing"].get(row.key, NOT_THERE) if manifest["audio"] else archive_writer.LEFT_OUT
        with self._lock:
            return self._archive.bytes_of(found)

    def read_again(self, row: Recording) -> Bytes | None:
        return self.read(row)
