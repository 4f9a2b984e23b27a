"""The events of the talk endpoint: the OpenAI Realtime API's vocabulary and our `talk.*`. See docs/api.md."""

import base64
import binascii
import json
import re
import secrets
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from tutor import language
from tutor.engines.base import Correction
from tutor.scenario import LEVELS

Event = dict[str, Any]
MAX_EVENT_AUDIO = 15 * 1024 * 1024
MAX_TEXT = 2_000
OWN_WORDS = ("topic", "goal", "rules", "expectations")
ITEM_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class ProtocolError(Exception):
    """A client's event cannot be followed; the talk goes on. `code` is for machines, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a `session.update` asks for; None: not mentioned."""

    hands_free: bool | None = None
    pause_ms: int | None = None
    speed: float | None = None
    talk: dict[str, str] | None = None


_PROCESS, _numbers = secrets.token_hex(4), count(1)


def event(kind: str, **fields: Any) -> Event:
    # Counted: to ask the system for a random number is to let another thread go first, and this is done many times an answer.
    return {"type": kind, "event_id": f"event_{_PROCESS}{next(_numbers):08x}", **fields}


def error(problem: ProtocolError, event_id: str | None = None) -> Event:
    detail = {"type": "invalid_request_error", "code": problem.code, "message": str(problem), "param": None}
    return event("error", error=detail | {"event_id": event_id})


def correction_shape(correction: Correction) -> dict[str, Any]:
    shape = asdict(correction)
    del shape["sure"]
    return shape


def parse(text: str) -> Event:
    """A client's event: an object with a `type`."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ProtocolError("invalid_json", "This is not JSON.") from problem
    if not isinstance(parsed, dict) or not isinstance(parsed.get("type"), str):
        raise ProtocolError("invalid_event", "An event is a JSON object with a `type`.")
    return parsed


def audio_of(sent: Event) -> bytes:
    """The PCM16 of an `input_audio_buffer.append`."""
    audio = sent.get("audio")
    if not isinstance(audio, str):
        raise ProtocolError("invalid_audio", "`audio` must be base64 of PCM16 sound.")
    if len(audio) > MAX_EVENT_AUDIO * 4 // 3 + 4:
        raise ProtocolError("audio_too_large", "An event may carry 15 MB of audio at most. Send smaller pieces.")
    try:
        pcm = base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise ProtocolError("invalid_audio", "`audio` is not base64.") from problem
    if len(pcm) % 2:
        raise ProtocolError("invalid_audio", "PCM16 has two bytes a sample; this has an odd number of bytes.")
    return pcm


def item_id_of(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and ITEM_ID.fullmatch(value):
        return value
    raise ProtocolError("invalid_id", "An item's id has up to 64 letters, digits and - _ . :")


def typed_text(sent: Event) -> tuple[str | None, str]:
    """The id, if any, and the words of a `conversation.item.create`."""
    item = sent.get("item")
    if not isinstance(item, dict) or item.get("type") != "message" or item.get("role") != "user":
        raise ProtocolError("invalid_item", "Only messages of the role user can be added.")
    parts = item.get("content")
    texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    text = " ".join(part for part in texts if isinstance(part, str)).strip()
    return item_id_of(item.get("id")), checked_text(text, "item.content", MAX_TEXT, required=True)


def checked_text(value: Any, name: str, longest: int, *, required: bool = False) -> str:
    if not isinstance(value, str):
        raise ProtocolError("invalid_text", f"`{name}` must be text.")
    if len(value) > longest:
        raise ProtocolError("text_too_long", f"`{name}` is longer than {longest} characters.")
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ProtocolError("invalid_text", f"`{name}` holds characters that are not text.")
    if required and not value.strip():
        raise ProtocolError("invalid_text", f"`{name}` is empty.")
    return value.strip()


def milliseconds_of(sent: Event, name: str) -> int:
    value = sent.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 3_600_000:
        raise ProtocolError("invalid_value", f"`{name}` must be a whole number of milliseconds.")
    return value


def wishes_of(sent: Event) -> Wishes:
    """What a `session.update` asks for. What the Realtime API has and we do not is passed over, as clients send it."""
    session = _object(sent, "session")
    audio = _object(session, "audio")
    hands_free, pause_ms = _turn_detection(_object(audio, "input"))
    return Wishes(hands_free, pause_ms, _speed(_object(audio, "output")), _talk(session))


def _object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise ProtocolError("invalid_value", f"`{name}` must be an object.")
    return value


def _turn_detection(sound_in: dict[str, Any]) -> tuple[bool | None, int | None]:
    if "turn_detection" not in sound_in:
        return None, None
    if sound_in["turn_detection"] is None:
        return False, None
    detection = _object(sound_in, "turn_detection")
    pause = detection.get("silence_duration_ms")
    if pause is not None and (not isinstance(pause, int) or isinstance(pause, bool) or not 400 <= pause <= 6000):
        raise ProtocolError("invalid_value", "`silence_duration_ms` must be a whole number from 400 to 6000.")
    return True, pause


def _speed(sound_out: dict[str, Any]) -> float | None:
    speed = sound_out.get("speed")
    if speed is None:
        return None
    if not isinstance(speed, int | float) or isinstance(speed, bool) or not 0.6 <= speed <= 1.2:
        raise ProtocolError("invalid_value", "`speed` must be a number from 0.6 to 1.2.")
    return float(speed)


def _talk(session: dict[str, Any]) -> dict[str, str] | None:
    if "talk" not in session:
        return None
    talk = _object(session, "talk")
    wishes = {name: checked_text(talk[name], name, 500) for name in OWN_WORDS if talk.get(name) is not None}
    for name in ("scenario", "level", "language"):
        if talk.get(name) is not None:
            wishes[name] = checked_text(talk[name], name, 64)
    if wishes.get("level", LEVELS[0]) not in LEVELS:
        raise ProtocolError("invalid_value", f"`level` must be one of {', '.join(LEVELS)}.")
    if wishes.get("language", language.DEFAULT) not in language.load_all():
        raise ProtocolError("invalid_value", f"`language` must be one of {', '.join(language.load_all())}.")
    return wishes
