"""Page through lists. A cursor names the row before the next page, and stays valid while rows come and go."""

import base64
import binascii
import struct
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Microseconds since 1970, position, key.
FORM = struct.Struct(">QI16s")
Row = TypeVar("Row")


class CursorPosition(NamedTuple):
    """Hold a row's place in its list. `position` orders messages of the same timestamp, and is 0 for a conversation."""

    timestamp: datetime
    position: int
    key: uuid.UUID


def cursor(place: CursorPosition) -> str:
    """Encode a place in characters that a URL can hold."""
    microseconds = (place.timestamp - EPOCH) // timedelta(microseconds=1)
    packed = FORM.pack(microseconds, place.position, place.key.bytes)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def place_at(text: str) -> CursorPosition:
    """Return the place that a cursor names. Raises ValueError."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        microseconds, position, key = FORM.unpack(packed)
        return CursorPosition(EPOCH + timedelta(microseconds=microseconds), position, uuid.UUID(bytes=key))
    except (binascii.Error, struct.error, OverflowError) as error:
        raise ValueError("not a cursor") from error


def first_of(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], Row | None]:
    """Return a page of at most `limit` of these rows, and its last row if more rows follow."""
    page = rows[:limit]
    return page, page[-1] if len(rows) > limit else None
