"""Merge two copies of a conversation: the cloud's (`far`) and the local one (`near`)."""

import copy
from typing import TypeVar

from conversations.models import Kept
from conversations.rows import Copy

Row = TypeVar("Row", bound=Kept)


def merged(far: Copy | None, near: Copy | None) -> Copy | None:
    """Merge two copies row by row: the newer row wins, and the local one if both are as old.

    Rows that were replaced or deleted locally are deleted in the result, and still have to be erased in the cloud.
    Neither copy is changed.
    """
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
        # A message was added after the erasure, and has to be erased, too.
        conversation.erased = False
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
        # The cloud has not erased its own content yet.
        row.erased = False
    return row


def _arriving(row: Row) -> Row:
    """Return a row that is new to the cloud's database.

    Reset `erased` if the row is deleted: the cloud may still hold recordings of it.
    """
    row = _entire(row)
    row.erased = row.erased and row.deleted_at is None
    return row


def _entire(row: Row) -> Row:
    """Return the row without the fields that only the local database uses."""
    row = copy.copy(row)
    row.partial = None
    if hasattr(row, "replaced_at"):
        row.replaced_at = None
    return row
