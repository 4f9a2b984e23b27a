"""The unified store: all that reads and writes conversations goes through these verbs. They are synchronous; the talk path
calls them in a thread, never before the voice.

A write goes to the cloud's database when it is on and up, otherwise to the shelter, `local`; it is durable in one of them when
the verb returns. What lies in the shelter while the cloud is on is pending: it is read together with what the cloud has, goes
along with the next write to the same conversation, or is moved by the reconciler (`migration.mover`).

Every verb takes the learner, and reaches that learner's rows only; but `look_up` is for operators.
"""

import random
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django.utils import timezone

from audio import recordings
from audio.models import Recording
from audio.recordings import Owner, Voice
from conversations import changes, clearing, reading, rows
from conversations.changes import Change, Draft, changed, conversation_key, message_key, now_after
from conversations.models import Conversation, Message
from conversations.reading import (
    LOCAL,
    Found,
    OutOfReach,
    Position,
    Stored,
    alive,
    find,
    require_reached,
    stored,
)
from conversations.rows import Changed, Copy
from talking_agent import cloud, metrics

UNDO = timedelta(minutes=10)
ERASE_AT_ONCE = 500  # rows
TRIES = 20


class Deleted(Exception):
    """The conversation was deleted; only a save that means to bring it back may write to it."""


class Busy(OSError):
    """Others write to the same conversation all the time. Nothing was saved; try again."""


def save(
    learner: uuid.UUID, wire_id: str, *, columns: dict[str, Any], messages: Sequence[Draft] | None, replace: bool = True
) -> Stored:
    """Save a conversation: `columns` of it, and its messages. Durable when this returns; saving again changes nothing.

    With `replace` the messages are all there are (None: they stay as they are), and a deleted conversation comes back;
    without it they are added to those there are, a deleted conversation raises Deleted, and what is returned has only them.
    """
    drafts = list({draft.id: draft for draft in messages or ()}.values())
    key, replaces = conversation_key(learner, wire_id), replace and messages is not None
    wanted = None if replace else [message_key(key, draft.id) for draft in drafts]
    found = find(key, wanted)
    before = found.both
    if before and before.conversation.deleted_at and not replace:
        raise Deleted(wire_id)
    voices = _keep_voices(learner, key, drafts)
    if replace:
        columns = columns | {"deleted_at": None, "erased": False}
    return _apply(Change(learner, wire_id, columns, drafts, voices, replaces), found, wanted)


def existing(learner: uuid.UUID, wire_id: str) -> Copy | None:
    """All rows that there are of a conversation, tombstones too: what `add` would find. Raises OutOfReach."""
    found = find(conversation_key(learner, wire_id))
    require_reached(found)
    return found.both


def add(learner: uuid.UUID, wire_id: str, *, columns: dict[str, Any], messages: Sequence[Draft]) -> Stored:
    """Add what is missing of a conversation: itself, messages, voices of messages that have none. What is there stays as it
    is, and what was taken back stays so; but a conversation that was deleted comes back.

    Raises OutOfReach: as long as it cannot be said what there is, nothing is added.
    """
    key = conversation_key(learner, wire_id)
    found = find(key)
    require_reached(found)
    missing = [draft for draft in messages if changes.lacking(found.both, message_key(key, draft.id))]
    voices = _keep_voices(learner, key, missing)
    return _apply(Change(learner, wire_id, columns, messages, voices, adds=True), found, None)


def history(learner: uuid.UUID, *, limit: int = 50, before: Position | None = None) -> list[Stored]:
    """The newest conversations, whole; with `before`, those that come after this place in the list."""
    return reading.newest(learner, limit, before)


def get(learner: uuid.UUID, wire_id: str) -> Stored | None:
    """The conversation, whole; None if there is none. Raises OutOfReach."""
    found = find(conversation_key(learner, wire_id))
    there = found.both
    if there is None:
        require_reached(found)
        return None
    return None if there.conversation.deleted_at else stored(there, found.storage)


def look_up(key: uuid.UUID) -> Stored | None:
    """For operators: the conversation with this key, whosever it is and deleted or not."""
    found = find(key)
    there = found.both
    return stored(there, found.storage) if there else None


def is_deleted(learner: uuid.UUID, wire_id: str) -> bool:
    """Was it deleted, as far as can be said?"""
    there = find(conversation_key(learner, wire_id), messages=()).both
    return bool(there and there.conversation.deleted_at)


def rename(learner: uuid.UUID, wire_id: str, title: str) -> Stored | None:
    """Raises OutOfReach."""
    if get(learner, wire_id) is None:
        return None
    save(learner, wire_id, columns={"title": title}, messages=None, replace=False)
    return get(learner, wire_id)


def mend(
    learner: uuid.UUID, wire_id: str, message: str, content: str, corrections: list[dict[str, Any]]
) -> Stored | None:
    """Put right what was misheard in one of the learner's own messages. Raises OutOfReach."""
    stored = get(learner, wire_id)
    row = next((row for row in stored.messages if row.wire_id == message), None) if stored else None
    if row is None and cloud.database.name in cloud.down():
        raise OutOfReach
    if row and row.role == Message.Role.USER:
        mended = Draft(message, row.role, content, row.timestamp, corrections=corrections)
        save(learner, wire_id, columns={}, messages=[mended], replace=False)
        return get(learner, wire_id)
    return stored


def drop_message(learner: uuid.UUID, wire_id: str, message: str) -> None:
    """Take one message back, such as an answer that was never heard."""
    key = conversation_key(learner, wire_id)
    found = find(key, [message_key(key, message)])
    if found.reached and found.both is None:
        return
    dropped = Draft(message, Message.Role.ASSISTANT, "", timezone.now(), deleted=True)
    _apply(Change(learner, wire_id, {}, [dropped]), found, [message_key(key, message)])


def delete(learner: uuid.UUID, wire_id: str) -> bool:
    """Delete a conversation; for ten minutes `restore` brings it back. False if there was none."""
    found = find(conversation_key(learner, wire_id), messages=())
    there = found.both
    was_gone = found.reached and (there is None or there.conversation.deleted_at is not None)
    lingers = found.near and not found.near.conversation.deleted_at  # would be seen if the cloud went away now
    if was_gone and not lingers:
        return False
    _apply(Change(learner, wire_id, {"deleted_at": now_after(), "erased": False}), found, ())
    return not was_gone


def clear(learner: uuid.UUID) -> int:
    """Delete all of the learner's conversations; returns how many, as far as they were in reach."""
    now = now_after()
    if not cloud.database.on:
        return alive(LOCAL, learner).update(deleted_at=now, updated_at=now)
    near = {row.pk: row for row in alive(LOCAL, learner)}
    try:
        with cloud.database.use():
            clearing.carry_out(learner=learner)
            far = alive(settings.CLOUD_DATABASE, learner)
            only_near = len(near) - far.filter(pk__in=list(near)).count()
            count = far.update(deleted_at=now, updated_at=now) + only_near
    except cloud.Unavailable:
        clearing.note(learner, now)
        count = len(near)
    for row in near.values():
        delete(learner, row.wire_id)
    return count


def restore(learner: uuid.UUID, wire_id: str) -> Stored | None:
    """Undo a deletion; None if there is none to undo, or it is longer ago than UNDO. Raises OutOfReach."""
    found = find(conversation_key(learner, wire_id))
    there = found.both
    if there is None:
        require_reached(found)
        return None
    row = there.conversation
    if row.deleted_at and not row.erased and row.deleted_at >= timezone.now() - UNDO:
        _apply(Change(learner, wire_id, {"deleted_at": None}), found, None)
    return get(learner, wire_id)


def erase_deleted(*, before: datetime | None = None, only: Sequence[uuid.UUID] | None = None) -> int:
    """Erase for good what was deleted before then (default: UNDO ago), sound and words; the dated tombstones stay. With `only`,
    no other conversations than those with these keys, at most ERASE_AT_ONCE.

    Returns how many conversations and messages were erased. Interrupted half-way, or with a half of the cloud down, the next
    call does the rest.
    """
    due: dict[str, Any] = {"deleted_at__lt": before or timezone.now() - UNDO, "erased": False}
    if only is not None:
        due["id__in"] = only
    erased = _erase(LOCAL, due)
    if cloud.database.usable:
        with cloud.database.use():
            erased += _erase(settings.CLOUD_DATABASE, due)
    return erased


def probe() -> None:
    """Proves that the cloud's database can be written and read; raises what the database raises."""
    if forget := getattr(connections[settings.CLOUD_DATABASE], "forget_connections", None):
        forget()  # each of PostgreSQL's pool would have to be found dead by itself
    executor = MigrationExecutor(connections[settings.CLOUD_DATABASE])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        # MongoDB would make collections without indexes by being written to, and migrating would fail on them ever after.
        raise DatabaseError("migrations are waiting to be applied")
    table = Conversation.objects.using(settings.CLOUD_DATABASE)
    nobody = uuid.UUID(int=0)
    table.filter(pk=nobody)._raw_delete(settings.CLOUD_DATABASE)
    moment = now_after()
    stamps = {"created_at": moment, "updated_at": moment, "timestamp": moment, "deleted_at": moment}
    table.bulk_create([Conversation(id=nobody, learner=nobody, wire_id="probe", erased=True, **stamps)])
    table.filter(pk=nobody)._raw_delete(settings.CLOUD_DATABASE)


def _apply(change: Change, found: Found, messages: Sequence[uuid.UUID] | None) -> Stored:
    """Write the change to the cloud, and what the shelter has along with it; to the shelter if that cannot be.

    Raises Busy where others write to the same conversation without a break.
    """
    for again in range(TRIES):
        if again:
            time.sleep(random.uniform(0, 0.005 * again))
            found = find(conversation_key(change.learner, change.wire_id), messages)
        try:
            before, stored = _write(change, found)
        except Changed:
            continue
        stored.created = before is None
        if before:
            _remove_superseded(before, stored)
        return stored
    raise Busy


def _write(change: Change, found: Found) -> tuple[Copy | None, Stored]:
    """Returns what was before, and what is now."""
    if cloud.database.on and found.reached:
        before = found.both
        after = changed(change, before)
        try:
            with cloud.database.use():
                clearing.carry_out(learner=change.learner)
                rows.write(settings.CLOUD_DATABASE, [after], {after.conversation.pk: found.far} if found.far else {})
        except cloud.Unavailable:
            pass
        else:
            if found.near:
                rows.remove([found.near], using=LOCAL)
            return before, stored(after, "cloud", change.voices.values())
    if change.adds and cloud.database.on:
        raise OutOfReach
    return found.near, stored(_shelter(change, found.near), LOCAL, change.voices.values())


def _shelter(change: Change, near: Copy | None) -> Copy:
    """Write the change to the shelter. With the cloud on, the rows that begin there note which of their columns they know."""
    after = changed(change, near, partial=cloud.database.on)
    if cloud.database.on and near is None and (moment := clearing.noted(change.learner)):
        # Begun after a clearing, it is all there is: what the cloud still has is not to come back with it.
        after.conversation.partial, after.conversation.replaced_at = None, moment
    with metrics.sheltered():
        rows.write(LOCAL, [after], {after.conversation.pk: near} if near else {})
    return after


def _keep_voices(learner: uuid.UUID, conversation: uuid.UUID, drafts: Iterable[Draft]) -> dict[str, Recording]:
    """The recordings of the drafts that have a voice, by the drafts' ids."""
    heard = {draft.id: draft for draft in drafts if draft.audio}
    voices = [
        Voice(Owner(learner, conversation, message_key(conversation, draft.id), draft.role), draft.audio, draft.at)
        for draft in heard.values()
        if draft.audio
    ]
    return dict(zip(heard, recordings.keep_all(voices), strict=True))


def _remove_superseded(before: Copy, after: Stored) -> None:
    now_named = {row.pk: row.audio_key for row in after.messages}
    old = {
        row.audio_key
        for row in before.messages.values()
        if row.audio_key and now_named.get(row.pk, row.audio_key) != row.audio_key
    }
    if old := old - {""}:
        try:
            recordings.remove(recordings.of(old).values())
        except cloud.Unavailable:
            return  # they go with their conversation


def _recordings(using: str, **whose: Any) -> list[Recording]:
    """Those of what is erased there; while they wait for the bucket they are in the shelter."""
    return [row for each in {using, LOCAL} for row in Recording.objects.using(each).filter(**whose)]


def _erase(using: str, due: dict[str, Any]) -> int:
    conversations = list(Conversation.objects.using(using).filter(**due).values_list("pk", flat=True)[:ERASE_AT_ONCE])
    doomed = Message.objects.using(using).filter(Q(**due) | Q(conversation__in=conversations, erased=False))
    messages = list(doomed.order_by().values_list("pk", flat=True))
    for start in range(0, len(messages), ERASE_AT_ONCE):  # a query takes only so many parameters
        batch = messages[start : start + ERASE_AT_ONCE]
        recordings.remove(_recordings(using, message__in=batch))
        nothing: dict[str, Any] = {"content": "", "audio_key": "", "corrections": [], "measured": {}}
        Message.objects.using(using).filter(pk__in=batch).update(**nothing, erased=True)
    recordings.remove(_recordings(using, conversation__in=conversations))
    # `due` again: one that was brought back in the meantime keeps its words.
    Conversation.objects.using(using).filter(pk__in=conversations, **due).update(
        title="", topic="", config={}, goals=[], analysis=None, erased=True
    )
    return len(conversations) + len(messages)
