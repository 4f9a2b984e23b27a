"""Read fields of the provider's events. Raises KeyError, TypeError or ValueError for a missing or invalid field."""

import base64
import re

from engines.openai.realtime import ServerEvent

# Characters that no database accepts in text.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def name(event: ServerEvent, field: str) -> str:
    """Return a name that the provider gave to something. Raises TypeError if it is empty."""
    found = _text(event, field)
    if not found:
        raise TypeError(f"{field} is empty.")
    return found


def text(event: ServerEvent, field: str) -> str:
    return UNSTORABLE.sub("", _text(event, field))


def pcm(event: ServerEvent, field: str) -> bytes:
    return base64.b64decode(_text(event, field))


def milliseconds(event: ServerEvent, field: str) -> int:
    found = event[field]
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise TypeError(f"{field} is not a number.")
    return int(found)


def _text(event: ServerEvent, field: str) -> str:
    found = event[field]
    if not isinstance(found, str):
        raise TypeError(f"{field} is not text.")
    return found
