"""The unified store: all that reads and writes conversations goes through these verbs. They are synchronous; the talk path
calls them in a thread, never before the voice.

Every verb takes the learner, and reaches that learner's rows only; but `look_up` is for operators.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from conversations.models import Conversation, Message

LOCAL = "local"
UNDO = timedelta(minutes=10)
ERASE_AT_ONCE = 500  # rows
MESSAGE_COLUMNS = (
    "role",
    "content",
    "timestamp",
    "position",
    "audio_key",
    "corrections",
    "interrupted",
    "updated_at",
    "deleted_at",
    "erased",
)


class Deleted(Exception):
    """The conversation was deleted; only a save that means to bring it back may write to it."""


@dataclass(slots=True)
class Draft:
    """A message to be saved. What is None is left as it is where the message is already there."""

    id: str
    role: str
    content: str
    at: datetime
    audio: Clip | None = None
    audio_key: str | None = None
    corrections: list[dict[str, Any]] | None = None
    interrupted: bool | None = None


@dataclass(slots=True)
class Stored:
    """A conversation as it is kept, with its messages in order, their recordings by key, and where it lies."""

    conversation: Conversation
    messages: list[Message]
    recordings: dict[str, Recording] = field(default_factory=dict)
    created: bool = False
    storage: str = LOCAL


def conversation_key(learner: uuid.UUID, wire_id: str) -> uuid.UUID:
    return uuid.uuid5(learner, wire_id)


def message_key(conversation: uuid.UUID, wire_id: str) -> uuid.UUID:
    return uuid.uuid5(conversation, wire_id)


def save(
    learner: uuid.UUID, wire_id: str, *, columns: dict[str, Any], messages: Sequence[Draft] | None, replace: bool = True
) -> Stored:
    """Save a conversation: `columns` of it, and its messages. Durable when this returns; saving again changes nothing.

    With `replace` the messages are all there are (None: they stay as they are), and a deleted conversation comes back;
    without it they are added to those there are, and a deleted conversation raises Deleted.
    """
    now, key = timezone.now(), conversation_key(learner, wire_id)
    drafts = {draft.id: draft for draft in messages or ()}
    before = Conversation.objects.using(LOCAL).filter(pk=key).first()
    if before and before.deleted_at and not replace:
        raise Deleted(wire_id)
    audio_keys = {draft.id: _keep_audio(learner, key, draft) for draft in drafts.values() if draft.audio}
    with transaction.atomic(using=LOCAL):
        conversation = _upsert_conversation(learner, wire_id, columns, now, revive=replace)
        known = {row.wire_id: row for row in Message.objects.using(LOCAL).filter(conversation=conversation)}
        rows = [_row(conversation, draft, known.get(draft.id), audio_keys, now) for draft in drafts.values()]
        for position, row in enumerate(rows):
            row.position = position
        _upsert(rows)
        if replace and messages is not None:
            gone = [row.pk for row in known.values() if row.wire_id not in drafts]
            Message.objects.using(LOCAL).filter(pk__in=gone, deleted_at=None).update(deleted_at=now, updated_at=now)
    _remove_superseded(rows, known)
    stored = _whole([conversation])[0]
    stored.created = before is None
    return stored


def history(learner: uuid.UUID, *, limit: int = 50) -> list[Stored]:
    """The newest conversations, whole, in three queries."""
    return _whole(list(_alive(learner)[:limit]))


def get(learner: uuid.UUID, wire_id: str) -> Stored | None:
    found = _alive(learner).filter(pk=conversation_key(learner, wire_id)).first()
    return _whole([found])[0] if found else None


def look_up(key: uuid.UUID) -> Stored | None:
    """For operators: the conversation with this key, whosever it is and deleted or not."""
    found = Conversation.objects.using(LOCAL).filter(pk=key).first()
    return _whole([found])[0] if found else None


def is_deleted(learner: uuid.UUID, wire_id: str) -> bool:
    key = conversation_key(learner, wire_id)
    return Conversation.objects.using(LOCAL).filter(pk=key, deleted_at__isnull=False).exists()


def rename(learner: uuid.UUID, wire_id: str, title: str) -> Stored | None:
    _alive(learner).filter(pk=conversation_key(learner, wire_id)).update(title=title, updated_at=timezone.now())
    return get(learner, wire_id)


def mend(
    learner: uuid.UUID, wire_id: str, message: str, content: str, corrections: list[dict[str, Any]]
) -> Stored | None:
    """Put right what was misheard in one of the learner's own messages."""
    key = message_key(conversation_key(learner, wire_id), message)
    Message.objects.using(LOCAL).filter(pk=key, learner=learner, role=Message.Role.USER, deleted_at=None).update(
        content=content, corrections=corrections, updated_at=timezone.now()
    )
    return get(learner, wire_id)


def drop_message(learner: uuid.UUID, wire_id: str, message: str) -> None:
    """Take one message back, such as an answer that was never heard."""
    now, key = timezone.now(), message_key(conversation_key(learner, wire_id), message)
    Message.objects.using(LOCAL).filter(pk=key, learner=learner).update(deleted_at=now, updated_at=now)


def delete(learner: uuid.UUID, wire_id: str) -> bool:
    """Delete a conversation; for ten minutes `restore` brings it back. False if there was none."""
    return bool(_bury(_alive(learner).filter(pk=conversation_key(learner, wire_id))))


def clear(learner: uuid.UUID) -> int:
    """Delete all of the learner's conversations; returns how many."""
    return _bury(_alive(learner))


def restore(learner: uuid.UUID, wire_id: str) -> Stored | None:
    """Undo a deletion; None if there is none to undo, or it is longer ago than UNDO."""
    now = timezone.now()
    Conversation.objects.using(LOCAL).filter(
        pk=conversation_key(learner, wire_id), learner=learner, deleted_at__gte=now - UNDO, erased=False
    ).update(deleted_at=None, updated_at=now)
    return get(learner, wire_id)


def erase_deleted(*, before: datetime | None = None) -> int:
    """Erase for good what was deleted before then (default: UNDO ago), sound and words; the dated tombstones stay.

    Returns how many conversations and messages were erased. Interrupted half-way, the next call does the rest.
    """
    due = {"deleted_at__lt": before or timezone.now() - UNDO, "erased": False}
    conversations = list(Conversation.objects.using(LOCAL).filter(**due).values_list("pk", flat=True)[:ERASE_AT_ONCE])
    doomed = Message.objects.using(LOCAL).filter(Q(**due) | Q(conversation__in=conversations, erased=False))
    messages = list(doomed.values_list("pk", flat=True))
    for start in range(0, len(messages), ERASE_AT_ONCE):  # a query takes only so many parameters
        batch = messages[start : start + ERASE_AT_ONCE]
        recordings.remove(Recording.objects.using(LOCAL).filter(message__in=batch))
        Message.objects.using(LOCAL).filter(pk__in=batch).update(content="", audio_key="", corrections=[], erased=True)
    recordings.remove(Recording.objects.using(LOCAL).filter(conversation__in=conversations))
    # `due` again: one that was brought back in the meantime keeps its words.
    Conversation.objects.using(LOCAL).filter(pk__in=conversations, **due).update(
        title="", topic="", config={}, goals=[], analysis=None, erased=True
    )
    return len(conversations) + len(messages)


def _alive(learner: uuid.UUID) -> QuerySet[Conversation]:
    return Conversation.objects.using(LOCAL).filter(learner=learner, deleted_at=None)


def _bury(conversations: QuerySet[Conversation]) -> int:
    now = timezone.now()
    return conversations.update(deleted_at=now, updated_at=now)


def _keep_audio(learner: uuid.UUID, conversation: uuid.UUID, draft: Draft) -> str:
    owner = recordings.Owner(learner, conversation, message_key(conversation, draft.id), draft.role)
    assert draft.audio is not None
    return recordings.keep(owner, draft.audio, at=draft.at).key


def _upsert_conversation(
    learner: uuid.UUID, wire_id: str, columns: dict[str, Any], now: datetime, *, revive: bool
) -> Conversation:
    key = conversation_key(learner, wire_id)
    row = Conversation.objects.using(LOCAL).filter(pk=key).first()
    if row and row.deleted_at and not revive:
        raise Deleted(wire_id)  # meanwhile
    if row is None:
        row = Conversation(id=key, learner=learner, wire_id=wire_id, created_at=now, timestamp=now)
    for name, value in columns.items():
        setattr(row, name, value)
    if revive:
        row.deleted_at = None
        row.erased = False
    row.updated_at = now
    row.save(using=LOCAL)
    return row


def _row(
    conversation: Conversation, draft: Draft, known: Message | None, audio_keys: dict[str, str], now: datetime
) -> Message:
    def kept(new: Any, column: str, default: Any) -> Any:
        if new is not None:
            return new
        return getattr(known, column) if known else default

    return Message(
        id=message_key(conversation.id, draft.id),
        learner=conversation.learner,
        wire_id=draft.id,
        conversation=conversation,
        role=draft.role,
        content=draft.content,
        timestamp=draft.at,
        audio_key=kept(audio_keys.get(draft.id, draft.audio_key), "audio_key", ""),
        corrections=kept(draft.corrections, "corrections", []),
        interrupted=kept(draft.interrupted, "interrupted", False),
        created_at=known.created_at if known else now,
        updated_at=now,
    )


def _upsert(rows: list[Message]) -> None:
    Message.objects.using(LOCAL).bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=list(MESSAGE_COLUMNS)
    )


def _remove_superseded(rows: list[Message], known: dict[str, Message]) -> None:
    old = (
        {known[row.wire_id].audio_key for row in rows if row.wire_id in known} - {row.audio_key for row in rows} - {""}
    )
    if old:
        recordings.remove(recordings.of(old).values())


def _whole(conversations: Iterable[Conversation]) -> list[Stored]:
    whole = {row.pk: Stored(row, []) for row in conversations}
    keys: dict[str, Stored] = {}
    for message in Message.objects.using(LOCAL).filter(conversation__in=list(whole), deleted_at=None):
        stored = whole[message.conversation_id]
        stored.messages.append(message)
        if message.audio_key:
            keys[message.audio_key] = stored
    for key, recording in _recordings_of(whole).items():
        if key in keys:
            keys[key].recordings[key] = recording
    return list(whole.values())


def _recordings_of(whole: dict[uuid.UUID, Stored]) -> dict[str, Recording]:
    rows = Recording.objects.using(LOCAL).filter(conversation__in=list(whole))
    return {row.key: row for row in rows}
