"""Build and check the events of the talk endpoint: the OpenAI Realtime API's and our `talk.*`. See docs/api.md."""

import base64
import json
import re
import secrets
from dataclasses import asdict
from itertools import count

from core.json_types import Json
from tutor.domain import Correction

Event = Json
MAX_EVENT_AUDIO = 15 * 1024 * 1024
MAX_TEXT = 2_000
OWN_WORDS = ("topic", "goal", "rules", "expectations")
ITEM_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class ProtocolError(Exception):
    """Report that a client's event cannot be followed. `code` is for programs, `param` names the field."""

    def __init__(self, code: str, message: str, param: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code, self.param, self.retry_after = code, param, retry_after


_PROCESS, _numbers = secrets.token_hex(4), count(1)


def event(kind: str, **fields: object) -> Event:
    # Ids are counted, because asking the system for a random number lets other threads run first, and a reply has many events.
    return {"type": kind, "event_id": f"event_{_PROCESS}{next(_numbers):08x}", **fields}


def error(problem: ProtocolError, event_id: str | None = None, *, kind: str = "invalid_request_error") -> Event:
    detail = {"type": kind, "code": problem.code, "message": str(problem), "param": problem.param}
    later = {} if problem.retry_after is None else {"retry_after": problem.retry_after}
    return event("error", error=detail | {"event_id": event_id} | later)


def correction_shape(correction: Correction) -> Json:
    shape = asdict(correction)
    del shape["sure"]
    return shape


def event_id_of(sent: Event) -> str | None:
    """Return the id that the client gave its event, for the errors about it."""
    event_id = sent.get("event_id")
    return event_id if isinstance(event_id, str) else None


def parse(text: str) -> Event:
    """Parse a client's event, an object with a `type`. Raises ProtocolError."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ProtocolError("invalid_json", "This is not JSON.") from problem
    if not isinstance(parsed, dict) or not isinstance(parsed.get("type"), str):
        raise ProtocolError("invalid_event", "An event is a JSON object with a `type`.")
    return parsed


def audio_of(sent: Event, width: int) -> bytes:
    """Return the sound of an `input_audio_buffer.append`. `width` is in bytes a sample. Raises ProtocolError."""
    audio = sent.get("audio")
    if not isinstance(audio, str):
        raise ProtocolError("invalid_audio", "`audio` must be base64 of sound.", "audio")
    if len(audio) > MAX_EVENT_AUDIO * 4 // 3 + 4:
        raise ProtocolError(
            "audio_too_large", "An event may carry 15 MB of audio at most. Send smaller pieces.", "audio"
        )
    try:
        sound = base64.b64decode(audio, validate=True)
    except ValueError as problem:
        raise ProtocolError("invalid_audio", "`audio` is not base64.", "audio") from problem
    if not sound:
        raise ProtocolError("empty_audio", "`audio` is empty.", "audio")
    if len(sound) % width:
        raise ProtocolError("invalid_audio", "PCM16 has two bytes a sample; this has an odd number of bytes.", "audio")
    return sound


def item_id_of(value: object, param: str = "item_id") -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and ITEM_ID.fullmatch(value):
        return value
    raise ProtocolError("invalid_id", "An item's id has up to 64 letters, digits and - _ . :", param)


def checked_text(value: object, name: str, longest: int, *, required: bool = False) -> str:
    if not isinstance(value, str):
        raise ProtocolError("invalid_text", f"`{name}` must be text.", name)
    if len(value) > longest:
        raise ProtocolError("text_too_long", f"`{name}` is longer than {longest} characters.", name)
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ProtocolError("invalid_text", f"`{name}` holds characters that are not text.", name)
    if required and not value.strip():
        raise ProtocolError("invalid_text", f"`{name}` is empty.", name)
    return value.strip()


def flag_of(sent: Event, name: str) -> bool:
    value = sent.get(name)
    if not isinstance(value, bool):
        raise ProtocolError("invalid_value", f"`{name}` must be true or false.", name)
    return value


def milliseconds_of(sent: Event, name: str) -> int:
    value = sent.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 3_600_000:
        raise ProtocolError("invalid_value", f"`{name}` must be a whole number of milliseconds.", name)
    return value
