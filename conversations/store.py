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
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import Q, QuerySet
from django.utils import timezone

from audio import recordings
from audio.models import Recording
from audio.recordings import Owner, Voice
from conversations import rows
from conversations.changes import Change, Draft, changed, conversation_key, message_key, now_after
from conversations.merging import merged
from conversations.models import Clearing, Conversation, Message
from conversations.rows import Changed, Copy
from talking_agent import cloud

LOCAL = "local"
UNDO = timedelta(minutes=10)
ERASE_AT_ONCE = 500  # rows
TRIES = 20


class Deleted(Exception):
    """The conversation was deleted; only a save that means to bring it back may write to it."""


class OutOfReach(Exception):
    """The cloud's database is down, and the shelter does not have what was asked for: whether it exists cannot be said."""


class Busy(OSError):
    """Others write to the same conversation all the time. Nothing was saved; try again."""


@dataclass(slots=True)
class Stored:
    """A conversation as it is kept, with its messages in order, their recordings by key, and where it lies: "cloud", or
    "local" where any of it is in the shelter."""

    conversation: Conversation
    messages: list[Message]
    recordings: dict[str, Recording] = field(default_factory=dict)
    created: bool = False
    storage: str = LOCAL


@dataclass(slots=True)
class Found:
    """What there is of a conversation: in the shelter, and in the cloud's database if that is on and was reached."""

    near: Copy | None
    far: Copy | None = None
    reached: bool = True

    @property
    def both(self) -> Copy | None:
        return merged(self.far, self.near)

    @property
    def storage(self) -> str:
        return "cloud" if self.far and not self.near else LOCAL


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
    found = _find(key, wanted)
    before = found.both
    if before and before.conversation.deleted_at and not replace:
        raise Deleted(wire_id)
    voices = _keep_voices(learner, key, drafts)
    if replace:
        columns = columns | {"deleted_at": None, "erased": False}
    return _apply(Change(learner, wire_id, columns, drafts, voices, replaces), found, wanted)


def history(learner: uuid.UUID, *, limit: int = 50, before: tuple[datetime, uuid.UUID] | None = None) -> list[Stored]:
    """The newest conversations, whole; with `before`, those that come after this (timestamp, key) in the list."""
    if not cloud.database.on:
        page = rows.with_messages(LOCAL, _page(LOCAL, learner, limit, before))
        return _listed(page.values(), limit, before, dict.fromkeys(page, LOCAL))
    near = rows.load(
        LOCAL, list(Conversation.objects.using(LOCAL).filter(learner=learner).values_list("pk", flat=True))
    )
    far = _far_page(learner, limit + len(near), before, near)
    every = [merged(far.get(key), near.get(key)) for key in near.keys() | far.keys()]
    storage = {key: LOCAL if key in near else "cloud" for key in near.keys() | far.keys()}
    return _listed([each for each in every if each], limit, before, storage)


def get(learner: uuid.UUID, wire_id: str) -> Stored | None:
    """The conversation, whole; None if there is none. Raises OutOfReach."""
    found = _find(conversation_key(learner, wire_id))
    there = found.both
    if there is None:
        _require_reached(found)
        return None
    return None if there.conversation.deleted_at else _stored(there, found.storage)


def look_up(key: uuid.UUID) -> Stored | None:
    """For operators: the conversation with this key, whosever it is and deleted or not."""
    found = _find(key)
    there = found.both
    return _stored(there, found.storage) if there else None


def is_deleted(learner: uuid.UUID, wire_id: str) -> bool:
    """Was it deleted, as far as can be said?"""
    there = _find(conversation_key(learner, wire_id), messages=()).both
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
    if row and row.role == Message.Role.USER:
        mended = Draft(message, row.role, content, row.timestamp, corrections=corrections)
        save(learner, wire_id, columns={}, messages=[mended], replace=False)
        return get(learner, wire_id)
    return stored


def drop_message(learner: uuid.UUID, wire_id: str, message: str) -> None:
    """Take one message back, such as an answer that was never heard."""
    key = conversation_key(learner, wire_id)
    found = _find(key, [message_key(key, message)])
    if found.reached and found.both is None:
        return
    dropped = Draft(message, Message.Role.ASSISTANT, "", timezone.now(), deleted=True)
    _apply(Change(learner, wire_id, {}, [dropped]), found, [message_key(key, message)])


def delete(learner: uuid.UUID, wire_id: str) -> bool:
    """Delete a conversation; for ten minutes `restore` brings it back. False if there was none."""
    found = _find(conversation_key(learner, wire_id), messages=())
    there = found.both
    if found.reached and (there is None or there.conversation.deleted_at):
        return False
    _apply(Change(learner, wire_id, {"deleted_at": timezone.now(), "erased": False}), found, ())
    return True


def clear(learner: uuid.UUID) -> int:
    """Delete all of the learner's conversations; returns how many, as far as they were in reach."""
    now = now_after()
    if not cloud.database.on:
        return _alive(LOCAL, learner).update(deleted_at=now, updated_at=now)
    near = {row.pk: row for row in _alive(LOCAL, learner)}
    try:
        with cloud.database.use():
            far = _alive(settings.CLOUD_DATABASE, learner)
            only_near = len(near) - far.filter(pk__in=list(near)).count()
            count = far.update(deleted_at=now, updated_at=now) + only_near
    except cloud.Unavailable:
        Clearing.objects.using(LOCAL).update_or_create(learner=learner, defaults={"at": now})
        count = len(near)
    for row in near.values():
        delete(learner, row.wire_id)
    return count


def restore(learner: uuid.UUID, wire_id: str) -> Stored | None:
    """Undo a deletion; None if there is none to undo, or it is longer ago than UNDO. Raises OutOfReach."""
    found = _find(conversation_key(learner, wire_id))
    there = found.both
    if there is None:
        _require_reached(found)
        return None
    row = there.conversation
    if row.deleted_at and not row.erased and row.deleted_at >= timezone.now() - UNDO:
        _apply(Change(learner, wire_id, {"deleted_at": None}), found, None)
    return get(learner, wire_id)


def erase_deleted(*, before: datetime | None = None) -> int:
    """Erase for good what was deleted before then (default: UNDO ago), sound and words; the dated tombstones stay.

    Returns how many conversations and messages were erased. Interrupted half-way, or with a half of the cloud down, the next
    call does the rest.
    """
    due = {"deleted_at__lt": before or timezone.now() - UNDO, "erased": False}
    erased = _erase(LOCAL, due)
    if cloud.database.usable:
        with cloud.database.use():
            erased += _erase(settings.CLOUD_DATABASE, due)
    return erased


def probe() -> None:
    """Proves that the cloud's database can be written and read; raises what the database raises."""
    if forget := getattr(connections[settings.CLOUD_DATABASE], "forget_connections", None):
        forget()  # each of PostgreSQL's pool would have to be found dead by itself
    table = Conversation.objects.using(settings.CLOUD_DATABASE)
    nobody = uuid.UUID(int=0)
    table.filter(pk=nobody)._raw_delete(settings.CLOUD_DATABASE)
    moment = now_after()
    stamps = {"created_at": moment, "updated_at": moment, "timestamp": moment, "deleted_at": moment}
    table.bulk_create([Conversation(id=nobody, learner=nobody, wire_id="probe", erased=True, **stamps)])
    table.filter(pk=nobody)._raw_delete(settings.CLOUD_DATABASE)


def _find(key: uuid.UUID, messages: Sequence[uuid.UUID] | None = None) -> Found:
    """Of the messages in the cloud those with the given keys (None: all), and those that the shelter has, too."""
    # The shelter first: what moves meanwhile is then seen twice, and not missed.
    near = rows.load(LOCAL, [key], messages=messages if not cloud.database.on else None).get(key)
    if not cloud.database.on:
        return Found(near)
    also = [*messages, *near.messages] if messages is not None and near else messages
    try:
        with cloud.database.use():
            far = rows.load(settings.CLOUD_DATABASE, [key], messages=also).get(key)
    except cloud.Unavailable:
        return Found(near, reached=False)
    _heed_clearing([far.conversation] if far else [])
    return Found(near, far)


def _apply(change: Change, found: Found, messages: Sequence[uuid.UUID] | None) -> Stored:
    """Write the change to the cloud, and what the shelter has along with it; to the shelter if that cannot be.

    Raises Busy where others write to the same conversation without a break.
    """
    for again in range(TRIES):
        if again:
            time.sleep(random.uniform(0, 0.005 * again))
            found = _find(conversation_key(change.learner, change.wire_id), messages)
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
                rows.write(settings.CLOUD_DATABASE, [after], {after.conversation.pk: found.far} if found.far else {})
        except cloud.Unavailable:
            pass
        else:
            if found.near:
                rows.remove([found.near], using=LOCAL)
            return before, _stored(after, "cloud", change.voices.values())
    return found.near, _stored(_shelter(change, found.near), LOCAL, change.voices.values())


def _shelter(change: Change, near: Copy | None) -> Copy:
    """Write the change to the shelter. With the cloud on, the rows that begin there note which of their columns they know."""
    after = changed(change, near, partial=cloud.database.on)
    rows.write(LOCAL, [after], {after.conversation.pk: near} if near else {})
    return after


def _page(using: str, learner: uuid.UUID, limit: int, before: tuple[datetime, uuid.UUID] | None) -> list[Conversation]:
    found = _alive(using, learner)
    if before:
        timestamp, key = before
        found = found.filter(Q(timestamp__lt=timestamp) | Q(timestamp=timestamp, pk__lt=key))
    return list(found[:limit])


def _far_page(
    learner: uuid.UUID, limit: int, before: tuple[datetime, uuid.UUID] | None, near: Iterable[uuid.UUID]
) -> dict[uuid.UUID, Copy]:
    """The cloud's page, and what it has of the conversations in the shelter; nothing if it cannot be reached."""
    try:
        with cloud.database.use():
            using = settings.CLOUD_DATABASE
            listed = {row.pk: row for row in _page(using, learner, limit, before)}
            missing = [key for key in near if key not in listed]
            page = rows.with_messages(using, listed.values()) | (rows.load(using, missing) if missing else {})
    except cloud.Unavailable:
        return {}
    _heed_clearing([page[key].conversation for key in near if key in page])
    return page


def _listed(
    copies: Iterable[Copy],
    limit: int,
    before: tuple[datetime, uuid.UUID] | None,
    storage: dict[uuid.UUID, str],
) -> list[Stored]:
    def place(each: Copy) -> tuple[datetime, uuid.UUID]:
        return each.conversation.timestamp, each.conversation.pk

    alive = [each for each in copies if not each.conversation.deleted_at and (not before or place(each) < before)]
    page = sorted(alive, key=place, reverse=True)[:limit]
    voices: dict[uuid.UUID, dict[str, Recording]] = {}
    for key, row in recordings.of_conversations(each.conversation.pk for each in page).items():
        voices.setdefault(row.conversation, {})[key] = row
    return [_in_order(each, storage[each.conversation.pk], voices.get(each.conversation.pk, {})) for each in page]


def _stored(there: Copy, storage: str, known: Iterable[Recording] = ()) -> Stored:
    voices = {row.key: row for row in known}
    missing = {row.audio_key for row in there.messages.values() if row.audio_key and not row.deleted_at} - voices.keys()
    return _in_order(there, storage, voices | recordings.of(missing) if missing else voices)


def _in_order(there: Copy, storage: str, voices: dict[str, Recording]) -> Stored:
    alive = [row for row in there.messages.values() if not row.deleted_at]
    alive.sort(key=lambda row: (row.timestamp, row.position, row.pk))
    keys = {row.audio_key for row in alive}
    return Stored(there.conversation, alive, {key: row for key, row in voices.items() if key in keys}, storage=storage)


def _alive(using: str, learner: uuid.UUID) -> QuerySet[Conversation]:
    alive = Conversation.objects.using(using).filter(learner=learner, deleted_at=None)
    if using != LOCAL and (cleared := Clearing.objects.using(LOCAL).filter(learner=learner).first()):
        return alive.filter(updated_at__gt=cleared.at)
    return alive


def _heed_clearing(conversations: Sequence[Conversation]) -> None:
    """What the learner cleared while the cloud was out of reach is deleted, though the cloud does not know it yet."""
    for row in conversations:
        cleared = Clearing.objects.using(LOCAL).filter(learner=row.learner).first()
        if cleared and row.deleted_at is None and row.updated_at <= cleared.at:
            row.deleted_at = row.updated_at = cleared.at


def _require_reached(found: Found) -> None:
    if not found.reached:
        raise OutOfReach


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


def _erase(using: str, due: dict[str, Any]) -> int:
    conversations = list(Conversation.objects.using(using).filter(**due).values_list("pk", flat=True)[:ERASE_AT_ONCE])
    doomed = Message.objects.using(using).filter(Q(**due) | Q(conversation__in=conversations, erased=False))
    messages = list(doomed.order_by().values_list("pk", flat=True))
    for start in range(0, len(messages), ERASE_AT_ONCE):  # a query takes only so many parameters
        batch = messages[start : start + ERASE_AT_ONCE]
        recordings.remove(Recording.objects.using(using).filter(message__in=batch))
        Message.objects.using(using).filter(pk__in=batch).update(content="", audio_key="", corrections=[], erased=True)
    recordings.remove(Recording.objects.using(using).filter(conversation__in=conversations))
    # `due` again: one that was brought back in the meantime keeps its words.
    Conversation.objects.using(using).filter(pk__in=conversations, **due).update(
        title="", topic="", config={}, goals=[], analysis=None, erased=True
    )
    return len(conversations) + len(messages)
