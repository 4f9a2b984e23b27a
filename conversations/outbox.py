"""Keep changes in the local database while the database of conversations is down, in the order they were made.

A change leaves the outbox when the database holds it. Until then, reads apply it to what the database holds.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from django.db import connections, models, transaction
from django.db.models import Q, QuerySet

from conversations.changes import Change, MessageChange
from conversations.merging import apply_all, as_change, is_known
from conversations.models import Columns, Conversation, Kept, Message, PendingChange
from conversations.rows import Copy
from core.cloud import LOCAL
from core.json_types import Json

# So many changes of one conversation become one, so that reading it costs no more in a long outage than in a short one.
COMPACT_AT = 50
ANYTHING = (
    "SELECT EXISTS (SELECT 1 FROM conversations_pendingchange), EXISTS (SELECT 1 FROM conversations_conversation)"
)
DELETING = ("replace", "drop", "delete", "clear")


@dataclass(slots=True)
class Waiting:
    """Hold pending changes by conversation, and by learner those that clear all conversations."""

    changes: dict[uuid.UUID, list[PendingChange]] = field(default_factory=lambda: defaultdict(list))
    clears: dict[uuid.UUID, PendingChange] = field(default_factory=dict)

    def cleared_at(self, learner: uuid.UUID) -> datetime | None:
        return self.clears[learner].moment if learner in self.clears else None


def pending() -> QuerySet[PendingChange]:
    """Return all pending changes, in the order they were made."""
    return PendingChange.objects.using(LOCAL).order_by("pk")


def is_empty(*, and_rows: bool = False) -> bool:
    """Return whether nothing waits here. With `and_rows`, the local database has no conversations, either.

    Every read asks this first, so it is one plain query.
    """
    with connections[LOCAL].cursor() as cursor:
        cursor.execute(ANYTHING)
        changes, conversations = cursor.fetchone()
    return not changes and not (and_rows and conversations)


def append(change: Change) -> None:
    """Add a change. It is durable on return."""
    row = _row(change)
    with transaction.atomic(using=LOCAL):
        if change.action == "clear":
            mine = pending().filter(learner=change.learner)
            mine.filter(conversation=None).delete()
            mine.filter(deletes_at=None).update(deletes_at=change.moment)
        row.save(using=LOCAL, force_insert=True)
        if row.conversation and pending().filter(conversation=row.conversation).count() >= COMPACT_AT:
            rows = list(pending().filter(conversation=row.conversation))
            if held := _held(rows):
                _replace(rows, as_change(held), held)


def of_conversation(key: uuid.UUID, learner: uuid.UUID | None) -> Waiting:
    """Return what waits for one conversation, the clearing of all the learner's conversations included."""
    wanted = Q(conversation=key)
    return _waiting(pending().filter(wanted | Q(conversation=None, learner=learner) if learner else wanted))


def of_conversations(keys: Iterable[uuid.UUID]) -> Waiting:
    return _waiting(pending().filter(conversation__in=list(keys)))


def of_learners(learners: Iterable[uuid.UUID]) -> Waiting:
    return _waiting(pending().filter(learner__in=set(learners)))


def clears(learners: Iterable[uuid.UUID]) -> Waiting:
    """Return the clearings of these learners that the database does not know yet."""
    return _waiting(pending().filter(conversation=None, learner__in=set(learners)))


def _waiting(rows: Iterable[PendingChange]) -> Waiting:
    found = Waiting()
    for row in rows:
        if row.conversation:
            found.changes[row.conversation].append(row)
        else:
            found.clears[row.learner] = row
    return found


def keys(rows: QuerySet[PendingChange]) -> list[uuid.UUID]:
    """Return the conversations that these changes concern, in the order of their first change."""
    found = rows.filter(conversation__isnull=False).order_by("pk").values_list("conversation", flat=True)
    return [key for key in dict.fromkeys(found) if key]


def changes_of(rows: Iterable[PendingChange], *, with_messages: bool = True) -> list[Change]:
    return [_change(row, with_messages=with_messages) for row in rows]


def remove(rows: Sequence[PendingChange]) -> None:
    """Remove changes that the database holds now, and no others that came meanwhile."""
    if rows:
        PendingChange.objects.using(LOCAL).filter(pk__in=[row.pk for row in rows]).delete()


def deleted_before(moment: datetime) -> dict[uuid.UUID, list[uuid.UUID] | None]:
    """Return pending conversations with words that were deleted before `moment`: the deleted messages, or None for all."""
    found: dict[uuid.UUID, list[uuid.UUID] | None] = {}
    for key in keys(pending().filter(deletes_at__lt=moment)):
        rows = list(pending().filter(conversation=key))
        if (held := _held(rows)) is None:
            continue
        if is_known(held) and _is_due(held.conversation, moment):
            found[key] = None
        elif messages := [row.pk for row in held.messages.values() if _is_due(row, moment)]:
            found[key] = messages
        else:
            # Look again when the next deletion is due.
            pending().filter(pk__in=[row.pk for row in rows]).update(deletes_at=_first_deletion(held))
    return found


def erase(key: uuid.UUID, messages: Sequence[uuid.UUID] | None) -> None:
    """Remove the words of these messages of a conversation from its pending changes, or all words with None."""
    with transaction.atomic(using=LOCAL):
        rows = list(pending().filter(conversation=key))
        held = _held(rows) if rows else None
        if held is None:
            return
        row = held.conversation
        if messages is None and row.deleted_at and is_known(held):
            _replace(rows, Change(row.learner, row.wire_id, row.deleted_at, action="delete"), None)
            return
        for each in (held.messages[message] for message in messages or () if message in held.messages):
            for name, value in Message.erasure().items():
                setattr(each, name, value)
        _replace(rows, as_change(held), held)


def _held(rows: Sequence[PendingChange]) -> Copy | None:
    """Return what is known of a conversation from its changes, and from the clearing of all, if that waits."""
    clears = pending().filter(conversation=None, learner=rows[0].learner) if rows else ()
    return apply_all(changes_of([*rows, *clears]), None)


def _is_due(row: Kept, moment: datetime) -> bool:
    is_empty = isinstance(row, Message) and not (row.content or row.audio_key)
    return row.deleted_at is not None and row.deleted_at < moment and not is_empty


def _first_deletion(held: Copy) -> datetime | None:
    """Return when words were first deleted that are still there."""
    rows: list[Kept] = [held.conversation] if is_known(held) else []
    deleted = [
        row.deleted_at for row in [*rows, *held.messages.values()] if _is_due(row, datetime.max.replace(tzinfo=UTC))
    ]
    return min(filter(None, deleted), default=None)


def _replace(rows: Sequence[PendingChange], change: Change, held: Copy | None) -> None:
    """Write one change in place of several. `held` is what they make, if that holds words."""
    remove(rows)
    row = _row(change)
    row.deletes_at = _first_deletion(held) if held else None
    row.save(using=LOCAL, force_insert=True)


def _row(change: Change) -> PendingChange:
    deletes_at = change.moment if change.action in DELETING else None
    key = None if change.action == "clear" else change.key
    return PendingChange(
        learner=change.learner, conversation=key, moment=change.moment, change=_encoded(change), deletes_at=deletes_at
    )


def _encoded(change: Change) -> Json:
    return {
        "wire_id": change.wire_id,
        "action": change.action,
        "columns": _encoded_columns(change.columns),
        "stamps": change.stamps,
        "messages": [
            {"id": each.id, "columns": _encoded_columns(each.columns), "position": each.position, "stamps": each.stamps}
            for each in change.messages
        ],
    }


def _change(row: PendingChange, *, with_messages: bool) -> Change:
    shape = row.change
    messages = [
        MessageChange(each["id"], _decoded_columns(Message, each["columns"]), each["position"], each["stamps"])
        for each in (shape["messages"] if with_messages else ())
    ]
    columns = _decoded_columns(Conversation, shape["columns"])
    return Change(row.learner, shape["wire_id"], row.moment, columns, messages, shape["action"], shape["stamps"])


def _encoded_columns(columns: Columns) -> Columns:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in columns.items()}


def _decoded_columns(model: type[Kept], columns: Columns) -> Columns:
    dates = _dates(model)
    return {
        name: datetime.fromisoformat(value) if value and name in dates else value for name, value in columns.items()
    }


@cache
def _dates(model: type[Kept]) -> frozenset[str]:
    return frozenset(field.name for field in model._meta.concrete_fields if isinstance(field, models.DateTimeField))
