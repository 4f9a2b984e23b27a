"""Give links to recordings to their learner, and to staff who may view recordings. Deleted recordings get no link."""

import uuid

from django.core.files.storage import storages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audio import recordings
from audio.models import Recording
from audio.views import GONE, OUT_OF_REACH, ranged
from conversations import store
from core import cloud
from core.negotiation import AnyAccept
from core.openapi import answers
from learners.authentication import SessionAuthentication
from learners.requests import ApiRequest
from staff import audit
from staff.permissions import HEAR, may

UNRECORDED = "Staff get no link that is not written down, and now it cannot be. Try again in a moment."
NO_KEY = "Name the recording: /api/audio?key=KEY."


class LinkUnrecorded(APIException):
    status_code = 503
    default_detail = UNRECORDED


class AskedLinkSerializer(serializers.Serializer[object]):
    key = serializers.CharField(
        help_text="The `audioS3Key` of one of the caller's messages. Staff who may view recordings can name any."
    )


class LinkSerializer(serializers.Serializer[object]):
    url = serializers.CharField(help_text="It works for an hour (`AUDIO_URL_EXPIRY`), for anybody who has it.")


class LinkView(APIView):
    content_negotiation_class = AnyAccept
    http_method_names = ["get"]

    authentication_classes = [SessionAuthentication]

    def perform_authentication(self, request: Request) -> None:
        # Look for an account only when it is needed. A learner's own recordings need none.
        pass

    @extend_schema(
        operation_id="getRecordingUrl",
        summary="A fresh link to a recording",
        parameters=[AskedLinkSerializer],
        responses=answers(LinkSerializer, 400, 404, 503),
        tags=["recordings"],
    )
    def get(self, request: ApiRequest) -> Response:
        """Serve `GET /api/audio?key=`: a fresh link to one of the caller's own recordings.

        Staff who may view recordings get a link to any recording, and the access record gets a row.
        """
        key = request.query_params.get("key", "")
        if not key:
            return Response({"error": NO_KEY}, status=400)
        own = recordings.of([key], learner=request.learner).get(key)
        found = own or (recordings.of([key]).get(key) if may(request, HEAR) else None)
        if not found and "database" in cloud.down():
            return Response({"error": OUT_OF_REACH, "degraded": True, "down": cloud.down()}, status=503)
        if not found or store.is_gone(found) or not (link := recordings.link(found)):
            raise NotFound(GONE)
        if not own:
            try:
                audit.record(request.user, audit.Action.LINK, [_accessed(found)])
            except audit.Unrecorded:
                raise LinkUnrecorded from None
        return Response(LinkSerializer({"url": link}).data, headers={"Cache-Control": "no-store"})


def listen(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Play a recording in the admin, for staff who may view recordings, and record it first.

    Pages name this address instead of a signed link, so the record has what was played, not what was listed.
    """
    found = recordings.with_id(key)
    if found is None or store.is_gone(found):
        raise Http404(GONE)
    audit.record(request.user, audit.Action.HEARD, [_accessed(found)], once=True)
    if found.place == Recording.Place.CLOUD:
        return HttpResponseRedirect(recordings.url(found), headers={"Cache-Control": "no-store"})
    try:
        with storages["audio_local"].open(found.key) as file:
            data = file.read()
    except FileNotFoundError:
        raise Http404(GONE) from None
    return ranged(request.headers.get("Range", ""), data, found.content_type)


def _accessed(found: Recording) -> audit.Accessed:
    return audit.Accessed("recording", found.pk, found.key, found.learner)
