"""Serve links to shared conversations: their creation, the learner's list, and the page that everybody with a link may read."""

import uuid
from typing import Literal

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.response import Response

from audio import recordings
from conversations import store
from conversations.api_description import ID
from conversations.lookup import StoredConversation
from conversations.representations import milliseconds
from conversations.stored_serializers import MomentField
from conversations.views import UNKNOWN
from core.absolute_links import absolute
from core.json_types import Json
from core.openapi import answers
from core.serializers import BodySerializer, BuiltSerializer
from learners import address, throttling
from learners.requests import ApiRequest
from learners.throttling import DAY, MINUTE, Limit
from learning.card_words import undisputed
from own_data import share_links
from own_data.models import ShareLink
from own_data.permissions import NotByToken
from own_data.refusals import AtLimit, spend
from own_data.serializers import ErasedSerializer
from own_data.share_links import TitledLink
from own_data.views import OwnView, private

# Links that a learner may create in a day, and pages that an address may open in a minute.
MOST_IN_A_DAY, MOST_PAGES = 50, 120
TOO_MANY_TODAY = f"Only {MOST_IN_A_DAY} links can be created in a day."
SWITCHED_OFF = "Sharing is switched off on this site."
NO_LINK = "There is no such link."
REVOKED = "The link was revoked. Nobody can open it any more."
# The page names no learner, is kept by no cache and no search engine, and does not tell other sites its address.
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Referrer-Policy": "no-referrer",
}


class NewLinkSerializer(BodySerializer):
    days = serializers.ChoiceField(choices=share_links.DAYS, help_text="How long the link works.")
    wordsOnly = serializers.BooleanField(default=False, help_text="Share no recordings.")


class LinkedConversationSerializer(BuiltSerializer[Json]):
    id = serializers.UUIDField()
    conversation = serializers.CharField(help_text="Its id.")
    title = serializers.CharField(help_text="Of the conversation. Empty while that cannot be read.")
    wordsOnly = serializers.BooleanField()
    createdAt = MomentField()
    expiresAt = MomentField()


class AskedLinksSerializer(serializers.Serializer[object]):
    conversation = serializers.CharField(required=False, max_length=200, help_text="Only links to this conversation.")


class LinksSerializer(BuiltSerializer[Json]):
    links = LinkedConversationSerializer(many=True)
    most = serializers.IntegerField(help_text="How many there may be.")
    days = serializers.ListField(child=serializers.IntegerField(), help_text="What can be chosen.")
    canShare = serializers.BooleanField(help_text="false: the operator has switched sharing off.")


class CreatedLinkSerializer(BuiltSerializer[Json]):
    link = LinkedConversationSerializer()
    url = serializers.CharField(help_text="The address to share. It is stored nowhere, and no other answer has it.")


class ShareView(OwnView):
    permission_classes = [NotByToken]

    @extend_schema(
        operation_id="shareConversation",
        summary="Create a link by which everybody can read a conversation",
        description="Its words, corrections and, unless `wordsOnly`, its recordings, also of messages that follow.",
        parameters=[ID],
        request=NewLinkSerializer,
        responses=answers(CreatedLinkSerializer, 400, 403, 404, 409, 411, 413, 415, 429, 503, code=201),
        tags=["sharing"],
    )
    def post(self, request: ApiRequest, id: str) -> Response:
        if not settings.SHARE_LINKS:
            raise PermissionDenied(SWITCHED_OFF)
        sent = NewLinkSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        spent = spend(TOO_MANY_TODAY, Limit("links", str(request.learner), MOST_IN_A_DAY, DAY))
        asked = sent.validated_data
        try:
            created = share_links.create(request.learner, id, days=asked["days"], words_only=asked["wordsOnly"])
        except share_links.TooManyLinks as error:
            spent.give_back()
            raise AtLimit(str(error)) from error
        if created is None:
            spent.give_back()
            raise NotFound(UNKNOWN)
        link, token = created
        shape = {"link": _shape(TitledLink(link, "")), "url": absolute(reverse("shared", args=[token]))}
        return Response(CreatedLinkSerializer(shape).data, status=status.HTTP_201_CREATED, headers=private())


class LinksView(OwnView):
    @extend_schema(
        operation_id="listLinks",
        summary="The learner's links to shared conversations, without their addresses",
        parameters=[AskedLinksSerializer],
        responses=answers(LinksSerializer, 400, 503),
        tags=["sharing"],
    )
    def get(self, request: ApiRequest) -> Response:
        asked = AskedLinksSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = share_links.of_learner(request.learner, asked.validated_data.get("conversation", ""))
        shape: Json = {"links": [_shape(each) for each in found], "most": share_links.MOST, "days": share_links.DAYS}
        return Response(LinksSerializer(shape | {"canShare": settings.SHARE_LINKS}).data, headers=private())


class RevokedLinkView(OwnView):
    permission_classes = [NotByToken]

    @extend_schema(
        operation_id="revokeLink",
        summary="Revoke a link",
        responses=answers(ErasedSerializer, 403, 404, 503),
        tags=["sharing"],
    )
    def delete(self, request: ApiRequest, id: str) -> Response:
        try:
            was_there = share_links.revoke(request.learner, uuid.UUID(id))
        except ValueError:
            was_there = False
        if not was_there:
            raise NotFound(NO_LINK)
        return Response(ErasedSerializer({"success": True, "message": REVOKED}).data)


@csrf_exempt
@require_safe
def shared_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show a shared conversation to everybody who has the link. No cookie is set, and no API is called."""
    try:
        throttling.spend(Limit("shared", address.of_request(request), MOST_PAGES, MINUTE))
    except throttling.Exceeded as exceeded:
        return _no_page(request, "too often", 429, exceeded.wait_s)
    try:
        found = share_links.shared(token)
    except (store.OutOfReach, OperationalError, InterfaceError):
        return _no_page(request, "out of reach", 503, 5)
    if found is None:
        return _no_page(request, "dead", 404)
    return _page(request, "shared.html", _context(*found))


def _context(link: ShareLink, stored: StoredConversation) -> Json:
    voices = {} if link.words_only else stored.recordings
    turns = [
        {
            "message": row,
            "corrections": undisputed(row),
            "audio": recordings.url(voices[row.audio_key]) if row.audio_key in voices else "",
        }
        for row in stored.messages
        if row.content or row.audio_key in voices
    ]
    return {"conversation": stored.conversation, "turns": turns, "link": link}


def _no_page(
    request: HttpRequest, why: Literal["dead", "out of reach", "too often"], code: int, retry_after: int | None = None
) -> HttpResponse:
    response = _page(request, "shared_gone.html", {"why": why}, code)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _page(request: HttpRequest, template: str, context: Json, code: int = 200) -> HttpResponse:
    response = render(request, template, context, status=code)
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _shape(titled: TitledLink) -> Json:
    link = titled.link
    return {
        "id": str(link.pk),
        "conversation": link.wire_id,
        "title": titled.title,
        "wordsOnly": link.words_only,
        "createdAt": milliseconds(link.created_at),
        "expiresAt": milliseconds(link.expires_at),
    }
