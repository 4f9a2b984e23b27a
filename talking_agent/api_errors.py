"""Turn every error of the API into `{"error": "..."}`: one sentence that names the field."""

import logging
from typing import Any

from django.contrib import admin
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.response import Response
from rest_framework.views import exception_handler

from audio import quota
from conversations import ids, representations, store
from conversations.error_messages import CONFLICT, DELETED, OUT_OF_REACH, UNWRITABLE, in_words
from core.admission import AtCapacity
from talk.protocol import ProtocolError
from tutor.domain import CannotDo, EngineError, EnoughForToday
from usage import ledger
from usage.speech import SpokenEnough

# Seconds after which a failed store or engine may be tried again.
TRY_AGAIN_S = 5

logger = logging.getLogger(__name__)


def error_answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an error that a view raised, as REST framework's exception handler. Return None for an unexpected one."""
    match error:
        case store.OutOfReach():
            shape = {"error": OUT_OF_REACH, **representations.where()}
            return Response(shape, status=503, headers={"Retry-After": str(TRY_AGAIN_S)})
        case store.ConversationDeleted():
            return Response({"error": DELETED}, status=410)
        case AtCapacity():
            return _refusal(error, error.status, error.retry_after)
        case EnoughForToday():
            return _refusal(error, 503, ledger.seconds_until_tomorrow())
        case SpokenEnough():
            return _refusal(error, 429, error.wait_s)
        case ids.BadId() | ProtocolError():
            return _refusal(error, 400)
        case CannotDo():
            return _refusal(error, 501)
        case store.WriteConflict():
            return Response({"error": CONFLICT}, status=503, headers={"Retry-After": "1"})
        case EngineError():
            return _refusal(error, 503, TRY_AGAIN_S)
        case quota.QuotaExceeded():
            return _refusal(error, 507)
        # For example a full disk or a locked database.
        case OSError() | OperationalError():
            logger.error("The storage failed.", exc_info=error)
            return Response({"error": UNWRITABLE}, status=503, headers={"Retry-After": str(TRY_AGAIN_S)})
    response = exception_handler(error, context)
    if response is not None:
        detail = error.detail if isinstance(error, APIException) else response.data.get("detail", "Not found.")
        if isinstance(error, MethodNotAllowed):
            detail = f"Here only {', '.join(context['view'].allowed_methods)} is allowed."
        response.data = {"error": in_words(detail)}
    return response


def _refusal(error: Exception, status: int, retry_after: int | None = None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response({"error": str(error)}, status=status, headers=headers)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/v1/"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return JsonResponse({"error": "There is nothing at this address."}, status=404)
    if request.path.startswith("/admin/") and admin.site.has_permission(request):
        return render(request, "admin/404.html", admin.site.each_context(request), status=404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        return JsonResponse({"error": "Something went wrong on the server. It has been logged."}, status=500)
    return defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return JsonResponse({"error": "This request cannot be understood."}, status=400)
    return defaults.bad_request(request, exception)
