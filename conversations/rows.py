"""Read and write conversations with their messages in one database. Writing the same rows again changes nothing.

One way works for SQLite, PostgreSQL and MongoDB, which has no `ON CONFLICT`: missing rows are inserted, and of existing
rows only the columns that differ are updated. So two writers do not overwrite each other's columns.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache

from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models import Model

from conversations.models import Columns, Conversation, Message
from core.batches import batches

# Keys in one query: SQLite limits the number of parameters.
AT_ONCE = 500


# MongoDB's error code for two transactions on one document.
WRITE_CONFLICT = 112


class Changed(Exception):
    """Report that another writer changed the conversation between the read and the write."""


@dataclass(slots=True)
class Copy:
    """Hold a conversation as one database has it. `messages` are by key and include deleted ones."""

    conversation: Conversation
    messages: dict[uuid.UUID, Message] = field(default_factory=dict)

    def is_like(self, other: "Copy") -> bool:
        """Return whether writing this copy over the other would change nothing."""
        messages = self.messages.items()
        return not differing(self.conversation, other.conversation) and all(
            key in other.messages and not differing(message, other.messages[key]) for key, message in messages
        )


def load(
    using: str, keys: Collection[uuid.UUID], *, messages: Collection[uuid.UUID] | None = None
) -> dict[uuid.UUID, Copy]:
    """Return the conversations with these keys, by key. `messages` limits their messages to these keys (None: all)."""
    found: list[Conversation] = []
    for some in batches(list(keys), AT_ONCE):
        found += Conversation.objects.using(using).filter(pk__in=some)
    return with_messages(using, found, messages=messages)


def with_messages(
    using: str, conversations: Iterable[Conversation], *, messages: Collection[uuid.UUID] | None = None
) -> dict[uuid.UUID, Copy]:
    """Add the messages to conversations that were read already. `messages` is as in `load`."""
    copies = {row.pk: Copy(row) for row in conversations}
    table = Message.objects.using(using).order_by()
    for some in batches(list(copies if messages is None else messages), AT_ONCE):
        for message in table.filter(conversation__in=some) if messages is None else table.filter(pk__in=some):
            if message.conversation_id in copies:
                copies[message.conversation_id].messages[message.pk] = message
    return copies


def write(using: str, copies: Iterable[Copy], seen: Mapping[uuid.UUID, Copy]) -> None:
    """Make the database hold these copies. `seen` is what it held when it was read.

    Raises Changed if the database no longer holds what was seen: then read again and write again. A MongoDB server that
    is not a replica set rolls nothing back. There the conversation's columns are written last: its stamps say that its
    messages are there.
    """
    # In one order for all writers, so that none waits for another one that waits for it.
    copies = sorted(copies, key=lambda each: each.conversation.pk)
    rolls_back = _rolls_back(using)
    known = {key: message for copy in seen.values() for key, message in copy.messages.items()}
    with writing(using):
        _put_conversations(using, copies, seen, columns_too=rolls_back)
        messages = [message for copy in copies for message in copy.messages.values()]
        table = Message.objects.using(using)
        table.bulk_create([row for row in messages if row.pk not in known])
        for row in messages:
            if row.pk in known and (columns := differing(row, known[row.pk])):
                table.filter(pk=row.pk).update(**columns)
        if not rolls_back:
            _put_columns(using, copies, seen)


@contextmanager
def writing(using: str) -> Iterator[None]:
    """Wrap writes that belong together: all of them are made or none, if the database can roll back.

    Raises Changed if another writer was faster.
    """
    try:
        with _atomic(using):
            yield
    # Another writer inserted it first.
    except IntegrityError as error:
        raise Changed from error
    except DatabaseError as error:
        if getattr(error.__cause__, "code", None) == WRITE_CONFLICT:
            raise Changed from error
        raise


def remove(copies: Iterable[Copy], *, using: str) -> int:
    """Remove these copies, except those written to since they were read. Return the number of removed conversations."""
    gone = 0
    with transaction.atomic(using=using):
        for copy in copies:
            key, seen = copy.conversation.pk, copy.conversation.version
            still = Conversation.objects.using(using).filter(pk=key, version=seen)
            if still.exists():
                Message.objects.using(using).filter(conversation=key)._raw_delete(using)
                gone += bool(still._raw_delete(using))
    return gone


def differing(row: Model, seen: Model) -> Columns:
    """Return the columns of `row` that differ from `seen`, with their values."""
    names = [
        column.attname for column in row._meta.concrete_fields if not column.primary_key and column.name != "version"
    ]
    return {name: getattr(row, name) for name in names if getattr(row, name) != getattr(seen, name)}


def _atomic(using: str) -> AbstractContextManager[object]:
    if connections[using].vendor != "mongodb":
        return transaction.atomic(using=using)
    # Django's own `atomic` does nothing on MongoDB.
    from django_mongodb_backend import transaction as of_mongodb

    return of_mongodb.atomic(using=using) if _rolls_back(using) else nullcontext()


def _rolls_back(using: str) -> bool:
    return connections[using].vendor != "mongodb" or _is_replica_set(using)


@cache
def _is_replica_set(using: str) -> bool:
    return bool(connections[using].features._supports_transactions)  # type: ignore[attr-defined]


def _put_conversations(using: str, copies: list[Copy], seen: Mapping[uuid.UUID, Copy], *, columns_too: bool) -> None:
    """Insert new conversations, and claim the others by their version."""
    table = Conversation.objects.using(using)
    table.bulk_create([each.conversation for each in copies if each.conversation.pk not in seen])
    for each, before in _changed(copies, seen):
        columns = differing(each.conversation, before.conversation) if columns_too else {}
        version = before.conversation.version
        if not table.filter(pk=before.conversation.pk, version=version).update(version=version + 1, **columns):
            raise Changed


def _put_columns(using: str, copies: list[Copy], seen: Mapping[uuid.UUID, Copy]) -> None:
    for each, before in _changed(copies, seen):
        mine = Conversation.objects.using(using).filter(
            pk=before.conversation.pk, version=before.conversation.version + 1
        )
        columns = differing(each.conversation, before.conversation)
        if not mine.update(version=before.conversation.version + 2, **columns):
            raise Changed


def _changed(copies: Iterable[Copy], seen: Mapping[uuid.UUID, Copy]) -> Iterator[tuple[Copy, Copy]]:
    for each in copies:
        before = seen.get(each.conversation.pk)
        if before and not each.is_like(before):
            yield each, before
