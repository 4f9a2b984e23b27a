"""What calls are sent, checked: an error names the field."""

import json
import re
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from audio.encoding import MAX_BYTES
from conversations.serializers import MAX_ID, MAX_MESSAGES, is_wire_id
from tutor import language, scenario
from tutor.engines.base import Line
from tutor.protocol import ProtocolError, checked_text
from tutor.scenario import LEVELS, Brief, Scenario
from tutor.turns import Refused

MAX_CONTENT = 20_000  # characters of one message
MAX_TALK = 400_000  # characters of a whole conversation
MODES = {  # and the scenario for a topic that none is about
    **{"casual-chat": "own-topic", "speaking-practice": "own-topic", "interview": "interview-general"},
    **{"adventure": "adventure-island", "lesson": "lesson-past"},
}
DEFAULT_DIFFICULTY = 3

_LANGUAGE = re.compile(r"[A-Za-z]{2}(?:[-_][A-Za-z0-9_-]{1,20})?")
MAX_MINUTES = 24 * 60
LEAST_MINUTES = 0.001  # less has no ratio that a number can hold


def json_of(request: HttpRequest) -> dict[str, Any]:
    """Reading a body blocks. Raises Refused."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object.")
    return body


def upload_of(request: HttpRequest) -> tuple[bytes, dict[str, str]]:
    """The file `audio` of a form, and the form's other fields; blocks. Raises Refused."""
    too_large = Refused(400, f"audio: The audio is larger than {MAX_BYTES // 1024 // 1024} MB.")
    if int(request.headers.get("Content-Length") or 0) > MAX_BYTES + 64 * 1024:
        raise too_large
    file = request.FILES.get("audio")
    if file is None:
        raise Refused(400, "audio: Send a file, as multipart/form-data.")
    data = file.read()
    if len(data) > MAX_BYTES:
        raise too_large
    return data, request.POST.dict()


def id_of(body: dict[str, Any], name: str) -> str | None:
    """Any id that a client may have chosen; None: not given."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and is_wire_id(value):
        return value
    raise Refused(400, f"`{name}` has from 1 to {MAX_ID} printable characters.")


def language_of(body: dict[str, Any], name: str, default: str | None = None) -> str:
    """One that explanations can be given in."""
    value = body.get(name) or default
    if not isinstance(value, str) or value not in language.load_all():
        raise Refused(400, f"`{name}` must be one of {', '.join(language.load_all())}.")
    return value


def spoken_language_of(fields: dict[str, str], name: str) -> str:
    """What a recording is in: `en`, or `en-GB`, of which only the language counts."""
    value = fields.get(name) or language.DEFAULT
    if not _LANGUAGE.fullmatch(value) or value[:2].lower() not in language.HEARD:
        raise Refused(400, f"`{name}` must be the code of a language, such as en.")
    return value[:2].lower()


def lines_of(body: dict[str, Any], name: str) -> list[Line]:
    """Messages as lines, without those that have no words."""
    messages = body.get(name)
    if not isinstance(messages, list):
        raise Refused(400, f"`{name}` must be a list of messages.")
    if len(messages) > MAX_MESSAGES:
        raise Refused(400, f"`{name}` holds more than {MAX_MESSAGES:,} messages.")
    contents = [message.get("content") for message in messages if isinstance(message, dict)]
    if sum(len(content) for content in contents if isinstance(content, str)) > MAX_TALK:
        raise Refused(400, f"`{name}` holds more than {MAX_TALK:,} characters.")
    lines = [_line(message, f"{name}[{index}]") for index, message in enumerate(messages)]
    return [line for line in lines if line.text]


def brief_of(body: dict[str, Any], lines: Sequence[Line]) -> Brief:
    """`topic`, `difficulty`, `language` and `mode`, as a brief."""
    mode = body.get("mode") or next(iter(MODES))
    if not isinstance(mode, str) or mode not in MODES:
        raise Refused(400, f"`mode` must be one of {', '.join(MODES)}.")
    topic = _text(body.get("topic") or "", "topic", 500)
    return Brief(
        scenario=_scenario(mode, topic),
        level=LEVELS[_whole(body, "difficulty", DEFAULT_DIFFICULTY, len(LEVELS)) - 1],
        seed=lines[0].text if lines else topic,
        topic=topic,
        language=language_of(body, "language", language.DEFAULT),
    )


def minutes_of(body: dict[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not LEAST_MINUTES <= value <= MAX_MINUTES:
        raise Refused(400, f"`{name}` must be a number of minutes, at most {MAX_MINUTES:,}.")
    return float(value)


def _scenario(mode: str, topic: str) -> Scenario:
    """The one that has this topic for its title, if there is one for this mode."""
    usual = scenario.get(MODES[mode])
    kinds = ("chat",) if usual.kind == "own" else (usual.kind,)
    fitting = (each for each in scenario.load_all().values() if each.kind in kinds)
    return next((each for each in fitting if each.title.casefold() == topic.casefold()), usual)


def _line(message: Any, place: str) -> Line:
    if not isinstance(message, dict):
        raise Refused(400, f"`{place}` must be an object.")
    if message.get("role") not in ("user", "assistant"):
        raise Refused(400, f"`{place}.role` must be user or assistant.")
    return Line(message["role"], _text(message.get("content"), f"{place}.content", MAX_CONTENT))


def _text(value: Any, name: str, longest: int) -> str:
    try:
        return checked_text(value, name, longest)
    except ProtocolError as problem:
        raise Refused(400, str(problem)) from problem


def _whole(body: dict[str, Any], name: str, default: int, most: int) -> int:
    value = body.get(name, default)
    if isinstance(value, str) and value in map(str, range(1, most + 1)):  # what an older client keeps its settings as
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise Refused(400, f"`{name}` must be a whole number from 1 to {most}.")
    return value
