"""Every error of the API is `{"error": "..."}`: one sentence that names the field."""

import logging
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views import defaults
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from conversations import wire
from conversations.store import OutOfReach
from talking_agent.middleware import middleware

UNWRITABLE = "The storage cannot be reached or written. It was not saved; try again in a moment."

OUT_OF_REACH = "The database with this conversation cannot be reached. Nothing is lost; try again in a moment."

logger = logging.getLogger(__name__)


def error_answer(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, OutOfReach):
        return Response({"error": OUT_OF_REACH, **wire.where()}, status=503)
    if isinstance(error, OSError | OperationalError):  # a full disk, a locked database
        logger.error("The storage failed.", exc_info=error)
        return Response({"error": UNWRITABLE}, status=503)
    response = exception_handler(error, context)
    if response is not None:
        detail = error.detail if isinstance(error, APIException) else response.data.get("detail", "Not found.")
        response.data = {"error": in_words(detail)}
    return response


def in_words(detail: Any, path: str = "") -> str:
    """The first thing that is wrong, with the way to it: `messages[3].role: Write user or assistant.`"""
    if isinstance(detail, dict) and detail:
        key, value = next((item for item in detail.items() if item[1]), next(iter(detail.items())))
        if isinstance(key, int):
            return in_words(value, f"{path}[{key}]")
        return in_words(value, path if key == "non_field_errors" else f"{path}.{key}" if path else str(key))
    if isinstance(detail, list) and detail:
        return in_words(detail[0], path)
    return f"{path}: {detail}" if path else str(detail)


def _say_what_is_allowed(request: HttpRequest, response: HttpResponseBase) -> None:
    # Django's own answer to a wrong method is empty.
    if response.status_code == 405 and _is_api(request) and isinstance(response, HttpResponse) and not response.content:
        response.content = JsonResponse({"error": f"Here only {response['Allow']} is allowed."}).content
        response.headers["Content-Type"] = "application/json"


method_errors = middleware(after=_say_what_is_allowed)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/v1/"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return JsonResponse({"error": "There is nothing at this address."}, status=404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        return JsonResponse({"error": "Something went wrong on the server. It has been logged."}, status=500)
    return defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return JsonResponse({"error": "This request cannot be understood."}, status=400)
    return defaults.bad_request(request, exception)
