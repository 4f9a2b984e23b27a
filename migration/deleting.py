"""Deletes from the source of a migration what its destination has: a step of its own, and only after reading back every byte."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from audio.models import Recording
from conversations import rows
from conversations.merging import merged
from migration.copying import Copying, holds, in_batches


@dataclass(slots=True)
class Deleted:
    conversations: int = 0
    recordings: int = 0
    kept: int = 0  # the destination does not have them


def delete_source(copying: Copying) -> Deleted:
    """Conversations whose every row the destination has, and recordings whose bytes it has. What is not sure is kept. Of two
    stores with one database only bytes are deleted: the rows are those of both."""
    done = Deleted()
    with ThreadPoolExecutor(copying.workers, thread_name_prefix="reading-back") as threads:
        for batch in copying.recordings():
            sure = threads.map(lambda row: _is_sure(copying, row), known := _known(copying, batch))
            gone = [row for row, so in zip(known, sure, strict=True) if so and _delete_bytes(copying, row)]
            done.kept += len(batch) - len(gone)
            done.recordings += len(gone)
            if copying.source.database and not _share(copying):
                _delete_rows(copying.source.database, gone)
    if copying.source.database and copying.destination.database and not _share(copying):
        for some in in_batches(copying.wanted.conversations(copying.source.database)):
            _delete_conversations(copying, [row.pk for row in some], done)
    return done


def _share(copying: Copying) -> bool:
    return copying.source.database == copying.destination.database is not None


def _known(copying: Copying, batch: Sequence[Recording]) -> list[Recording]:
    """Those whose rows the destination has."""
    destination = copying.destination
    if not destination.database:
        return list(batch)
    found = Recording.objects.using(destination.database).filter(key__in=[row.key for row in batch])
    places = {row.key: row.place for row in found}
    return [row for row in batch if places.get(row.key) == (destination.place or row.place)]


def _moved(copying: Copying, row: Recording) -> bool:
    """Did its bytes go elsewhere? In a database of both its row says already that they have."""
    return copying.moves(row) or _share(copying)


def _is_sure(copying: Copying, row: Recording) -> bool:
    if not _moved(copying, row):
        return True
    try:
        return holds(copying.destination.audio, row, reads_back=True)
    except OSError:  # it cannot be asked
        return False


def _delete_bytes(copying: Copying, row: Recording) -> bool:
    if _moved(copying, row):
        source = copying.source.audio if _share(copying) else copying.source.bytes_of(row)
        try:
            source.delete(row.key)
        except OSError:
            return False
    return True


def _delete_rows(using: str, gone: Sequence[Recording]) -> None:
    for row in gone:
        Recording.objects.using(using).filter(pk=row.pk, key=row.key, place=row.place).delete()


def _delete_conversations(copying: Copying, keys: Sequence[uuid.UUID], done: Deleted) -> None:
    assert copying.source.database
    assert copying.destination.database
    near, far = rows.load(copying.source.database, keys), rows.load(copying.destination.database, keys)
    sure = [
        copy for key, copy in near.items() if key in far and (both := merged(far[key], copy)) and both.is_like(far[key])
    ]
    gone = rows.remove(sure, using=copying.source.database)
    done.conversations += gone
    done.kept += len(near) - gone
