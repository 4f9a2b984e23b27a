"""Add to the API's description what drf-spectacular cannot find out by itself."""

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer
from rest_framework.parsers import JSONParser
from rest_framework.serializers import BaseSerializer

from core.serializers import ErrorSerializer

Answer = type[BaseSerializer[Any]] | PolymorphicProxySerializer

REFUSALS = {
    400: "The request is wrong; `error` names the field.",
    401: "The API token is wrong, or the browser is not signed in.",
    403: "The call is not allowed, for example because another site sent it or the link has expired.",
    404: "It does not exist, or is not yours.",
    409: "The same thing is already under way; `error` names it.",
    410: "The conversation was deleted.",
    411: "Send the body with its `Content-Length`.",
    413: "The body is too large.",
    415: "Send JSON.",
    422: "Nothing was heard in the sound, or there are no words to work on.",
    429: "Too many requests, or too many bytes; `Retry-After` says when to try again.",
    501: "No configured engine can do it; `error` says what to configure.",
    503: "The storage or the engine cannot be used. Nothing was changed; try again in a moment.",
    507: "The caller's or the server's storage is full; `error` says what to do. Nothing was changed.",
}


def refusals(*codes: int) -> dict[int, OpenApiResponse]:
    """Return the responses for `extend_schema` of these errors, and of a wrong API token, which every call refuses."""
    return {code: OpenApiResponse(ErrorSerializer, REFUSALS[code]) for code in sorted({401, *codes})}


def answers(answer: Answer, *codes: int, code: int = 200, also: int | None = None) -> dict[int, OpenApiResponse]:
    """Return the responses for `extend_schema`: this answer with the status `code`, and `also` if given, and these errors."""
    return {each: OpenApiResponse(answer) for each in (code, also) if each} | refusals(*codes)


class ObjectSchema(AutoSchema):
    def _is_list_view(self, serializer: object = None) -> bool:
        # Every answer is an object. One that holds a list has its own serializer.
        return False

    def map_parsers(self) -> list[str]:
        # A view that ignores the declared type still expects JSON.
        return [JSONParser.media_type if each == "*/*" else each for each in super().map_parsers()]


class LearnerIdentity(OpenApiAuthenticationExtension):
    target_class = "learners.authentication.LearnerAuthentication"
    name = ["learner", "token"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[str]]]:
        return [{each: []} for each in self.name]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        text = "Identifies the learner. The first answer sets it. Keep it, and send it with every request."
        cookie = {"type": "apiKey", "in": "cookie", "name": "learner", "description": text}
        text = "An API token from the page /me identifies its learner. A wrong one is answered by 401."
        return [cookie, {"type": "http", "scheme": "bearer", "description": text}]


class StaffSession(SessionScheme):
    target_class = "learners.authentication.SessionAuthentication"
