"""What the descriptions of calls, each app's `schema.py`, are made of: OpenAPI 3.1, in which a shape is plain JSON Schema."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
YES_OR_NO: Schema = {"type": "boolean"}

REFUSALS = {
    400: "The request is wrong; `error` names the field.",
    403: "A browser says that another site sent this; or a link that has expired or was not made here.",
    404: "It does not exist, or is not yours.",
    409: "This message is just being taken.",
    410: "The conversation was deleted.",
    411: "Send the body with its `Content-Length`.",
    413: "The body is too large.",
    415: "Send JSON.",
    416: "The range is outside the recording.",
    422: "Nothing was heard in the sound.",
    501: "No engine that is configured has the means; `error` says what to configure.",
    503: "The storage cannot be reached or written, or the engine not used. Nothing was changed; try again in a moment.",
}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def shape(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required)}


def kept(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An answer that says where what it holds lies, and what of the cloud is down."""
    return shape({**required, "storage": STORAGE}, {**(optional or {}), **OUTAGE})


STORAGE: Schema = {
    "type": "string",
    "enum": ["cloud", "local"],
    "description": "Where this lies, or, where nothing else is said, where what is sent now is kept.",
}
OUTAGE: dict[str, Schema] = {
    "degraded": {"const": True, "type": "boolean", "description": "Part of the cloud is down; the service goes on."},
    "down": {
        "type": "object",
        "additionalProperties": STRING,
        "description": "The parts of the cloud that are down (`database`, `audio bucket`), and why.",
    },
}
ERROR = shape(
    {"error": {"type": "string", "description": "What went wrong and what to do."}}, {"storage": STORAGE, **OUTAGE}
) | {"examples": [{"error": "What went wrong and what to do."}]}


def answers(schema: Schema, *refusals: int, code: int = 200, also: int | None = None) -> dict[int, OpenApiResponse]:
    """For `extend_schema`: the answer `code`, and `also` another with the same shape; and these refusals."""
    good = {each: OpenApiResponse(schema) for each in (code, also) if each}
    return good | {each: OpenApiResponse(ref("Error"), REFUSALS[each]) for each in refusals}


def call(
    name: str,
    summary: str,
    answer: Schema,
    *refusals: int,
    tag: str,
    parameters: list[Schema] | None = None,
    body: dict[str, Schema] | None = None,
    says: str = "",
) -> Schema:
    """An operation of a view that is not REST framework's. `body`: shapes by content type."""
    responses: dict[str, Any] = {"200": {"description": "", "content": {"application/json": {"schema": answer}}}}
    for code in refusals:
        content = {"application/json": {"schema": ref("Error")}}
        responses[str(code)] = {"description": REFUSALS[code], "content": content}
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "description": says,
        "tags": [tag],
        "responses": responses,
    }
    if parameters:
        operation["parameters"] = parameters
    if body:
        content = {kind: {"schema": schema} for kind, schema in body.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation | {"security": [{LearnerCookie.name: []}, {}]}


def in_path(name: str, says: str) -> Schema:
    return {"in": "path", "name": name, "required": True, "schema": STRING, "description": says}


def in_query(name: str, says: str) -> Schema:
    return {"in": "query", "name": name, "required": True, "schema": STRING, "description": says}


class ObjectSchema(AutoSchema):
    def _is_list_view(self, serializer: Any = None) -> bool:
        return False  # every answer is an object; one that holds a list is described as what it is


class LearnerCookie(OpenApiAuthenticationExtension):
    target_class = "learners.authentication.SessionAuthentication"
    name = "learner"

    def get_security_definition(self, auto_schema: Any) -> Schema:
        says = "Who is asking. The first answer sets it to somebody new; keep it and send it."
        return {"type": "apiKey", "in": "cookie", "name": "learner", "description": says}
