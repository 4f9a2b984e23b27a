"""Compute how a change alters a conversation. All rules of merging are in this module.

A change can wait in the outbox of a server, be applied late, or twice. `apply` never touches a database and never alters
its arguments. It decides online writes, draining, reads with pending changes, imports, undo, and merging two copies.

Each column has a stamp, the moment when it was last set, and the later moment wins. So changes of several servers end
alike in any order, and applying a change again alters nothing. Three rules concern more than one column:

- A replacement deletes the messages that were last sent before it.
- A conversation that is saved after its deletion comes back: that server did not know of the deletion.
- A row that gets new words is no longer `erased`, so the eraser comes to it again.
"""

import copy
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from conversations.changes import Change, MessageChange, Stamps, message_key
from conversations.models import Columns, Conversation, Kept, Message
from conversations.rows import Copy

# Fields of `measured` about the recognised words: how unsure they are, and the mistakes that they avoid.
ABOUT_WORDS = ("doubt", "confidence", "unsure", "uptake")
# Two more stamps of a conversation: of its last replacement, and of its beginning.
REPLACED, BEGUN = "messages", "begun"
BEGINNING = ("save", "replace", "add")
# `deleted_at` of a row without the stamp `begun`: it is not known to be a conversation, and holds only what was taken
# back from it.
NEVER = datetime.fromtimestamp(0, UTC)
# A replacement does not rewrite messages that have these values already. Their stamp is then the conversation's stamp
# `messages`, so saving a long conversation again writes one row.
IN_REPLACEMENTS = ("role", "content", "timestamp", "position", "deleted_at")


def apply(change: Change, before: Copy | None) -> Copy | None:
    """Return the conversation after the change. None means that there is none, before or after."""
    if change.action == "clear" and (before is None or not is_known(before)):
        return before
    if change.action == "add":
        change = _missing_parts(change, before)
    moment = stamp_of(change.moment)
    after = Copy(copy.copy(before.conversation), dict(before.messages)) if before else _unknown(change)
    row, have = after.conversation, stamps_of(after.conversation)
    columns = change.columns
    if change.action in ("delete", "clear"):
        columns = {"deleted_at": change.moment}
    elif change.action == "restore":
        columns = {} if row.erased else {"deleted_at": None}
    elif change.action in BEGINNING:
        columns = {"deleted_at": None} | columns
    stamps = change.stamps or dict.fromkeys(columns, moment)
    _begin(row, have, change)
    was_set = _set(row, stamps_of(row), columns, stamps)
    if row.deleted_at is None and BEGUN not in stamps_of(row):
        row.deleted_at = NEVER
    replaced = moment if change.action == "replace" else stamps.get(REPLACED, 0)
    if replaced > have.get(REPLACED, 0):
        row.stamps = {**stamps_of(row), REPLACED: replaced}
    sent = {each.pk or message_key(row.pk, each.id): each for each in change.messages}
    for key in after.messages.keys() - sent.keys() if replaced else ():
        _delete_replaced(after, key, replaced, have.get(REPLACED, 0))
    for key, each in sent.items():
        _apply_message(after, key, each, change, have.get(REPLACED, 0))
    is_untouched = was_set <= {"deleted_at"} and all(message.erased for message in after.messages.values())
    row.erased = row.erased and row.deleted_at is not None and is_untouched
    row.updated_at = max(row.updated_at, change.moment)
    if before and before.conversation.erased and row.deleted_at is None:
        _leave_erased_messages(after)
    return after


def apply_all(changes: Iterable[Change], before: Copy | None) -> Copy | None:
    """Apply changes in the order of their moments."""
    for change in sorted(changes, key=lambda each: each.moment):
        before = apply(change, before)
    return before


def merged(far: Copy | None, near: Copy | None) -> Copy | None:
    """Merge two copies of a conversation: of each column, the value that was set last. Neither copy is changed."""
    return apply(as_change(near), far) if near else far


def as_change(held: Copy) -> Change:
    """Return the one change that makes this copy, for example of all changes of a conversation so far."""
    row, replaced = held.conversation, stamps_of(held.conversation).get(REPLACED, 0)
    messages = [
        MessageChange(each.wire_id, _columns(each), each.position, stamps_of(each, replaced), each.pk)
        for each in held.messages.values()
    ]
    return Change(row.learner, row.wire_id, row.updated_at, _columns(row), messages, stamps=stamps_of(row), pk=row.pk)


def begun_after(cleared: datetime, change: Change) -> Change:
    """Let a conversation begin anew after all were cleared, without what the database has of it from before."""
    empty, stamp = Conversation.empty(), stamp_of(cleared)
    stamps = dict.fromkeys(empty, stamp) | dict.fromkeys([*change.columns, "deleted_at"], stamp_of(change.moment))
    stamps[REPLACED] = stamp
    return replace(change, columns=empty | change.columns, stamps=stamps)


def lacking(before: Copy | None, key: uuid.UUID) -> Literal["all", "voice", ""]:
    """Return the part of a message that is missing: "all", "voice", or "" for nothing.

    A message that was taken back lacks nothing. A message that was erased with its conversation lacks everything.
    """
    row = before.messages.get(key) if before and BEGUN in stamps_of(before.conversation) else None
    if row is None:
        return "all"
    if row.deleted_at:
        return ""
    return "all" if row.erased else "" if row.audio_key else "voice"


def is_known(held: Copy) -> bool:
    """Return whether this is a conversation, and not only what was taken back from one that is not known."""
    return held.conversation.deleted_at != NEVER


def stamps_of(row: Kept, replaced: int = 0) -> dict[str, int]:
    """Return the stamps of a row. `replaced` is the stamp of the conversation's last replacement, for a message.

    A row that an older version wrote has the same stamp for all columns.
    """
    stamps: dict[str, int] = {**row.stamps} if row.stamps is not None else {}
    if row.stamps is None:
        stamps = dict.fromkeys((*row.settable(), BEGUN), stamp_of(row.updated_at))
    deleted = {"deleted_at": stamp_of(row.deleted_at)} if row.deleted_at else dict.fromkeys(IN_REPLACEMENTS, replaced)
    for name, stamp in deleted.items():
        if stamp > stamps.get(name, 0):
            stamps[name] = stamp
    return stamps


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)


def stamp_of(moment: datetime) -> int:
    """Return a moment as a stamp, in milliseconds."""
    return round(moment.timestamp() * 1000)


def _columns(row: Kept) -> Columns:
    known = {name: getattr(row, name) for name in row.settable()}
    return known | {"created_at": row.created_at, "deleted_at": None if row.deleted_at == NEVER else row.deleted_at}


def _unknown(change: Change) -> Copy:
    moments = {"created_at": change.moment, "updated_at": NEVER, "timestamp": change.moment, "deleted_at": NEVER}
    return Copy(Conversation(id=change.key, learner=change.learner, wire_id=change.wire_id, stamps={}, **moments))


def _begin(row: Conversation, have: Stamps, change: Change) -> None:
    """Note when the conversation began. What was deleted before it began is nothing of it."""
    begun = (change.stamps or {}).get(BEGUN, stamp_of(change.moment) if change.action in BEGINNING else 0)
    if not begun or begun >= have.get(BEGUN, begun + 1):
        return
    row.stamps = {**have, BEGUN: begun}
    if row.deleted_at == NEVER:
        row.deleted_at = None
    row.created_at = change.columns.get("created_at", change.moment)
    row.timestamp = row.timestamp if "timestamp" in have else row.created_at


def _set(row: Kept, have: Stamps, columns: Columns, stamps: Stamps) -> set[str]:
    """Set the columns whose stamp is later than what the row has. Return their names."""
    later = {name: value for name, value in columns.items() if stamps.get(name, 0) > have.get(name, 0)}
    if later.get("deleted_at") and row.deleted_at and row.deleted_at > NEVER:
        later["deleted_at"] = row.deleted_at
    for name, value in later.items():
        setattr(row, name, value)
    if later:
        row.stamps = {**have, **{name: stamps[name] for name in later}}
    return set(later)


def _delete_replaced(after: Copy, key: uuid.UUID, replaced: int, replaced_before: int) -> None:
    """Delete a message that a replacement leaves out, unless it was sent after it."""
    if after.messages[key].deleted_at is None:
        row = copy.copy(after.messages[key])
        have = stamps_of(row, replaced_before)
        if have.get("deleted_at", 0) < replaced:
            row.deleted_at = _moment(replaced)
            row.updated_at = max(row.updated_at, row.deleted_at)
            after.messages[key] = row


def _leave_erased_messages(after: Copy) -> None:
    """Delete the messages that have no words any more, of a conversation that comes back."""
    for key, message in after.messages.items():
        if message.erased and message.deleted_at is None:
            after.messages[key] = copy.copy(message)
            after.messages[key].deleted_at = after.conversation.updated_at


def _apply_message(after: Copy, key: uuid.UUID, sent: MessageChange, change: Change, replaced: int) -> None:
    """Apply one message of a change. `replaced` is the stamp of the last replacement before it."""
    conversation, before = after.conversation, after.messages.get(key)
    begun = sent.columns.get("created_at", change.moment)
    if before:
        row = copy.copy(before)
    else:
        # A message that is taken back before it is known has an empty row, which keeps it from coming later.
        row = Message(id=key, learner=conversation.learner, wire_id=sent.id, conversation_id=conversation.pk, stamps={})
        row.role, row.position = Message.Role.ASSISTANT, sent.position
        row.created_at = row.updated_at = row.timestamp = begun
    have = stamps_of(row, replaced if before else 0)
    columns = {"deleted_at": change.moment} if change.action == "drop" else sent.columns
    if before and change.action == "replace":
        columns = {name: value for name, value in columns.items() if getattr(before, name) != value}
    was_set = _set(row, have, columns, sent.stamps or dict.fromkeys(columns, stamp_of(change.moment)))
    if begun < row.created_at:
        row.created_at = begun
        row.position = row.position if "position" in have else sent.position
    elif before and not was_set:
        return
    is_new = before is None or before.deleted_at is not None
    if is_new and row.deleted_at is None and stamps_of(row).get("deleted_at", 0) < replaced:
        row.deleted_at = _moment(replaced)
    spoken = sent.columns.get("content", row.content) if "measured" in was_set or before is None else before.content
    if spoken != row.content and isinstance(row.measured, dict):
        # The words were corrected, so what is known of the old ones is void.
        row.measured = {name: value for name, value in row.measured.items() if name not in ABOUT_WORDS}
    row.erased = row.erased and was_set <= {"deleted_at"}
    moment = _moment(max(sent.stamps.values())) if sent.stamps else change.moment
    row.updated_at = max(row.updated_at, moment)
    after.messages[key] = row


def _missing_parts(change: Change, before: Copy | None) -> Change:
    """Reduce an addition to what is missing, as a change that sets it."""
    # Of a conversation that has not begun, only deletions are there.
    if before is None or BEGUN not in stamps_of(before.conversation):
        return replace(change, action="save")
    row, columns = before.conversation, Columns()
    if row.deleted_at:
        columns = {"deleted_at": None} | (change.columns if row.erased else {})
    messages = []
    for sent in change.messages:
        key = message_key(change.key, sent.id)
        lacks = lacking(before, key)
        if lacks == "all":
            messages.append(sent)
        elif lacks == "voice" and "audio_key" in sent.columns and before.messages[key].role == sent.columns["role"]:
            messages.append(MessageChange(sent.id, {"audio_key": sent.columns["audio_key"]}))
    return replace(change, action="save", columns=columns, messages=messages)
