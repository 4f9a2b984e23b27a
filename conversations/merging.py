"""Of two copies of a conversation, one in the cloud's database and one in the shelter, what holds."""

import copy
from typing import TypeVar

from conversations.models import Kept
from conversations.rows import Copy

Row = TypeVar("Row", bound=Kept)


def merged(far: Copy | None, near: Copy | None) -> Copy | None:
    """Of every row the newest. What was replaced or deleted in the shelter is so in what comes out; neither is changed."""
    if far is None or near is None:
        return _whole(far or near)
    conversation = _newest(far.conversation, near.conversation)
    messages = dict(far.messages)
    for key, message in near.messages.items():
        messages[key] = _newest(messages[key], message) if key in messages else _entire(message)
    if replaced := near.conversation.replaced_at:
        for key, message in far.messages.items():
            if key not in near.messages and message.deleted_at is None and message.updated_at < replaced:
                messages[key] = copy.copy(message)
                messages[key].deleted_at = messages[key].updated_at = replaced
    return Copy(conversation, messages)


def _whole(only: Copy | None) -> Copy | None:
    if only is None:
        return None
    return Copy(_entire(only.conversation), {key: _entire(message) for key, message in only.messages.items()})


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


def _entire(row: Row) -> Row:
    """The row without what only the shelter notes about it."""
    row = copy.copy(row)
    row.partial = None
    if hasattr(row, "replaced_at"):
        row.replaced_at = None
    return row
