"""Hold the configuration of a talk: the real API's defaults, and the changes that `session.update` may make."""

import copy
from collections.abc import Iterable

from core.json_types import Json
from simulators.openai.error_shapes import ApiError, missing

PCM = {"type": "audio/pcm", "rate": 24000}
DETECTION: dict[str, Json] = {
    "server_vad": {
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    },
    "semantic_vad": {"eagerness": "auto", "create_response": True, "interrupt_response": True},
}
EAGERNESS = ("low", "medium", "high", "auto")
INSTRUCTIONS = "You are a helpful, witty, and friendly AI. Act like a human, but remember that you aren't a human."
# Parameters that can be set at each path, apart from those that are objects themselves.
KNOWN: dict[str, set[str]] = {
    "session": {
        *("type", "model", "audio", "include", "instructions", "max_output_tokens", "output_modalities", "tools"),
        *("parallel_tool_calls", "prompt", "reasoning", "tool_choice", "tracing", "truncation"),
    },
    "session.audio": {"input", "output"},
    "session.audio.input": {"format", "noise_reduction", "transcription", "turn_detection"},
    "session.audio.output": {"format", "speed", "voice"},
}


def default(session_id: str, model: str, expires_at: int) -> Json:
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "expires_at": expires_at,
        "output_modalities": ["audio"],
        "instructions": INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {"type": "server_vad", **DETECTION["server_vad"]},
            },
            "output": {"format": PCM, "voice": "marin", "speed": 1.0},
        },
    }


def updated(session: Json, changes: object, *, has_spoken: bool) -> Json:
    """Return the session with these changes. Only named parameters change. Raises ApiError."""
    if not isinstance(changes, dict) or "type" not in changes:
        raise missing("session.type")
    if changes["type"] != "realtime":
        raise invalid("session.type", changes["type"], ("realtime",))
    result = copy.deepcopy(session)
    _merge(result, changes, "session")
    for direction in ("input", "output"):
        audio_format = result["audio"][direction]["format"]
        # G.711, for telephones, is not simulated.
        if audio_format.get("type") != "audio/pcm":
            raise invalid(f"session.audio.{direction}.format.type", audio_format.get("type"), ("audio/pcm",))
    if result["output_modalities"] not in (["audio"], ["text"]):
        raise invalid("session.output_modalities", result["output_modalities"], ("['audio']", "['text']"))
    if has_spoken and result["audio"]["output"]["voice"] != session["audio"]["output"]["voice"]:
        message = "Cannot update a conversation's voice if assistant audio is present."
        raise ApiError(400, message, code="cannot_update_voice")
    return result


def _merge(into: Json, changes: Json, where: str) -> None:
    for name, value in changes.items():
        path = f"{where}.{name}"
        if name not in KNOWN[where]:
            raise ApiError(400, f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")
        if path in KNOWN:
            _merge(into[name], value or {}, path)
        elif name == "turn_detection" and value is not None:
            into[name] = _detection(value, path)
        else:
            into[name] = value


def _detection(wanted: Json, path: str) -> Json:
    kind = wanted.get("type")
    if kind not in DETECTION:
        raise invalid(f"{path}.type", kind, DETECTION)
    for name in wanted.keys() - DETECTION[kind].keys() - {"type"}:
        message = f"Unknown parameter: '{path}.{name}'."
        raise ApiError(400, message, param=f"{path}.{name}", code="unknown_parameter")
    if wanted.get("eagerness", "auto") not in EAGERNESS:
        raise invalid(f"{path}.eagerness", wanted["eagerness"], EAGERNESS)
    return {**DETECTION[kind], **wanted}


def invalid(param: str, value: object, supported: Iterable[str]) -> ApiError:
    named = " and ".join(f"'{each}'" for each in supported)
    message = f"Invalid value: '{value}'. Supported values are: {named}."
    return ApiError(400, message, param=param, code="invalid_value")
