"""Find and remove bytes of recordings that no message names.

A server leaves them if it is killed between the file, its row and the message. The eraser removes what this server
noted and never finished (`audio.uploads`). Everything else is found by listing the folder and the bucket. Only
`storage orphans` removes it, because files in a bucket may belong to another installation.
"""

import contextlib
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.storage import storages

from audio import recordings, uploads
from audio.models import Recording
from audio.storages import StoredFile
from conversations import store
from conversations.models import Conversation, Message
from core import cloud
from migration import stores
from migration.selection import grouped

AGE = timedelta(days=1)
# Keys in a query. SQLite limits their number.
AT_ONCE = 400
# Seconds that the cloud may take for one batch.
PATIENCE = 30.0
OUR_KEY = re.compile(r"audio/\d+-([0-9a-f]{32})-[0-9a-f]{48}-(?:user|ai)\.(?:webm|mp3)")


@dataclass(frozen=True, slots=True)
class Orphan:
    """Hold bytes in a storage ("audio_local" or "audio_cloud"), and their rows, if any, that no message names."""

    storage: str
    file: StoredFile
    rows: tuple[Recording, ...] = ()


def in_storage(storage: str, *, age: timedelta = AGE, within: float | None = None) -> Iterator[Orphan | None]:
    """Yield the files that are older than `age` and that no message names.

    Yields None for each other file, so that files can be counted. Ends after `within` seconds. Raises
    cloud.Unavailable, DatabaseError or OSError if a store cannot be asked.
    """
    until = None if within is None else time.monotonic() + within
    chosen: Any = storages[storage]
    before = datetime.now(UTC) - age
    if storage == "audio_local":
        ours = (each for each in chosen.files() if not each.name.startswith(f"{uploads.FOLDER}/"))
    else:
        # Only a bucket can hold files of others.
        ours = (each for each in chosen.files() if OUR_KEY.fullmatch(each.name))
    for batch in grouped(((1, each) for each in ours), AT_ONCE):
        rows, named = _known([file.name for file in batch])
        for file in batch:
            is_orphan = file.at < before and file.name not in named
            yield Orphan(storage, file, tuple(rows.get(file.name, ()))) if is_orphan else None
        if until and time.monotonic() > until:
            return


def remove(orphan: Orphan) -> None:
    """Remove the bytes, wherever they are, and their rows. Raises cloud.Unavailable, OSError."""
    if orphan.rows:
        with cloud.patience(PATIENCE):
            recordings.remove(orphan.rows)
    storages[orphan.storage].delete(orphan.file.name)


def erase_unfinished() -> int:
    """Remove the recordings that this server noted and never finished, and return how many.

    They are removed after AGE, or after store.UNDO if the conversation is deleted. Nothing is removed while a half of
    the cloud is down. Raises cloud.Unavailable, DatabaseError or OSError. The next call does the rest.
    """
    if any(half.on and not half.up for half in cloud.halves):
        return 0
    now = time.time()
    due = [(key, at) for key, at in uploads.unfinished() if now - _written_at(key, at) > store.UNDO.total_seconds()]
    if not due:
        return 0
    rows, _ = _known([key for key, _ in due])
    removed = 0
    for key, at in due:
        if key in rows:
            uploads.finish(key)
        elif now - _written_at(key, at) > AGE.total_seconds() or _is_deleted(key):
            for name in ("audio_cloud", "audio_local"):
                if name in settings.STORAGES:
                    storages[name].delete(key)
            uploads.finish(key)
            removed += 1
    return removed


def _written_at(key: str, noted_at: float) -> float:
    with contextlib.suppress(OSError):
        return min(noted_at, storages["audio_local"].get_modified_time(key).timestamp())
    return noted_at


def _is_deleted(key: str) -> bool:
    if not (found := OUR_KEY.fullmatch(key)):
        return False
    deleted = {"pk": uuid.UUID(found[1]), "deleted_at__isnull": False}
    return any(Conversation.objects.using(using).filter(**deleted).exists() for using in stores.databases())


def _known(keys: Sequence[str]) -> tuple[dict[str, list[Recording]], set[str]]:
    """Return the rows with these keys, by key, and the keys that a message names.

    All configured databases are asked, even if the cloud is off. What they know is no orphan.
    """
    rows: dict[str, list[Recording]] = {}
    for using in stores.databases():
        with cloud.within(PATIENCE):
            for row in Recording.objects.using(using).filter(key__in=keys):
                rows.setdefault(row.key, []).append(row)
    named: set[str] = set()
    messages = [row.message for found in rows.values() for row in found]
    for using in stores.databases():
        with cloud.within(PATIENCE):
            found = Message.objects.using(using).filter(pk__in=messages, audio_key__in=keys)
            named.update(found.order_by().values_list("audio_key", flat=True))
    return rows, named
