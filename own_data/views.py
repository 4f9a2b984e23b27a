"""Serve the learner's own page: what is kept, API tokens and the erasure."""

import contextlib
import uuid

from django.db import Error
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations import representations
from core import cloud
from core.json_types import Json
from core.method_first import MethodFirst
from core.negotiation import AnyAccept
from core.openapi import answers
from learners import address, cookie, devices, tokens
from learners.authentication import LearnerAuthentication
from learners.requests import ApiRequest
from learners.throttling import DAY, Limit
from own_data import erasing, exporting, summary
from own_data import serializers as own
from own_data.permissions import NotByToken
from own_data.refusals import AtLimit, spend

# Of one address: each leaves a row for ever.
MOST_ERASURES = 100
TOO_MANY_ERASURES = "Too many erasures came from your address today. Nothing was erased. Try again tomorrow."
NO_TOKEN = "There is no such token."
ERASED = "Everything is being erased. That takes some seconds, or longer while a part of the storage is down."
# Seconds to ask the accounts.
PATIENCE = 1.5


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
        return Response(own.OwnDataSerializer(shape | representations.where()).data, headers=private())


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
        return Response(own.TokensSerializer({"tokens": found, "most": tokens.MOST}).data, headers=private())

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
        return Response(own.CreatedTokenSerializer(shape).data, status=status.HTTP_201_CREATED, headers=private())


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
            spend(TOO_MANY_ERASURES, Limit("erasures", address.of_request(request), MOST_ERASURES, DAY))
            # The accounts may be down. The erasure does not wait for them.
            with contextlib.suppress(Error), cloud.within(PATIENCE):
                becomes = devices.learner_after_sign_out(request.identity.device)
            erasing.request(request.learner)
        done = own.ErasedSerializer({"success": True, "message": ERASED})
        response = Response(done.data, status=status.HTTP_202_ACCEPTED, headers=private())
        cookie.attach(response, becomes)
        return response


def private() -> dict[str, str]:
    return {"Cache-Control": "no-store"}
