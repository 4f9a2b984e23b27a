import re

from django.conf import settings
from django.core import signing
from django.core.files.storage import storages
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from audio import recordings
from audio.storages import signer
from core.method_first import MethodFirst
from core.negotiation import AnyAccept
from core.openapi import refusals

OUT_OF_REACH = "The database that knows this recording cannot be reached. Nothing is lost; try again in a moment."
GONE = "This recording does not exist, or is not yours."
EXPIRED = "This link has expired. Ask for a new one."
NOT_OURS = "This link was not made here."
SOUNDS = ("audio/webm", "audio/mpeg")


class HasSignedLink(BasePermission):
    """Allow a request by a link that `LocalAudioStorage.url` has signed and that has not expired."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        signed = f"{view.kwargs['key']}:{request.query_params.get('signature', '')}"
        try:
            signer.unsign(signed, max_age=settings.AUDIO_URL_EXPIRY)
        except signing.SignatureExpired:
            raise PermissionDenied(EXPIRED) from None
        except signing.BadSignature:
            raise PermissionDenied(NOT_OURS) from None
        return True


class AudioFileView(MethodFirst, APIView):
    # No database is needed: the signed link was given out for this recording.
    authentication_classes = []
    permission_classes = [HasSignedLink]
    content_negotiation_class = AnyAccept
    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="getRecording",
        summary="The recording behind a link",
        parameters=[
            OpenApiParameter("key", str, OpenApiParameter.PATH, description="The recording's key."),
            OpenApiParameter("signature", str, required=True, description="As in the link."),
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="One range of bytes is honoured."),
        ],
        responses={
            (200, *SOUNDS): OpenApiTypes.BINARY,
            (206, *SOUNDS): OpenApiResponse(OpenApiTypes.BINARY, "The range that was asked for."),
            416: OpenApiResponse(description="The range is outside the recording."),
            **refusals(403, 404),
        },
        tags=["recordings"],
    )
    def get(self, request: Request, key: str) -> HttpResponse:
        """Serve the recording behind a signed link. Honours one byte range."""
        try:
            with storages["audio_local"].open(key) as file:
                data = file.read()
        except FileNotFoundError:
            raise NotFound(GONE) from None
        return ranged(request.headers.get("Range", ""), data, recordings.content_type_of(key))


def ranged(wanted: str, data: bytes, content_type: str) -> HttpResponse:
    """Return a response with the bytes, or with the range of them in the header `Range`."""
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store"}
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted)
    first, last = match.groups() if match else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        return HttpResponse(data, content_type=content_type, headers=headers)
    start = int(first) if first else max(0, len(data) - int(last))
    stop = min(len(data), int(last) + 1) if first and last else len(data)
    if start >= stop:
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return HttpResponse(data[start:stop], status=206, content_type=content_type, headers=headers)
