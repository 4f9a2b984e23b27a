"""The calls of `tutor.views`, described."""

from typing import Any

from conversations.schema import CONVERSATION_ID
from talking_agent.openapi import (
    NUMBER,
    STRING,
    WHOLE,
    YES_OR_NO,
    Schema,
    call,
    in_path,
    kept,
    list_of,
    or_null,
    ref,
    shape,
)
from tutor import speaking_schema
from tutor.protocol import OWN_WORDS
from tutor.scenario import KINDS, LEVELS

TAG = "talking"
LEVEL: Schema = {"type": "string", "enum": list(LEVELS)}
LANGUAGE = shape({"code": STRING, "name": STRING, "ownName": STRING})
SCENARIO = shape(
    {
        **{"id": STRING, "title": STRING, "kind": {"type": "string", "enum": list(KINDS)}},
        **{"level": LEVEL, "summary": STRING, "icon": STRING, "goals": list_of(STRING)},
    }
)
TIMING = shape(
    {
        **{"type": {"const": "talk.timing"}, "event_id": STRING, "item_id": or_null(STRING), "response_id": STRING},
        "transcribe_ms": or_null(WHOLE),
        **dict.fromkeys(("think_ms", "speak_ms", "total_ms"), WHOLE),
    }
)
TURN = kept(
    {
        "conversation": {"type": "string", "description": "Its id."},
        "message": ref("KeptMessage"),
        "corrections": list_of(ref("KeptCorrection")),
        "reply": or_null(ref("KeptMessage")),
        "goals": list_of(ref("Goal")),
        "ended": {"type": "boolean", "description": "The talk has reached its end."},
        "timing": or_null(TIMING),
    }
)
WISHES: dict[str, Schema] = {
    "messageId": {
        "type": "string",
        "description": "What to call the turn: `user-<ms>`. The same again changes nothing.",
    },
    "reply": {**YES_OR_NO, "default": True, "description": "false: only make out and keep."},
    "scenario": {"type": "string", "description": "Counts only until the first turn, like what follows."},
    "level": LEVEL,
    "language": {**speaking_schema.LANGUAGE, "description": "That mistakes are explained in."},
    **{name: {"type": "string", "maxLength": 500, "description": "Of `own-topic`."} for name in OWN_WORDS},
    "speed": {**NUMBER, "minimum": 0.6, "maximum": 1.2},
}
TYPED = shape({"text": STRING}, WISHES)
STREAM = {"type": "string", "description": "The events of the WebSocket, as `event:` and `data:` lines."}

TAKE = call(
    "takeTurn",
    "One turn: sound or text in, the agent's answer out",
    TURN,
    *(400, 403, 409, 410, 411, 413, 422, 503),
    tag=TAG,
    parameters=[CONVERSATION_ID],
    body={
        "multipart/form-data": shape({}, {"audio": speaking_schema.SOUND, "text": STRING, **WISHES}),
        "application/json": TYPED,
    },
    says="Send either `audio` or `text`. With `Accept: text/event-stream` the events come as they happen.",
)
TAKE["responses"]["200"]["content"]["text/event-stream"] = {"schema": STREAM}
NOT_CORRECTED: Schema = {
    "type": "string",
    "description": "Why there are no corrections: they could not be made. The words are kept all the same.",
}
MEND = call(
    "mendMessage",
    "Put right what was misheard",
    kept({"success": {"const": True}, "message": ref("KeptMessage")}, {"notCorrected": NOT_CORRECTED}),
    *(400, 403, 404, 411, 413, 503),
    tag="messages",
    parameters=[CONVERSATION_ID, in_path("message_id", "The message's id.")],
    body={"application/json": shape({"content": {"type": "string", "maxLength": 20_000}})},
    says="Only of the learner's own words; corrections are made anew.",
)
SCENARIOS = call(
    "listScenarios",
    "What can be talked about",
    kept({"scenarios": list_of(SCENARIO), "levels": list_of(LEVEL), "languages": list_of(LANGUAGE)}),
    tag=TAG,
)
PATHS = {
    "/api/conversations/{id}/turns": {"post": TAKE},
    "/api/conversations/{id}/messages/{message_id}": {"patch": MEND},
    "/api/scenarios": {"get": SCENARIOS},
    **speaking_schema.PATHS,
}


def add_calls(result: Schema, **of_the_run: Any) -> Schema:
    result["paths"] |= PATHS
    return result
