"""Serve exports that are made in the background: everything of the learner, or the mistakes as an Anki deck."""

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from conversations import store
from conversations.views import UNKNOWN
from core import site_limits
from core.json_types import Json
from core.openapi import answers, refusals
from learners.requests import ApiRequest
from learners.throttling import DAY, Limit
from learners.visitors import Visitor
from own_data import attachments, exporting
from own_data import serializers as own
from own_data.models import Export
from own_data.refusals import NotNow, spend
from own_data.views import OwnView, private

# Exports of one learner in a day: each reads everything.
MOST = {Export.Kind.EVERYTHING: 10, Export.Kind.ANKI: 30}
TOO_MANY = "A learner may make {most} exports in a day. Try again tomorrow."
NO_EXPORT = "There is no export. It may be older than a day. Make another one."
MEDIA_TYPES = {Export.Kind.EVERYTHING: "application/zip", Export.Kind.ANKI: "application/octet-stream"}


class ExportView(OwnView):
    @extend_schema(
        operation_id="getExport",
        summary="The progress of the export",
        responses=answers(own.OneExportSerializer, 503),
        tags=["own data"],
    )
    def get(self, request: ApiRequest) -> Response:
        return _state(exporting.of_learner(request.learner))

    @extend_schema(
        operation_id="makeExport",
        summary="Export everything into one ZIP file",
        description="It is made in the background, and replaces an earlier one. While a part of the cloud is down, it fails "
        "and says what would be missing.",
        request=None,
        responses=answers(own.OneExportSerializer, 403, 429, 503, code=202),
        tags=["own data"],
    )
    def post(self, request: ApiRequest) -> Response:
        return _ordered(request, Export.Kind.EVERYTHING)


class ExportFileView(OwnView):
    @extend_schema(
        operation_id="getExportFile",
        summary="The exported file",
        responses={(200, "application/zip"): OpenApiTypes.BINARY, **refusals(404, 503)},
        tags=["own data"],
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        return _file(request, Export.Kind.EVERYTHING)


class AnkiView(OwnView):
    @extend_schema(
        operation_id="getAnkiDeck",
        summary="The progress of the Anki deck",
        responses=answers(own.OneExportSerializer, 503),
        tags=["own data"],
    )
    def get(self, request: ApiRequest) -> Response:
        return _state(exporting.of_learner(request.learner, Export.Kind.ANKI))

    @extend_schema(
        operation_id="makeAnkiDeck",
        summary="Make an Anki deck of the learner's mistakes",
        description="Of all conversations, or of one. It is made in the background, and replaces an earlier one. Importing a "
        "later deck updates the notes of an earlier one, and keeps their schedule.",
        request=own.AnkiOrderSerializer,
        responses=answers(own.OneExportSerializer, 400, 403, 404, 411, 413, 415, 429, 503, code=202),
        tags=["own data"],
    )
    def post(self, request: ApiRequest) -> Response:
        sent = own.AnkiOrderSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        conversation = sent.validated_data["conversation"]
        if conversation and store.get(request.learner, conversation) is None:
            raise NotFound(UNKNOWN)
        return _ordered(request, Export.Kind.ANKI, conversation)


class AnkiFileView(OwnView):
    @extend_schema(
        operation_id="getAnkiFile",
        summary="The Anki deck, an .apkg file",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **refusals(404, 503)},
        tags=["own data"],
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        return _file(request, Export.Kind.ANKI)


def _ordered(request: ApiRequest, kind: Export.Kind, conversation: str = "") -> Response:
    most, visitor = MOST[kind], Visitor.of_request(request)
    of_address = most * site_limits.value("LEARNERS_PER_ADDRESS")
    spent = spend(
        TOO_MANY.format(most=most),
        Limit(f"exports-{kind}", visitor.own, most, DAY),
        Limit(f"exports-{kind}", visitor.shared, of_address, DAY),
    )
    try:
        export, is_new = exporting.request(request.learner, kind, conversation)
    except exporting.TooManyExports as error:
        spent.give_back()
        raise NotNow(str(error)) from error
    if not is_new:
        spent.give_back()
    return _state(export, status.HTTP_202_ACCEPTED)


def _state(export: Export | None, code: int = status.HTTP_200_OK) -> Response:
    shape: Json = {"export": own.export_shape(export)}
    return Response(own.OneExportSerializer(shape).data, status=code, headers=private())


def _file(request: ApiRequest, kind: Export.Kind) -> HttpResponseBase:
    export = exporting.of_learner(request.learner, kind)
    if export is None or export.state != Export.State.DONE:
        raise NotFound(NO_EXPORT)
    path = exporting.path_of(export)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFound(NO_EXPORT) from None
    name = f"talking-agent-{export.requested_at:%Y-%m-%d}{path.suffix}"
    return attachments.of_file(file, export.size, name, MEDIA_TYPES[kind])
