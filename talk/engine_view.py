"""Provide the base class of views that need an engine. They run on the event loop."""

import asyncio
from typing import TypeVar

from adrf.views import APIView
from django.conf import settings
from django.http import QueryDict
from rest_framework.exceptions import APIException, PermissionDenied, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.method_first import MethodFirst
from core.negotiation import AnyAccept
from core.parsers import UntypedJSONParser
from core.renderers import EscapedJSONRenderer
from core.serializers import BodySerializer
from learners import throttling
from learners.authentication import LearnerAuthentication
from learners.requests import ApiRequest
from learners.visitors import Visitor
from talk.call_limit import count_call, too_many_calls

SWITCHED_OFF = "The speaking calls are switched off on this server."

Body = TypeVar("Body", bound=BodySerializer)


class TooManyCalls(APIException):
    status_code = 429

    def __init__(self, exceeded: throttling.Exceeded) -> None:
        super().__init__(too_many_calls(exceeded))
        # REST framework writes it into the header Retry-After.
        self.wait = exceeded.wait_s


class CallsPerMinute(BaseThrottle):
    """Limit the calls of a learner and of an address. They cost money at a provider, or a lot of computing time here."""

    def allow_request(self, request: ApiRequest, view: object) -> bool:  # type: ignore[override]
        try:
            count_call(Visitor.of_request(request))
        except throttling.Exceeded as exceeded:
            raise TooManyCalls(exceeded) from None
        return True


class SpeakingCallsAreOn(BasePermission):
    """Refuse the call if the operator has switched the speaking calls off."""

    def has_permission(self, request: Request, view: object) -> bool:
        if not settings.SPEAKING_CALLS:
            raise PermissionDenied(SWITCHED_OFF)
        return True


class EngineView(MethodFirst, APIView):
    authentication_classes = [LearnerAuthentication]
    throttle_classes = [CallsPerMinute]
    parser_classes: list[type[BaseParser]] = [UntypedJSONParser]
    renderer_classes = [EscapedJSONRenderer]
    content_negotiation_class = AnyAccept
    http_method_names = ["post"]


class SpeakingView(EngineView):
    """Serve a call that saves nothing by itself. The operator can switch these calls off."""

    permission_classes = [AllowAny, SpeakingCallsAreOn]


async def checked(body: type[Body], request: ApiRequest) -> Body:
    """Return the body, read and checked in a thread: both block. Raises ValidationError."""

    def check() -> Body:
        try:
            data = request.data
        except UnsupportedMediaType:
            # Treat a body of another type as empty. The error then names the first missing field.
            data = {}
        sent = body(data=data.dict() if isinstance(data, QueryDict) else data)
        sent.is_valid(raise_exception=True)
        return sent

    return await asyncio.to_thread(check)
