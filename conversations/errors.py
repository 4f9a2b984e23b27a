"""Every error of the API is `{"error": "..."}`: one sentence that names the field."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler


def error_answer(error: Exception, context: dict[str, Any]) -> Response | None:
    response = exception_handler(error, context)
    if response is not None:
        detail = error.detail if isinstance(error, APIException) else response.data.get("detail", "Not found.")
        response.data = {"error": in_words(detail)}
    return response


def in_words(detail: Any, path: str = "") -> str:
    """The first thing that is wrong, with the way to it: `messages[3].role: "robot" is not a valid choice.`"""
    if isinstance(detail, dict) and detail:
        key, value = next((item for item in detail.items() if item[1]), next(iter(detail.items())))
        if isinstance(key, int):
            return in_words(value, f"{path}[{key}]")
        return in_words(value, path if key == "non_field_errors" else f"{path}.{key}" if path else str(key))
    if isinstance(detail, list) and detail:
        for index, value in enumerate(detail):
            if isinstance(value, dict):
                if value:
                    return in_words(value, f"{path}[{index}]")
            else:
                return in_words(value, path)
    return f"{path}: {detail}" if path else str(detail)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(("/api/", "/v1/")):
        return JsonResponse({"error": "There is nothing at this address."}, status=404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(("/api/", "/v1/")):
        return JsonResponse({"error": "Something went wrong on the server. It has been logged."}, status=500)
    return defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(("/api/", "/v1/")):
        return JsonResponse({"error": "This request cannot be understood."}, status=400)
    return defaults.bad_request(request, exception)
