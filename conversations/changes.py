"""Compute how a store operation changes one conversation. Works on copies of the rows and never touches a database."""

import copy
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from django.utils import timezone

from audio.encoding import Clip
from audio.models import Recording
from conversations import rows
from conversations.models import Columns, Conversation, Message
from conversations.rows import Copy
from core.json_types import Json

# Fields of `measured` that say how unsure the recognised words are.
DOUBT = ("doubt", "confidence", "unsure")
# MongoDB stores datetimes in milliseconds.
TICK = timedelta(milliseconds=1)


@dataclass(slots=True)
class Draft:
    """Hold a message to save. Fields that are None keep the stored value of an existing message."""

    id: str
    role: str
    content: str
    at: datetime
    audio: Clip | None = None
    audio_key: str | None = None
    corrections: list[Json] | None = None
    interrupted: bool | None = None
    measured: Json | None = None
    deleted: bool = False


@dataclass(slots=True)
class Change:
    """Hold the changes that one store operation makes to one conversation."""

    learner: uuid.UUID
    wire_id: str
    columns: Columns
    drafts: Sequence[Draft] = ()
    # Recordings by the id of their draft.
    voices: dict[str, Recording] = field(default_factory=dict)
    # The drafts are the complete list of messages.
    replaces: bool = False
    # Add only what is missing: existing data stays as it is, and a deleted conversation comes back.
    adds: bool = False


def conversation_key(learner: uuid.UUID, wire_id: str) -> uuid.UUID:
    return uuid.uuid5(learner, wire_id)


def message_key(conversation: uuid.UUID, wire_id: str) -> uuid.UUID:
    return uuid.uuid5(conversation, wire_id)


def changed(change: Change, before: Copy | None, *, partial: bool = False) -> Copy:
    now = now_after(before)
    if before:
        conversation = copy.copy(before.conversation)
    else:
        key = conversation_key(change.learner, change.wire_id)
        conversation = Conversation(
            id=key, learner=change.learner, wire_id=change.wire_id, created_at=now, timestamp=now
        )
    columns = _columns_to_add(change, before) if change.adds else change.columns
    for name, value in columns.items():
        setattr(conversation, name, value)
    conversation.updated_at = now
    if partial:
        _note(conversation, columns, is_new=before is None)
    messages = dict(before.messages) if before else {}
    sent = set()
    for position, sent_draft in enumerate(change.drafts):
        draft = _draft_to_add(change, sent_draft, conversation.pk, before) if change.adds else sent_draft
        if draft is None:
            continue
        row = _message(conversation, draft, change, messages, position, partial)
        messages[row.pk] = row
        sent.add(row.pk)
    if change.replaces:
        if partial:
            conversation.replaced_at = now
        for pk in [pk for pk, row in messages.items() if pk not in sent and row.deleted_at is None]:
            messages[pk] = copy.copy(messages[pk])
            messages[pk].deleted_at = messages[pk].updated_at = now
            if partial:
                _note(messages[pk], ["deleted_at"], is_new=False)
    return Copy(conversation, messages)


def lacking(before: Copy | None, key: uuid.UUID) -> Literal["all", "voice", ""]:
    """Return the part of a message that is missing: "all", "voice", or "" for nothing.

    A message that was taken back lacks nothing. A message that was erased with its conversation lacks everything.
    """
    row = before.messages.get(key) if before else None
    if row is None:
        return "all"
    if row.deleted_at:
        return ""
    return "all" if row.erased else "" if row.audio_key else "voice"


def _columns_to_add(change: Change, before: Copy | None) -> Columns:
    if before is None:
        return change.columns
    if before.conversation.deleted_at is None:
        return {}
    return {"deleted_at": None, "erased": False} | (change.columns if before.conversation.erased else {})


def _draft_to_add(change: Change, draft: Draft, conversation: uuid.UUID, before: Copy | None) -> Draft | None:
    key = message_key(conversation, draft.id)
    lacks = lacking(before, key)
    if lacks != "voice" or before is None:
        return draft if lacks else None
    row = before.messages[key]
    if draft.id not in change.voices or draft.role != row.role:
        return None
    return replace(draft, content=row.content, at=row.timestamp, corrections=None, interrupted=None, measured=None)


def _message(
    conversation: Conversation,
    draft: Draft,
    change: Change,
    known: dict[uuid.UUID, Message],
    position: int,
    partial: bool,
) -> Message:
    key = message_key(conversation.pk, draft.id)
    before = known.get(key)
    columns = {
        "role": draft.role,
        "content": draft.content,
        "timestamp": draft.at,
        "audio_key": change.voices[draft.id].key if draft.id in change.voices else draft.audio_key,
        "corrections": draft.corrections,
        "interrupted": draft.interrupted,
        "measured": draft.measured,
    }
    columns = {name: value for name, value in columns.items() if value is not None}
    columns |= {"deleted_at": None, "erased": False}
    if draft.deleted:
        columns = {"deleted_at": conversation.updated_at}
    if change.replaces:
        columns["position"] = position
    if before and draft.measured is None and draft.content != before.content and not draft.deleted:
        # The content was corrected, so the doubt in the old words is void.
        kept = before.measured
        columns["measured"] = (
            {name: kept[name] for name in kept if name not in DOUBT} if isinstance(kept, dict) else kept
        )
    if before:
        row = copy.copy(before)
    else:
        row = Message(
            id=key,
            learner=conversation.learner,
            wire_id=draft.id,
            conversation_id=conversation.pk,
            role=draft.role,
            timestamp=draft.at,
            position=position,
            created_at=conversation.updated_at,
        )
    for name, value in columns.items():
        setattr(row, name, value)
    if before and not partial and not rows.differing(row, before):
        return before
    row.updated_at = conversation.updated_at
    if partial:
        _note(row, columns, is_new=before is None)
    return row


def _note(row: Conversation | Message, columns: Iterable[str], *, is_new: bool) -> None:
    if is_new or row.partial is not None:
        row.partial = sorted({*(row.partial or ()), *columns})


def now_after(before: Copy | None = None) -> datetime:
    """Return the current time, cut to milliseconds, and later than every `updated_at` in `before`.

    So a newer write wins even if the clocks of other servers are ahead.
    """
    now = timezone.now()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    if before is None:
        return now
    written = [before.conversation.updated_at, *(row.updated_at for row in before.messages.values())]
    return max(now, max(written) + TICK)
