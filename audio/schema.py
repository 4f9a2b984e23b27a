"""The calls of `audio.views`, described."""

from typing import Any

from talking_agent.openapi import STRING, Schema, call, in_path, in_query, shape

TAG = "recordings"
LINK = call(
    "getRecordingUrl",
    "A fresh link to a recording",
    shape({"url": {"type": "string", "description": "Good for an hour (`AUDIO_URL_EXPIRY`), for whoever has it."}}),
    *(400, 404, 503),
    tag=TAG,
    parameters=[in_query("key", "A message's `audioS3Key`; only the caller's own (staff: any).")],
)
FILE = call(
    "getRecording",
    "The recording behind a link",
    STRING,
    *(403, 404),
    tag=TAG,
    parameters=[
        in_path("key", "The recording's key."),
        in_query("signature", "As in the link."),
        {"in": "header", "name": "Range", "schema": STRING, "description": "One range of bytes is honoured."},
    ],
)
SOUND: Schema = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("audio/webm", "audio/mpeg")}
FILE["responses"] |= {
    "200": {"description": "", "content": SOUND},
    "206": {"description": "The range that was asked for.", "content": SOUND},
    "416": {"description": "The range is outside the recording."},
}
PATHS = {"/api/audio": {"get": LINK}, "/api/audio/file/{key}": {"get": FILE}}


def add_calls(result: Schema, **of_the_run: Any) -> Schema:
    result["paths"] |= PATHS
    return result
