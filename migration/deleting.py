"""Delete from the source of a migration what its destination has.

This is a step of its own, which first reads back every byte.
"""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from audio.models import Recording
from conversations import rows
from conversations.changes import merged
from migration.copying import Copying
from migration.selection import in_batches
from migration.transfer import holds


@dataclass(slots=True)
class DeletionCounts:
    conversations: int = 0
    recordings: int = 0
    # Conversations and recordings of which it is not certain that the destination has them.
    kept: int = 0


def delete_source(copying: Copying) -> DeletionCounts:
    """Delete conversations whose every row the destination has, and recordings whose bytes it has.

    Anything that is not certain is kept. If both stores share a database, only bytes are deleted, because the rows
    belong to both.
    """
    done = DeletionCounts()
    with ThreadPoolExecutor(copying.options.workers, thread_name_prefix="reading-back") as threads:
        for batch in copying.recordings():
            sure = threads.map(lambda row: _is_sure(copying, row), known := _known(copying, batch))
            gone = [row for row, so in zip(known, sure, strict=True) if so and _delete_bytes(copying, row)]
            done.kept += len(batch) - len(gone)
            done.recordings += len(gone)
            if copying.source.database and not _share(copying):
                table = Recording.objects.using(copying.source.database)
                for row in gone:
                    table.filter(pk=row.pk, key=row.key, place=row.place).delete()
    if copying.source.database and copying.destination.database and not _share(copying):
        for some in in_batches(copying.conversations()):
            _delete_conversations(copying, [row.pk for row in some], done)
    return done


def _share(copying: Copying) -> bool:
    return copying.source.database == copying.destination.database is not None


def _known(copying: Copying, batch: Sequence[Recording]) -> list[Recording]:
    """Return the recordings whose rows the destination has, with the right place."""
    destination = copying.destination
    if not destination.database:
        return list(batch)
    found = Recording.objects.using(destination.database).filter(key__in=[row.key for row in batch])
    places = {row.key: row.place for row in found}
    return [row for row in batch if places.get(row.key) == (destination.place or row.place)]


def _moved(copying: Copying, row: Recording) -> bool:
    """Return whether the bytes went elsewhere. In a shared database, the row already says that they did."""
    return copying.moves(row) or _share(copying)


def _is_sure(copying: Copying, row: Recording) -> bool:
    if not _moved(copying, row):
        return True
    try:
        return holds(copying.destination.audio, row, reads_back=True)
    except OSError:
        # The destination cannot be asked.
        return False


def _delete_bytes(copying: Copying, row: Recording) -> bool:
    if _moved(copying, row):
        source = copying.source.audio if _share(copying) else copying.source.bytes_of(row)
        try:
            source.delete(row.key)
        except OSError:
            return False
    return True


def _delete_conversations(copying: Copying, keys: Sequence[uuid.UUID], done: DeletionCounts) -> None:
    assert copying.source.database
    assert copying.destination.database
    near, far = rows.load(copying.source.database, keys), rows.load(copying.destination.database, keys)
    sure = [
        copy for key, copy in near.items() if key in far and (both := merged(far[key], copy)) and both.is_like(far[key])
    ]
    gone = rows.remove(sure, using=copying.source.database)
    done.conversations += gone
    done.kept += len(near) - gone
