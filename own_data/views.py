"""Serve the learner's own page: what is kept, API tokens, the export and the erasure."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import BinaryIO

from django.db import Error
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations import representations
from core import cloud, site_limits
from core.json_types import Json
from core.method_first import MethodFirst
from core.negotiation import AnyAccept
from core.openapi import answers, refusals
from learners import address, cookie, devices, throttling, tokens
from learners.authentication import LearnerAuthentication
from learners.requests import ApiRequest
from learners.throttling import DAY, Limit
from learners.visitors import Visitor
from own_data import erasing, exporting, summary
from own_data import serializers as own
from own_data.models import Export
from own_data.permissions import NotByToken

# Exports of one learner in a day: each reads everything.
MOST_EXPORTS = 10
TOO_MANY_EXPORTS = f"A learner may make {MOST_EXPORTS} exports in a day. Try again tomorrow."
# Of one address: each leaves a row for ever.
MOST_ERASURES = 100
TOO_MANY_ERASURES = "Too many erasures came from your address today. Nothing was erased. Try again tomorrow."
NO_EXPORT = "There is no export. It may be older than a day. Make another one."
NO_TOKEN = "There is no such token."
ERASED = "Everything is being erased. That takes some seconds, or longer while a part of the storage is down."
CHUNK = 256 * 1024  # bytes
# Seconds to ask the accounts.
PATIENCE = 1.5


class AtLimit(APIException):
    status_code = status.HTTP_409_CONFLICT


class ExportsBusy(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


class EnoughToday(APIException):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message)
        # REST framework writes it into the header Retry-After.
        self.wait = wait_s


class OwnView(MethodFirst, APIView):
    authentication_classes = [LearnerAuthentication]
    content_negotiation_class = AnyAccept


class OwnDataView(OwnView):
    @extend_schema(
        operation_id="ownData",
        summary="What is kept of the learner",
        responses=answers(own.OwnDataSerializer, 503),
        tags=["own data"],
    )
    def get(self, request: ApiRequest) -> Response:
        shape: Json = {"learner": request.learner, "kept": summary.kept(request.learner)}
        shape["export"] = own.export_shape(exporting.of_learner(request.learner))
        return Response(own.OwnDataSerializer(shape | representations.where()).data, headers=_private())


class TokensView(OwnView):
    def get_permissions(self) -> list[NotByToken]:
        return [] if self.request.method in SAFE_METHODS else [NotByToken()]

    @extend_schema(
        operation_id="listTokens",
        summary="The learner's API tokens, without their secrets",
        responses=answers(own.TokensSerializer, 503),
        tags=["own data"],
    )
    def get(self, request: ApiRequest) -> Response:
        found = [own.token_shape(each) for each in tokens.of_learner(request.learner)]
        return Response(own.TokensSerializer({"tokens": found, "most": tokens.MOST}).data, headers=_private())

    @extend_schema(
        operation_id="createToken",
        summary="Create an API token",
        description="The answer has its secret, and no later answer has. A token itself cannot create others.",
        request=own.NewTokenSerializer,
        responses=answers(own.CreatedTokenSerializer, 400, 403, 409, 411, 413, 415, 503, code=201),
        tags=["own data"],
    )
    def post(self, request: ApiRequest) -> Response:
        sent = own.NewTokenSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            token, secret = tokens.create(request.learner, sent.validated_data["name"], sent.expires_at())
        except tokens.TooManyTokens as error:
            raise AtLimit(str(error)) from error
        shape = {"token": own.token_shape(token), "secret": secret}
        return Response(own.CreatedTokenSerializer(shape).data, status=status.HTTP_201_CREATED, headers=_private())


class TokenView(OwnView):
    permission_classes = [NotByToken]

    @extend_schema(
        operation_id="revokeToken",
        summary="Revoke an API token",
        responses=answers(own.ErasedSerializer, 403, 404, 503),
        tags=["own data"],
    )
    def delete(self, request: ApiRequest, id: str) -> Response:
        try:
            was_there = tokens.revoke(request.learner, uuid.UUID(id))
        except ValueError:
            was_there = False
        if not was_there:
            raise NotFound(NO_TOKEN)
        return Response(own.ErasedSerializer({"success": True, "message": "The token was revoked."}).data)


class ExportView(OwnView):
    @extend_schema(
        operation_id="getExport",
        summary="The progress of the export",
        responses=answers(own.OneExportSerializer, 503),
        tags=["own data"],
    )
    def get(self, request: ApiRequest) -> Response:
        shape = {"export": own.export_shape(exporting.of_learner(request.learner))}
        return Response(own.OneExportSerializer(shape).data, headers=_private())

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
        visitor = Visitor.of_request(request)
        of_address = MOST_EXPORTS * site_limits.value("LEARNERS_PER_ADDRESS")
        spent = _spend(
            TOO_MANY_EXPORTS,
            Limit("exports", visitor.own, MOST_EXPORTS, DAY),
            Limit("exports", visitor.shared, of_address, DAY),
        )
        try:
            export, is_new = exporting.request(request.learner)
        except exporting.TooManyExports as error:
            spent.give_back()
            raise ExportsBusy(str(error)) from error
        if not is_new:
            spent.give_back()
        shape = {"export": own.export_shape(export)}
        return Response(own.OneExportSerializer(shape).data, status=status.HTTP_202_ACCEPTED, headers=_private())


class ExportFileView(OwnView):
    @extend_schema(
        operation_id="getExportFile",
        summary="The exported file",
        responses={(200, "application/zip"): OpenApiTypes.BINARY, **refusals(404, 503)},
        tags=["own data"],
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        export = exporting.of_learner(request.learner)
        if export is None or export.state != Export.State.DONE:
            raise NotFound(NO_EXPORT)
        try:
            file = exporting.path_of(export).open("rb")
        except FileNotFoundError:
            raise NotFound(NO_EXPORT) from None
        name = f"talking-agent-{export.requested_at:%Y-%m-%d}.zip"
        headers = {**_private(), "Content-Length": str(export.size)}
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return StreamingHttpResponse(_chunks(file), content_type="application/zip", headers=headers)


class ErasureView(OwnView):
    permission_classes = [NotByToken]

    @extend_schema(
        operation_id="eraseEverything",
        summary="Erase everything of the learner, for good",
        description="The account, talks, recordings, tokens and exports, in every store. The answer gives the browser another "
        "learner: the one from before it signed in, if that one's talks still wait for a decision, else a new one.",
        request=own.ConfirmedSerializer,
        responses=answers(own.ErasedSerializer, 400, 403, 411, 413, 415, 429, 503, code=202),
        tags=["own data"],
    )
    def post(self, request: ApiRequest) -> Response:
        sent = own.ConfirmedSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        becomes = uuid.uuid4()
        # Nothing is stored of a learner without a cookie.
        if not request.learner_is_new:
            _spend(TOO_MANY_ERASURES, Limit("erasures", address.of_request(request), MOST_ERASURES, DAY))
            # The accounts may be down. The erasure does not wait for them.
            with contextlib.suppress(Error), cloud.within(PATIENCE):
                becomes = devices.learner_after_sign_out(request.identity.device)
            erasing.request(request.learner)
        done = own.ErasedSerializer({"success": True, "message": ERASED})
        response = Response(done.data, status=status.HTTP_202_ACCEPTED, headers=_private())
        cookie.attach(response, becomes)
        return response


def _spend(message: str, *limits: Limit) -> throttling.Spent:
    try:
        return throttling.spend(*limits)
    except throttling.Exceeded as exceeded:
        raise EnoughToday(message, exceeded.wait_s) from None


def _private() -> dict[str, str]:
    return {"Cache-Control": "no-store"}


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while data := await asyncio.to_thread(file.read, CHUNK):
            yield data
