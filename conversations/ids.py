"""Check the ids that clients choose for conversations and messages, by one rule for every entry point."""

import time
import uuid
from collections.abc import Sequence

from conversations import store

MAX_ID = 200
RULE = (
    f"An id has from 1 to {MAX_ID} printable characters, without / and without spaces at its ends; . and .. are none."
)


class BadId(ValueError):
    """Report an id that no URL can name. `field` is the path of the field, such as `id` or `messages[3].id`."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field}: {RULE}")
        self.field = field


def is_wire_id(value: str) -> bool:
    """Return whether both a URL and a WebSocket message can name this id.

    Control, format and bidirectional characters are not printable. A segment of a path cannot contain "/", and clients
    resolve "." and ".." themselves. U+FFFD stands for bytes that were not UTF-8: different ids would become one.
    """
    if not 0 < len(value) <= MAX_ID or value in (".", "..") or value != value.strip():
        return False
    return value.isprintable() and not any(letter in value for letter in "/\ufffd")


def require(
    learner: uuid.UUID,
    conversation: str,
    messages: Sequence[str] = (),
    *,
    field: str = "id",
    message_field: str = "messages[{}].id",
) -> None:
    """Raise BadId for an id that cannot be used, unless it is stored already: stored ids go on working.

    `field` is the path of the conversation's id, and `message_field` that of a message's id, with {} for its number.

    Raises store.OutOfReach if the stored ids cannot be looked up.
    """
    odd = [(number, id) for number, id in enumerate(messages) if not is_wire_id(id)]
    if is_wire_id(conversation) and not odd:
        return
    if not may_be_stored(conversation):
        raise BadId(field)
    there = store.existing(learner, conversation)
    if there is None and not is_wire_id(conversation):
        raise BadId(field)
    known = {row.wire_id for row in there.messages.values()} if there else set()
    for number, id in odd:
        if id not in known:
            raise BadId(message_field.format(number))


def may_be_stored(value: str) -> bool:
    """Return whether every database could hold this id. No conversation has any other id."""
    return 0 < len(value) <= MAX_ID and "\0" not in value and not any("\ud800" <= each <= "\udfff" for each in value)


def new_conversation_id() -> str:
    """Return an id in the contract's form, for a client that sent none: `conv-<ms>-<7 base36>`."""
    letters = uuid.uuid4().int
    tail = "".join("0123456789abcdefghijklmnopqrstuvwxyz"[letters // 36**place % 36] for place in range(7))
    return f"conv-{int(time.time() * 1000)}-{tail}"
