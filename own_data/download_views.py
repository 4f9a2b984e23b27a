"""Serve one talk as a file: Markdown, subtitles, or a ZIP file with everything."""

import asyncio
import os
from collections.abc import Hashable

from adrf.views import APIView
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound

from audio import quota
from conversations import store
from conversations.api_description import ID
from conversations.lookup import StoredConversation
from conversations.views import UNKNOWN
from core import cloud
from core.admission import Slots
from core.method_first import MethodFirst
from core.negotiation import AnyAccept
from core.openapi import refusals
from core.serializers import NamedChoiceField
from core.threads import in_thread
from learners.authentication import LearnerAuthentication
from learners.requests import ApiRequest
from learners.throttling import HOUR, Limit
from learners.visitors import Visitor, visitor_of_request
from own_data import attachments, subtitles, talk_files, talk_markdown
from own_data.refusals import NotNow, spend

# ZIP files that are being made. Each holds one recording in memory.
ZIPS = Slots("zips", total=8, each=1, waiting=32, waiting_each=2)
# Files in an hour.
MOST_OF_LEARNER, MOST_OF_ADDRESS = 300, 3000
TOO_MANY = "These are too many files in an hour. Wait a little, then go on."
BUCKET_DOWN = "The recordings cannot be reached now, so they would be missing. Try again in a moment."
DISK_FULL = "The server's disk is too full for this file. Try again later."
MEDIA_TYPES = {"markdown": "text/markdown", "srt": "application/x-subrip", "zip": "application/zip"}
EXTENSIONS = {"markdown": "md", "srt": "srt", "zip": "zip"}


class AskedFileSerializer(serializers.Serializer[object]):
    type = NamedChoiceField(list(MEDIA_TYPES), required=False, default="markdown")


class TalkFileView(MethodFirst, APIView):
    authentication_classes = [LearnerAuthentication]
    content_negotiation_class = AnyAccept
    http_method_names = ["get"]

    @extend_schema(
        operation_id="getTalkFile",
        summary="One conversation as a file",
        description="`markdown` is to be read, `srt` has subtitles for the recordings one after the other, and `zip` has both, "
        "`conversation.json` and the recordings.",
        parameters=[ID, AskedFileSerializer],
        responses={(200, *MEDIA_TYPES.values()): OpenApiTypes.BINARY, **refusals(400, 404, 429, 503)},
        tags=["conversations"],
    )
    async def get(self, request: ApiRequest, id: str) -> HttpResponseBase:
        asked = AskedFileSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        visitor = Visitor.of_request(request)
        of_address = Limit("files", visitor.shared, MOST_OF_ADDRESS, HOUR)
        spend(TOO_MANY, Limit("files", visitor.own, MOST_OF_LEARNER, HOUR), of_address)
        stored = await in_thread(store.get, request.learner, id)
        if stored is None:
            raise NotFound(UNKNOWN)
        kind = asked.validated_data["type"]
        file_name, media_type = f"{talk_files.name(stored)}.{EXTENSIONS[kind]}", MEDIA_TYPES[kind]
        if kind == "zip":
            return await _zipped(stored, visitor_of_request(request), file_name)
        # A long talk takes a second, which the talks on the event loop do not have.
        text = await asyncio.to_thread(talk_markdown.of if kind == "markdown" else subtitles.of, stored)
        return HttpResponse(text, content_type=f"{media_type}; charset=utf-8", headers=attachments.headers(file_name))


async def _zipped(stored: StoredConversation, who: Hashable, file_name: str) -> StreamingHttpResponse:
    if await asyncio.to_thread(quota.is_disk_short, sum(each.size for each in stored.recordings.values())):
        raise NotNow(DISK_FULL)
    async with ZIPS.taken(who):
        try:
            file = await asyncio.to_thread(talk_files.zipped, stored)
        except cloud.Unavailable:
            raise NotNow(BUCKET_DOWN) from None
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return attachments.of_file(file, size, file_name, MEDIA_TYPES["zip"])
