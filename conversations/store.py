"""Read and write conversations. All other code goes through these functions.

They are synchronous. The talk path calls them in a thread, never before the voice.

Conversations are kept in one database: the cloud's while the cloud is on, otherwise the local one. While the cloud's
database is down, a write goes to the outbox. When the function returns, the write is durable. Changes in the outbox
go to the database with the next write to the same conversation or by draining (`migration.drain`).

Every function takes the learner and reaches only that learner's rows. Only `look_up`, for operators, reaches all.
"""

import contextlib
import dataclasses
import random
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Max, Q
from django.utils import timezone

from audio import recordings
from audio.models import Recording
from audio.recordings import Owner, Voice
from conversations import lookup, merging, outbox, preferences, rows
from conversations.changes import TICK, Change, MessageChange, conversation_key, message_key, now_after
from conversations.drafts import Draft, as_changes
from conversations.lookup import (
    Found,
    OutOfReach,
    Position,
    StoredConversation,
    alive,
    find,
    reaching,
    require_reached,
    stored,
)
from conversations.merging import ABOUT_WORDS, apply
from conversations.models import Columns, Conversation, LastClear, Message
from conversations.rows import Changed, Copy
from core import cloud, metrics
from core.batches import batches
from core.cloud import LOCAL
from core.json_types import Json
from learners import erased

UNDO = timedelta(minutes=10)
# Rows in one query or call.
ERASE_AT_ONCE = 500
PAGE = 100
TRIES = 20


class ConversationDeleted(Exception):
    """Report a write to a deleted conversation. Only a save that means to bring it back may write to it."""


class WriteConflict(OSError):
    """Report that other writers keep changing the same conversation. Nothing was saved. Try again."""


def save(
    learner: uuid.UUID, wire_id: str, *, columns: Columns, messages: Sequence[Draft] | None, replace: bool = True
) -> StoredConversation:
    """Save a conversation: these `columns` and its messages. Durable on return. Saving the same again changes nothing.

    With `replace`, the messages are the complete list (None keeps the stored ones), and a deleted conversation comes
    back. Otherwise, the messages are added to the stored ones, the result holds only the added ones, and a deleted
    conversation raises ConversationDeleted.
    """
    _require_not_erased(learner, wire_id)
    drafts = list({draft.id: draft for draft in messages or ()}.values())
    key = conversation_key(learner, wire_id)
    wanted = None if replace else [message_key(key, draft.id) for draft in drafts]
    found = find(key, learner, wanted)
    if found.both and found.both.conversation.deleted_at and not replace:
        raise ConversationDeleted(wire_id)
    sent = as_changes(drafts, _keep_voices(learner, key, drafts))
    if replace:
        columns = columns | {"deleted_at": None}
    if replace and messages is not None:
        sent = [dataclasses.replace(each, columns=each.columns | {"position": each.position}) for each in sent]
        return _apply(Change(learner, wire_id, now_after(), columns, sent, "replace"), found, wanted)
    change = Change(learner, wire_id, now_after(after=found.cleared_at), columns, sent, "save")
    if not replace and found.both is None and found.cleared_at and not found.reached:
        change, wanted = merging.begun_after(found.cleared_at, change), None
    return _apply(change, found, wanted)


def existing(learner: uuid.UUID, wire_id: str) -> Copy | None:
    """Return all rows of a conversation that `add` would find, tombstones included. Raises OutOfReach."""
    found = find(conversation_key(learner, wire_id), learner)
    require_reached(found)
    return found.both


def add(learner: uuid.UUID, wire_id: str, *, columns: Columns, messages: Sequence[Draft]) -> StoredConversation:
    """Add the missing parts of a conversation: the row itself, messages, and recordings of messages that have none.

    Existing data stays as it is, and messages that were taken back stay so. A deleted conversation comes back. Raises
    OutOfReach: nothing is added while the existing rows are unknown.
    """
    _require_not_erased(learner, wire_id)
    key = conversation_key(learner, wire_id)
    found = find(key, learner)
    require_reached(found)
    missing = [draft for draft in messages if merging.lacking(found.both, message_key(key, draft.id))]
    sent = as_changes(messages, _keep_voices(learner, key, missing))
    return _apply(Change(learner, wire_id, now_after(), columns, sent, "add"), found, None)


def add_from(held: Copy, learner: uuid.UUID, wire_id: str) -> StoredConversation:
    """Add what is missing of another learner's conversation, as `add` does. Its messages name the same recordings.

    Deleted messages are left out. `recordings.hand_over` gives the recordings to the learner. Raises OutOfReach.
    """
    found = find(conversation_key(learner, wire_id), learner)
    require_reached(found)
    alive_ones = {row.wire_id for row in held.messages.values() if row.deleted_at is None and not row.erased}
    whole = merging.as_change(held)
    sent = [dataclasses.replace(each, stamps=None, pk=None) for each in whole.messages if each.id in alive_ones]
    return _apply(Change(learner, wire_id, now_after(), whole.columns, sent, "add"), found, None)


def count(learner: uuid.UUID) -> int:
    """Return the number of the learner's conversations, as far as they can be reached."""
    if outbox.is_empty(and_rows=cloud.database.on):
        with contextlib.suppress(cloud.Unavailable), reaching() as using:
            return alive(using, learner).count()
    number, before = 0, None
    while page := history(learner, limit=PAGE, before=before):
        number += len(page)
        last = page[-1].conversation
        before = last.timestamp, last.pk
    return number


def history(
    learner: uuid.UUID, *, limit: int = 50, before: Position | None = None, only_talks: bool = False
) -> list[StoredConversation]:
    """Return the newest conversations with their messages. With `before`, return those after this place in the list.

    With `only_talks`, leave out reviews.
    """
    return lookup.newest(learner, limit, before, only_talks=only_talks)


def get(learner: uuid.UUID, wire_id: str) -> StoredConversation | None:
    """Return the conversation with all its messages, or None if there is none. Raises OutOfReach."""
    found = find(conversation_key(learner, wire_id), learner)
    there = _present(found)
    return stored(there, found.storage) if there else None


def size(learner: uuid.UUID, wire_id: str, message: str) -> tuple[int, bool] | None:
    """Return the number of a conversation's messages, and whether this message is one of them.

    Return None if there is no such conversation. Raises OutOfReach. This does not load the other messages.
    """
    key = conversation_key(learner, wire_id)
    wanted = message_key(key, message)
    found = find(key, learner, [wanted])
    there = _present(found)
    if there is None:
        return None
    row = there.messages.get(wanted)
    try:
        return lookup.count_alive(found), row is not None and row.deleted_at is None
    except cloud.Unavailable:
        raise OutOfReach from None


def look_up(key: uuid.UUID) -> StoredConversation | None:
    """Return the conversation with this key for operators, of any learner and deleted or not."""
    found = find(key, None)
    return stored(found.both, found.storage) if found.both else None


def is_deleted(learner: uuid.UUID, wire_id: str) -> bool:
    """Return whether the conversation was deleted, as far as is known."""
    there = find(conversation_key(learner, wire_id), learner, messages=()).both
    return bool(there and there.conversation.deleted_at)


def is_gone(recording: Recording) -> bool:
    """Return whether the recording's conversation or message is deleted, as far as is known. Then it gets no link."""
    found = find(recording.conversation, recording.learner, [recording.message])
    there = found.both
    if there is None:
        return not found.reached and found.cleared_at is not None
    message = there.messages.get(recording.message)
    return there.conversation.deleted_at is not None or bool(message and message.deleted_at)


def change(learner: uuid.UUID, wire_id: str, columns: Columns) -> StoredConversation | None:
    """Set these columns of a conversation, such as its title. Return None if there is none. Raises OutOfReach."""
    found = find(conversation_key(learner, wire_id), learner)
    return _apply(Change(learner, wire_id, now_after(), columns), found, None) if _present(found) else None


def replace_words(
    learner: uuid.UUID, wire_id: str, message: str, content: str, corrections: list[Json]
) -> StoredConversation | None:
    """Correct a misheard message of the learner and return the conversation. Raises OutOfReach."""
    key = conversation_key(learner, wire_id)
    found = find(key, learner)
    there = _present(found)
    row = there.messages.get(message_key(key, message)) if there else None
    if (row is None or row.deleted_at) and cloud.database.name in cloud.down():
        raise OutOfReach
    if row and not row.deleted_at and row.role == Message.Role.USER:
        columns: Json = {"content": content, "corrections": corrections}
        if isinstance(row.measured, dict) and not row.measured.keys().isdisjoint(ABOUT_WORDS):
            # Words that are confirmed, and so are the same, are no longer in doubt.
            columns["measured"] = {name: value for name, value in row.measured.items() if name not in ABOUT_WORDS}
        sent = MessageChange(message, columns)
        return _apply(Change(learner, wire_id, now_after(), messages=[sent]), found, None)
    return stored(there, found.storage) if there else None


def dispute(
    learner: uuid.UUID, conversation: uuid.UUID, message: uuid.UUID, number: int, stamp: int | None
) -> StoredConversation | None:
    """Note in a correction when the learner said that it was wrong, or with None, take that back.

    `conversation` and `message` are keys, and `number` is the correction's place in the message. Return the conversation,
    or None if it has no such correction. Raises OutOfReach.
    """
    found = find(conversation, learner)
    there = _present(found)
    row = there.messages.get(message) if there else None
    if there is None or row is None or row.deleted_at or not 0 <= number < len(row.corrections):
        return None
    corrections = [dict(each) for each in row.corrections]
    corrections[number].pop("disputed", None)
    if stamp is not None:
        corrections[number]["disputed"] = stamp
    sent = MessageChange(row.wire_id, {"corrections": corrections}, pk=row.pk)
    own = there.conversation
    change = Change(learner, own.wire_id, now_after(), messages=[sent], pk=own.pk)
    return _apply(change, found, None)


def drop_message(learner: uuid.UUID, wire_id: str, message: str) -> None:
    """Take back one message, such as an answer that was never heard."""
    key = conversation_key(learner, wire_id)
    wanted = [message_key(key, message)]
    found = find(key, learner, wanted)
    if found.both or not found.reached:
        _apply(Change(learner, wire_id, now_after(), {}, [MessageChange(message, {})], "drop"), found, wanted)


def delete(learner: uuid.UUID, wire_id: str, *, seen: Copy | None = None) -> bool:
    """Delete a conversation. `restore` brings it back within ten minutes. Return False if there was none.

    With `seen`, delete only what was read: words that were saved later bring the conversation back, also those that
    still wait in the outbox of another server.
    """
    found = find(conversation_key(learner, wire_id), learner, messages=())
    there = found.both
    was_gone = found.reached and (there is None or there.conversation.deleted_at is not None)
    # The database has none, but this server would show the one that waits here whenever the database is down.
    here = found.unreached().both if was_gone else None
    if not was_gone or (here and here.conversation.deleted_at is None):
        # Two, because stamps are rounded.
        moment = seen.conversation.updated_at + 2 * TICK if seen else None
        _apply(Change(learner, wire_id, now_after(), action="delete"), found, (), moment)
    return not was_gone


def clear(learner: uuid.UUID) -> int:
    """Delete all of the learner's conversations. Return the number of those that could be reached."""
    waiting = outbox.of_learners([learner])
    earlier = list(waiting.clears.values())
    here = lookup.alive_here(learner, waiting)
    moment = max([now_after(), *(row.updated_at + TICK for row in here), *(row.moment + TICK for row in earlier)])
    try:
        with reaching() as using:
            newest = alive(using, learner).aggregate(newest=Max("updated_at"))["newest"]
            moment = max(moment, newest + TICK) if newest else moment
            count = sum(delete(learner, row.wire_id) for row in here)
            count += carry_out_clear(LastClear(learner, moment), using)
            outbox.remove(earlier)
            return count
    except cloud.Unavailable:
        outbox.append(Change(learner, "", moment, action="clear"))
        return len(here)


def carry_out_clear(clear: LastClear, using: str) -> int:
    """Delete the conversations that a clearing concerns, and return their number. Raises what the database raises."""
    record_clear(clear, using)
    rows_there = alive(using, clear.learner).filter(lookup.begun_before(clear.moment))
    return rows_there.update(deleted_at=clear.moment, updated_at=clear.moment, version=F("version") + 1)


def record_clear(clear: LastClear, using: str) -> None:
    """Record a clearing in this database, unless it knows of a later one. Raises what the database raises."""
    table = LastClear.objects.using(using)
    last, is_first = table.get_or_create(learner=clear.learner, defaults={"moment": clear.moment})
    if not is_first and last.moment < clear.moment:
        table.filter(pk=last.pk, moment__lt=clear.moment).update(moment=clear.moment)


def restore(learner: uuid.UUID, wire_id: str) -> StoredConversation | None:
    """Undo a deletion. Raises OutOfReach.

    Return the conversation, or None if it is deleted and the deletion is older than UNDO, or if there is none.
    """
    found = find(conversation_key(learner, wire_id), learner)
    there = found.both
    if there is None:
        require_reached(found)
        return None
    row = there.conversation
    if row.deleted_at is None:
        return stored(there, found.storage)
    if row.erased or row.deleted_at < timezone.now() - UNDO:
        return None
    return _apply(Change(learner, wire_id, now_after(), action="restore"), found, None)


def erase_deleted(*, before: datetime | None = None, only: Sequence[uuid.UUID] | None = None) -> int:
    """Erase the sound and text of conversations and messages deleted before `before` (default: UNDO ago).

    The dated tombstones stay. With `only`, erase only conversations with these keys, at most ERASE_AT_ONCE.

    Return the number of erased conversations and messages. After an interruption, or with a part of the cloud down, the
    next call erases the rest.
    """
    before = before or timezone.now() - UNDO
    due: dict[str, object] = {"deleted_at__lt": before, "erased": False}
    if only is not None:
        due["id__in"] = only
    erased = _erase_pending(before, only) + _erase(LOCAL, due)
    if cloud.database.usable:
        with cloud.database.use():
            erased += _erase(settings.CLOUD_DATABASE, due)
    return erased


def _require_not_erased(learner: uuid.UUID, wire_id: str) -> None:
    """Raise ConversationDeleted if the learner has erased everything, so that a talk under way writes nothing more."""
    if erased.is_erased(learner):
        raise ConversationDeleted(wire_id)


def _present(found: Found) -> Copy | None:
    """Return the conversation, or None if there is none or it is deleted. Raises OutOfReach if that is unknown."""
    if found.both is None:
        if not found.cleared_at:
            require_reached(found)
        return None
    return None if found.both.conversation.deleted_at else found.both


def _apply(
    change: Change, found: Found, messages: Sequence[uuid.UUID] | None, moment: datetime | None = None
) -> StoredConversation:
    """Write the change to the database together with pending ones, or to the outbox if the database fails.

    It is made now, or at `moment`. Raises WriteConflict if other writers keep changing the same conversation.
    """
    for again in range(TRIES):
        _require_not_erased(change.learner, change.wire_id)
        if again:
            time.sleep(random.uniform(0, 0.005 * again))
            found = find(change.key, change.learner, messages)
            if (
                change.action == "save"
                and found.both
                and found.both.conversation.deleted_at
                and "deleted_at" not in change.columns
            ):
                raise ConversationDeleted(change.wire_id)
        change = dataclasses.replace(change, moment=moment or now_after(found.merged, after=found.cleared_at))
        try:
            before, after, storage = _write(change, found)
        except Changed:
            continue
        result = stored(after, storage)
        result.created = before is None
        if before:
            _remove_superseded(before, result)
        return result
    raise WriteConflict


def _write(change: Change, found: Found) -> tuple[Copy | None, Copy, str]:
    """Write the change. Return the conversation before it and after it, and where it is."""
    before, after = found.both, apply(change, found.merged)
    assert after
    if found.reached:
        with contextlib.suppress(cloud.Unavailable):
            counted = contextlib.nullcontext() if cloud.database.on else metrics.sheltered()
            with reaching() as using, counted:
                rows.write(using, [after], {change.key: found.held} if found.held else {})
            outbox.remove(found.pending)
            if found.left:
                rows.remove([found.left], using=LOCAL)
            return before, after, "cloud" if cloud.database.on else LOCAL
    if change.action == "add":
        raise OutOfReach
    without = found.unreached()
    before, after = without.both, apply(change, without.merged)
    assert after
    with metrics.sheltered():
        outbox.append(change)
    return before, after, LOCAL


def _keep_voices(learner: uuid.UUID, conversation: uuid.UUID, drafts: Iterable[Draft]) -> dict[str, Recording]:
    """Save the recordings of the drafts that have one, unless the learner refuses that. Return them by the drafts' ids."""
    heard = {draft.id: draft for draft in drafts if draft.audio}
    if heard and not preferences.of(learner).keeps_audio:
        return {}
    voices = [
        Voice(Owner(learner, conversation, message_key(conversation, draft.id), draft.role), draft.audio, draft.at)
        for draft in heard.values()
        if draft.audio
    ]
    return dict(zip(heard, recordings.keep_all(voices), strict=True))


def _remove_superseded(before: Copy, after: StoredConversation) -> None:
    now_named = {row.pk: row.audio_key for row in after.messages}
    old = {
        row.audio_key
        for row in before.messages.values()
        if row.audio_key and now_named.get(row.pk, row.audio_key) != row.audio_key
    }
    if old:
        # The bucket is away. These recordings are erased later, with their conversation.
        with contextlib.suppress(cloud.Unavailable):
            recordings.remove(recordings.of(old).values())


def _recordings(using: str, **whose: object) -> list[Recording]:
    """Return the matching recordings of this database and of the local one, where they wait for the bucket."""
    return [row for each in {using, LOCAL} for row in Recording.objects.using(each).filter(**whose)]


def _erase_pending(before: datetime, only: Sequence[uuid.UUID] | None) -> int:
    erased = 0
    for key, messages in outbox.deleted_before(before).items():
        if only is None or key in only:
            named = {"conversation": key} if messages is None else {"message__in": messages}
            recordings.remove(Recording.objects.using(LOCAL).filter(**named))
            outbox.erase(key, messages)
            erased += 1
    return erased


def _erase(using: str, due: dict[str, object]) -> int:
    # A change that waits may bring a conversation back.
    waiting = Q(pk__in=outbox.keys(outbox.pending()))
    table = Conversation.objects.using(using)
    conversations = list(table.filter(**due).exclude(waiting).values_list("pk", flat=True)[:ERASE_AT_ONCE])
    doomed = Message.objects.using(using).filter(Q(**due) | Q(conversation__in=conversations, erased=False))
    messages = list(doomed.order_by().values_list("pk", flat=True))
    parents = set(doomed.order_by().values_list("conversation", flat=True))
    # The number of parameters in a query is limited.
    for batch in batches(messages, ERASE_AT_ONCE):
        recordings.remove(_recordings(using, message__in=batch))
        Message.objects.using(using).filter(pk__in=batch).update(**Message.erasure())
    recordings.remove(_recordings(using, conversation__in=conversations))
    # Filter by `due` again: a conversation that was restored meanwhile keeps its content.
    table.filter(pk__in=conversations, **due).update(**Conversation.erasure())
    # A writer that read the rows before the erasure notices the new version, and reads them again.
    table.filter(pk__in=parents | set(conversations)).update(version=F("version") + 1)
    return len(conversations) + len(messages)
