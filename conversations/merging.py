"""Of two copies of a conversation, one in the cloud's database and one in the shelter, what holds."""

import copy
from typing import TypeVar

from conversations.models import Kept
from conversations.rows import Copy

Row = TypeVar("Row", bound=Kept)


def merged(far: Copy | None, near: Copy | None) -> Copy | None:
    """Of every row the newest; of two that are as old, the shelter's. What was replaced or deleted in the shelter is so in
    what comes out, and is still to be erased in the cloud. Neither copy is changed."""
    if near is None:
        return far
    if far is None:
        return Copy(_arriving(near.conversation), {key: _arriving(message) for key, message in near.messages.items()})
    conversation = _newest(far.conversation, near.conversation)
    messages = dict(far.messages)
    for key, message in near.messages.items():
        messages[key] = _newest(messages[key], message) if key in messages else _arriving(message)
    if replaced := near.conversation.replaced_at:
        for key, message in far.messages.items():
            if key not in near.messages and message.deleted_at is None and message.updated_at <= replaced:
                messages[key] = copy.copy(message)
                messages[key].deleted_at = messages[key].updated_at = replaced
    if conversation.erased and not all(message.erased for message in messages.values()):
        conversation = copy.copy(conversation)
        conversation.erased = False  # something was said to it afterwards: that goes, too
    return Copy(conversation, messages)


def _newest(far: Row, near: Row) -> Row:
    if near.updated_at < far.updated_at:
        return far
    row = _entire(near)
    if near.partial is not None:
        row = copy.copy(far)
        for name in near.partial:
            setattr(row, name, getattr(near, name))
        row.updated_at = near.updated_at
    if row.deleted_at and not far.erased:
        row.erased = False  # the cloud has not erased its own words yet
    return row


def _arriving(row: Row) -> Row:
    """A row that the cloud does not know yet; it may have recordings of it all the same, which are to be erased."""
    row = _entire(row)
    row.erased = row.erased and row.deleted_at is None
    return row


def _entire(row: Row) -> Row:
    """The row without what only the shelter notes about it."""
    row = copy.copy(row)
    row.partial = None
    if hasattr(row, "replaced_at"):
        row.replaced_at = None
    return row
