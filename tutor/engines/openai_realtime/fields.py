"""What is read of the provider's events. Each raises KeyError, TypeError or ValueError for what is not what it should be."""

import base64
import re

from tutor.provider.realtime import ServerEvent

UNKEPT = re.compile("[\0\ud800-\udfff]")  # what no database takes for text


def name(event: ServerEvent, field: str) -> str:
    """What the provider calls something."""
    found = event[field]
    if not isinstance(found, str) or not found:
        raise TypeError(f"{field} is no name.")
    return found


def text(event: ServerEvent, field: str) -> str:
    return UNKEPT.sub("", _text(event, field))


def pcm(event: ServerEvent, field: str) -> bytes:
    return base64.b64decode(_text(event, field))


def milliseconds(event: ServerEvent, field: str) -> int:
    found = event[field]
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise TypeError(f"{field} is no number.")
    return int(found)


def _text(event: ServerEvent, field: str) -> str:
    found = event[field]
    if not isinstance(found, str):
        raise TypeError(f"{field} is no text.")
    return found
