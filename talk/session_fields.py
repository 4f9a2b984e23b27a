"""Read the fields of a `session.update` and a `response.create`. Each field is followed, ignored or refused by itself.

The tables name every field that the official `openai` client knows. docs/api.md describes them for users.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from core.json_types import Json
from talk import reprompt
from talk.audio_formats import AudioFormat, read_format
from talk.protocol import OWN_WORDS, ProtocolError, checked_text
from tutor import language, scenario
from tutor.scenario import LEVELS

MAX_REFUSALS = 32
MAX_NAME = 100
DETECTION = "audio.input.turn_detection"


@dataclass(frozen=True, slots=True)
class Range:
    """Hold a range of valid numbers. A number outside is replaced by the nearest one inside."""

    low: float
    high: float

    def read(self, value: object) -> float:
        """Return the number to use. Raises ValueError if the value is not a number."""
        is_nan = isinstance(value, float) and math.isnan(value)
        if not isinstance(value, int | float) or isinstance(value, bool) or is_nan:
            raise ValueError(f"must be a number from {self.low} to {self.high}")
        return min(max(value, self.low), self.high)


SPEED = Range(0.6, 1.2)
# Stands for the speed of the learner's level, in place of one that was chosen before.
BY_LEVEL = 0.0
PAUSE_RANGE_MS = Range(400, 6000)
IDLE_RANGE_MS = Range(5_000, 30_000)


@dataclass(frozen=True, slots=True)
class SupportedField:
    """Describe a field that is followed.

    `wish` names the field of `Wishes`. `read` returns the value to use, or raises ValueError with the rest of "`name` …".
    """

    wish: str
    read: Callable[[object], object]
    takes_null: bool = False


class IgnoredField:
    """Mark a field that has no effect: clients send it by default, or it only guides a model."""


@dataclass(frozen=True, slots=True)
class UnsupportedField:
    """Describe a field that is refused for the reason `why`. `unless` accepts the values that change nothing."""

    why: str
    unless: Callable[[object], bool] = lambda value: False


Field = SupportedField | IgnoredField | UnsupportedField
Fields = Mapping[str, Field]


def _one_of(*values: object) -> Callable[[object], bool]:
    return lambda value: value in values


def _is_english(value: object) -> bool:
    codes = value if isinstance(value, list) else [value]
    return any(isinstance(code, str) and code[:2].lower() == "en" for code in codes)


def _modality(value: object) -> str:
    if value not in (["audio"], ["text"]):
        raise ValueError('must be ["audio"] (with its transcript) or ["text"]')
    return "audio" if value == ["audio"] else "text"


def _is_on(value: object) -> bool:
    if value is not None and not isinstance(value, dict):
        raise ValueError("must be an object, or null")
    return value is not None


def _kind_of_detection(value: object) -> bool:
    # Both kinds wait for a pause, because the meaning of a sentence is not considered.
    if value not in ("server_vad", "semantic_vad"):
        raise ValueError("must be server_vad or semantic_vad")
    return True


def _true_or_false(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _known(values: Collection[str], value: object) -> str:
    if value not in list(values):
        raise ValueError(f"must be one of {', '.join(values)}")
    return str(value)


def _scenario(value: object) -> str:
    chosen = checked_text(value, "scenario", 64)
    if chosen and chosen not in scenario.load_all():
        raise ProtocolError("unknown_scenario", f"There is no scenario {chosen!r}.")
    return chosen


IGNORED = IgnoredField()
NO_TOOLS = "The agent calls no tools."
NO_PROMPT = "Prompt templates are kept at OpenAI. Say what the talk is about in `session.talk`."
# The fields that a session and a single response have in common.
ANSWER: Fields = {
    **dict.fromkeys(("instructions", "max_output_tokens", "parallel_tool_calls", "reasoning"), IGNORED),
    "prompt": UnsupportedField(NO_PROMPT),
    "tools": UnsupportedField(NO_TOOLS, _one_of([])),
    "tool_choice": UnsupportedField(NO_TOOLS, _one_of("auto", "none")),
    "output_modalities": SupportedField("modality", _modality),
    "audio.output.format": SupportedField("output_format", read_format),
    "audio.output.voice": IGNORED,
}
SESSION: Fields = {
    **ANSWER,
    "type": UnsupportedField(
        "Only realtime sessions are held. POST /api/speech-to-text transcribes.", _one_of("realtime")
    ),
    **dict.fromkeys(("model", "tracing", "truncation", "audio.input.noise_reduction"), IGNORED),
    "include": UnsupportedField("Transcripts have no log probabilities.", _one_of([])),
    "audio.input.format": SupportedField("input_format", read_format),
    **{f"audio.input.transcription.{name}": IGNORED for name in ("model", "prompt", "keywords", "delay")},
    "audio.input.transcription.language": UnsupportedField("Only English is heard.", _is_english),
    "audio.input.transcription.languages": UnsupportedField("Only English is heard.", _is_english),
    DETECTION: SupportedField("hands_free", _is_on, takes_null=True),
    f"{DETECTION}.type": SupportedField("hands_free", _kind_of_detection),
    f"{DETECTION}.silence_duration_ms": SupportedField("pause_ms", lambda value: round(PAUSE_RANGE_MS.read(value))),
    f"{DETECTION}.create_response": SupportedField("create_response", _true_or_false),
    f"{DETECTION}.interrupt_response": SupportedField("interrupt_response", _true_or_false),
    **{f"{DETECTION}.{name}": IGNORED for name in ("threshold", "prefix_padding_ms", "eagerness")},
    f"{DETECTION}.idle_timeout_ms": SupportedField(
        "idle_ms", lambda value: None if value is None else round(IDLE_RANGE_MS.read(value)), takes_null=True
    ),
    "audio.output.speed": SupportedField(
        "speed", lambda value: BY_LEVEL if value is None else float(SPEED.read(value)), takes_null=True
    ),
    "talk": SupportedField("talk", _is_on),
    "talk.scenario": SupportedField("talk.scenario", _scenario),
    "talk.level": SupportedField("talk.level", partial(_known, LEVELS)),
    "talk.keeps_audio": SupportedField("keeps_audio", _true_or_false),
    "talk.language": SupportedField("talk.language", partial(_known, language.load_all())),
    **{
        f"talk.{name}": SupportedField(f"talk.{name}", partial(checked_text, name=name, longest=500))
        for name in OWN_WORDS
    },
}
RESPONSE: Fields = {
    **ANSWER,
    "conversation": UnsupportedField("Every answer is part of the conversation.", _one_of("auto")),
    "input": UnsupportedField("An answer is to the conversation as it is."),
    "metadata": IGNORED,
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """Hold the values that an update asks for, None for those that it does not mention.

    `idle_ms` is None if a silent learner gets no help. `talk` holds the fields of `session.talk`. `refusals` holds the
    errors for fields that are not followed.
    """

    hands_free: bool | None = None
    pause_ms: int | None = None
    idle_ms: int | None = reprompt.IDLE_MS
    create_response: bool | None = None
    interrupt_response: bool | None = None
    speed: float | None = None
    keeps_audio: bool | None = None
    modality: str | None = None
    input_format: AudioFormat | None = None
    output_format: AudioFormat | None = None
    talk: dict[str, str] | None = None
    refusals: list[ProtocolError] = field(default_factory=list)


def session_wishes(session: object) -> Wishes:
    """Read the `session` of a `session.update`. Raises ProtocolError if it is not an object."""
    return _wishes(SESSION, session, "session")


def response_wishes(response: object) -> Wishes:
    """Read the `response` of a `response.create`. Raises ProtocolError for the first field that is refused."""
    wishes = _wishes(RESPONSE, {} if response is None else response, "response")
    if wishes.refusals:
        raise wishes.refusals[0]
    return wishes


def _wishes(fields: Fields, given: object, name: str) -> Wishes:
    if not isinstance(given, dict):
        raise ProtocolError("invalid_value", f"`{name}` must be an object.", name)
    wishes: Json = {}
    refusals = list(_read(fields, given, wishes))
    for refusal in refusals:
        refusal.param = f"{name}.{refusal.param}"
    talk = {wish.removeprefix("talk."): wishes.pop(wish) for wish in list(wishes) if wish.startswith("talk.")}
    if wishes.pop("talk", False):
        wishes["talk"] = talk
    return Wishes(**wishes, refusals=refusals[:MAX_REFUSALS])


def _read(fields: Fields, given: Mapping[str, object], wishes: Json, path: str = "") -> Iterator[ProtocolError]:
    """Add the values of one object to `wishes`, and yield the refusals of its other fields."""
    for key, value in given.items():
        where = f"{path}{key}"
        has_more = any(name.startswith(f"{where}.") for name in fields)
        try:
            _take(fields.get(where), key[:MAX_NAME], value, wishes, has_more=has_more)
        except ProtocolError as refusal:
            refusal.param = f"{path}{key[:MAX_NAME]}"
            yield refusal
        else:
            if has_more and isinstance(value, dict):
                yield from _read(fields, value, wishes, f"{where}.")


def _take(field: Field | None, key: str, value: object, wishes: Json, *, has_more: bool) -> None:
    match field:
        case None if not has_more:
            raise ProtocolError("unknown_parameter", f"There is no field `{key}` here. See docs/api.md.")
        case None if not isinstance(value, dict | None):
            raise ProtocolError("invalid_value", f"`{key}` must be an object.")
        case SupportedField(wish, read, takes_null) if value is not None or takes_null:
            wishes.pop(wish, None)
            try:
                wishes[wish] = read(value)
            except ValueError as problem:
                raise ProtocolError("invalid_value", f"`{key}` {problem}.") from problem
        case UnsupportedField(why, unless) if value is not None and not unless(value):
            raise ProtocolError("not_supported", f"`{key}` is not followed. {why}")
