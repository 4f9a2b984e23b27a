"""Define the layout of an archive: the names of its parts, their bounds, and rows as JSON."""

import json
import re
import tarfile
import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model

from audio.models import Recording
from conversations.models import Conversation, LearnerPreferences, Message
from conversations.rows import Copy
from core.json_types import Json
from migration.archive import UnusableArchive

FORMAT, VERSION = "talking-agent-archive", 2
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
# Columns that archives of earlier versions do not have.
YOUNGER = {"measured", "version", "goal"}
# Columns that only archives of earlier versions have. They were notes of the local database.
GONE = {"partial", "replaced_at"}
# The entry that says why a recording has no file in the archive.
MISSING = "missing"
# Since version 2.
PREFERENCES = "preferences.jsonl"
ACCOUNTS, SECRET_KEY = "accounts.json", "secret_key"
SHARD = re.compile(r"(conversations|recordings)/\d{6}\.jsonl")
# No part of a key begins with a dot, so no key leads out of the folder.
KEY = re.compile(r"audio/(?!\.)[\w.~=+@-]+(/(?!\.)[\w.~=+@-]+)*", re.ASCII)
# Bytes of one part. It goes through memory.
LARGEST = 256 * 1024 * 1024

Row = TypeVar("Row", bound=Model)


def is_recording(name: str) -> bool:
    """Return whether this is the name of a recording's file."""
    return len(name) <= 255 and bool(KEY.fullmatch(name))


def forget_members(tar: tarfile.TarFile) -> None:
    """Forget the members that `tar` has written or read. tarfile would keep all of them in memory."""
    tar.members = []  # type: ignore[attr-defined]


def lines(values: Iterable[Mapping[str, object]]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def parsed(part: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnusableArchive(
            f"{part} is no JSON: the archive is damaged, or was not made by `storage backup`."
        ) from error


def records(part: str, data: bytes) -> list[Json]:
    found = [parsed(part, line) for line in data.splitlines()]
    if not all(isinstance(each, dict) for each in found):
        raise UnusableArchive(f"{part} has a line that is no object: it was not made by `storage backup`.")
    return found


def of_copy(copy: Copy) -> Json:
    """Return a conversation with its messages as a record, including tombstones."""
    messages = sorted(copy.messages.values(), key=lambda row: (row.timestamp, row.position, row.pk))
    return of_row(copy.conversation) | {"messages": [of_row(row) for row in messages]}


def to_copy(part: str, record: Mapping[str, object]) -> Copy:
    """Build a conversation with its messages from a record of `part`. Raises UnusableArchive."""
    columns = dict(record)
    said = columns.pop("messages", None)
    if not isinstance(said, list) or not all(isinstance(each, dict) for each in said):
        raise UnusableArchive(f"{part} has a conversation without messages: it was not made by `storage backup`.")
    conversation = to_row(part, Conversation, columns)
    messages = [to_row(part, Message, each) for each in said]
    if any(row.conversation_id != conversation.pk or row.learner != conversation.learner for row in messages):
        raise UnusableArchive(f"{part}: the conversation {conversation.pk} has a message of another.")
    return Copy(conversation, {row.pk: row for row in messages})


def to_recording(part: str, record: Mapping[str, object]) -> Recording:
    """Build a recording from a record of `part`, with the `place` that it had. Raises UnusableArchive."""
    return to_row(part, Recording, {name: value for name, value in record.items() if name != MISSING})


def to_preferences(part: str, record: Mapping[str, object]) -> LearnerPreferences:
    """Build a learner's choices from a record of `part`. Raises UnusableArchive."""
    row = to_row(part, LearnerPreferences, record)
    if not isinstance(row.stamps, dict) or not all(isinstance(each, int) for each in row.stamps.values()):
        raise UnusableArchive(f"{part} has choices without the time when they were made.")
    return row


def of_row(row: Model) -> Json:
    """Return the columns of a row by name, without those that are null."""
    columns: Json = {}
    for column in row._meta.concrete_fields:
        value = getattr(row, column.attname)
        if isinstance(value, date):
            # Whole, because Django's own encoder cuts off the microseconds.
            value = value.isoformat()
        elif isinstance(value, uuid.UUID):
            value = str(value)
        if value is not None:
            columns[column.attname] = value
    return columns


def to_row(part: str, model: type[Row], values: Mapping[str, object]) -> Row:
    """Build a row of `model` from its columns, which come from `part`. Raises UnusableArchive."""
    columns = {column.attname: column for column in model._meta.concrete_fields}
    if unknown := sorted(values.keys() - columns.keys() - GONE):
        raise UnusableArchive(
            f"{part} has {unknown[0]!r}, which this version does not know: update the application first."
        )
    row = model()
    for name, column in columns.items():
        # A column that is younger than the archive has its default. Others that the archive lacks are null.
        absent = column.get_default() if column.name in YOUNGER else None
        try:
            value = column.to_python(values.get(name, absent))
        except (ValidationError, TypeError, ValueError) as error:
            raise UnusableArchive(f"{part}: what it has as {name!r} of a {model._meta.model_name} is none.") from error
        if value is None and not column.null:
            raise UnusableArchive(f"{part}: a {model._meta.model_name} has no {name!r}.")
        setattr(row, name, value)
    return row
