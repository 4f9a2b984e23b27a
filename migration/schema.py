"""`POST /api/migration`, described."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from migration.probes import State
from talking_agent.openapi import NUMBER, STRING, WHOLE, YES_OR_NO, Schema, answers, list_of, ref, shape

CHECK = shape(
    {
        "group": STRING,
        "name": STRING,
        "state": {"type": "string", "enum": [state.value for state in State]},
        "found": STRING,
        "advice": {**STRING, "description": "What to do; empty where there is nothing to do."},
        "seconds": NUMBER,
    }
)
STEP = shape({"name": STRING, "ok": YES_OR_NO, "found": STRING, "advice": STRING, "seconds": NUMBER})
VERIFIED = shape(
    {
        "isValid": {**YES_OR_NO, "description": "Nothing required is missing, and nothing failed."},
        "missing": list_of({**STRING, "description": "A required variable that is not set."}),
        "checks": list_of(CHECK),
    }
)
TESTED = shape({"success": YES_OR_NO, "steps": list_of(STEP)}, {"error": STRING})
MIGRATED = shape({"success": YES_OR_NO, "migratedCount": WHOLE, "errors": list_of(STRING)})
ASKED: Schema = shape({"action": {"type": "string", "enum": ["verify", "test", "migrate"]}})
REFUSED = {
    401: OpenApiResponse(ref("Error"), "Nobody is signed in."),
    409: OpenApiResponse(ref("Error"), "Something is being migrated already; `error` says by whom."),
}
CALL: dict[str, Any] = {
    "operation_id": "migration",
    "summary": "For operators: is the cloud set up right, does it work, and move what is stored here into it",
    "request": {"application/json": ASKED},
    "responses": answers({"anyOf": [VERIFIED, TESTED, MIGRATED]}, 400, 403, 411, 413, 415, 503) | REFUSED,
    "tags": ["operators"],
}
