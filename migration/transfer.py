"""Transfer recordings and conversations to another store, step by step.

Copying, draining and restoring share these steps: first the bytes, then the row that names them, then the
conversations. Each of the three walks the data and handles failures in its own way.
"""

import hashlib
import uuid
from collections.abc import Mapping

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import IntegrityError, transaction

from audio import recordings
from audio.models import Recording
from conversations.changes import merged
from conversations.rows import Copy


class Unmovable(Exception):
    """Report a recording that cannot be moved. The message says why."""


class Missing(Unmovable):
    """Report a recording whose file is not there."""


class NotHeld(OSError):
    """Report a storage that has accepted the bytes but does not have them."""


def carry(row: Recording, source: Storage, destination: Storage, *, reads_back: bool = False) -> None:
    """Copy the bytes of one recording, and verify them at the destination.

    Raises Unmovable, OSError, ChecksumMismatch.
    """
    deliver(row, read(row, source), destination, reads_back=reads_back)


def deliver(row: Recording, data: bytes, destination: Storage, *, reads_back: bool = False) -> None:
    """Write a recording's bytes to the destination, and verify them there.

    Raises OSError, ChecksumMismatch. NotHeld is the OSError for bytes that were accepted but are not there.
    """
    if hasattr(destination, "put"):
        said = destination.put(row.key, data, row.content_type, row.sha256)
        # The server has compared the checksum, so it need not be asked again.
        if said == row.sha256 and not reads_back:
            return
    else:
        destination.save(row.key, ContentFile(data))
    if not holds(destination, row, reads_back=reads_back):
        raise NotHeld("what arrived is not what was sent")


def read(row: Recording, source: Storage) -> bytes:
    """Return the recording's bytes. Raises Unmovable if the file is missing, or is not what was saved."""
    try:
        with source.open(row.key) as file:
            data: bytes = file.read()
    except FileNotFoundError as error:
        raise Missing("its file is missing") from error
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise Unmovable("its file is not what was kept: the SHA-256 differs")
    return data


def holds(storage: Storage, row: Recording, *, reads_back: bool = False) -> bool:
    """Return whether the storage has the recording's bytes.

    Compares size and checksum. With `reads_back`, or if the storage has no `head`, it reads the bytes.
    """
    try:
        if hasattr(storage, "head") and not reads_back:
            held = storage.head(row.key)
            return held.size == row.size and held.sha256 in (None, row.sha256)
        with storage.open(row.key) as file:
            return hashlib.sha256(file.read()).hexdigest() == row.sha256
    except FileNotFoundError:
        return False


def insert(using: str, row: Recording) -> Recording:
    """Insert the row of a recording whose bytes have arrived, and return the row that the database has with its key.

    Two rows may have the same bytes, for example if one was saved while the cloud was down. Both stay, because a
    message may name either.
    """
    try:
        with transaction.atomic(using=using):
            row.save(using=using, force_insert=True)
        return row
    except IntegrityError:
        there = Recording.objects.using(using).filter(key=row.key).first()
    return there or recordings.insert_beside(using, row)


def to_write(near: Mapping[uuid.UUID, Copy], far: Mapping[uuid.UUID, Copy]) -> dict[uuid.UUID, Copy]:
    """Merge conversations with what the destination has (`far`). Return those that are new or different there."""
    both = {key: merged(far.get(key), each) for key, each in near.items()}
    return {key: each for key, each in both.items() if each and not (key in far and each.is_like(far[key]))}
