import uuid
from typing import Any

from django.http import HttpRequest
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from audio import recordings
from conversations import store, wire
from conversations.serializers import ConversationSerializer, LimitSerializer, TitleSerializer

UNKNOWN = "This conversation does not exist, or is not yours."


def learner_of(request: Request | HttpRequest) -> uuid.UUID:
    return request.learner  # type: ignore[union-attr]  # set by learners.middleware


class ConversationViewSet(ViewSet):
    """The learner's own conversations: the contract's calls on the collection, and the REST form of the same."""

    def list(self, request: Request) -> Response:
        asked = LimitSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        if wire_id := asked.validated_data.get("id"):
            return self.retrieve(request, wire_id)
        found = store.history(learner_of(request), limit=asked.validated_data["limit"])
        return Response({"conversations": [wire.conversation(each) for each in found], **wire.where()})

    def retrieve(self, request: Request, pk: str) -> Response:
        stored = store.get(learner_of(request), pk)
        if stored is None:
            raise NotFound(UNKNOWN)
        return Response({"conversation": wire.conversation(stored, signed=True), **wire.where(stored.storage)})

    def create(self, request: Request) -> Response:
        sent = ConversationSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        learner = learner_of(request)
        named = recordings.of(sent.named_keys(), learner=learner)
        drafts = sent.drafts(learner, named) if "messages" in sent.validated_data else None
        stored = store.save(learner, sent.validated_data["id"], columns=sent.columns(), messages=drafts, replace=True)
        return _answer(stored, status.HTTP_201_CREATED if stored.created else status.HTTP_200_OK)

    def partial_update(self, request: Request, pk: str) -> Response:
        sent = TitleSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return _answer(store.rename(learner_of(request), pk, sent.validated_data["title"]))

    def destroy(self, request: Request, pk: str) -> Response:
        found = store.delete(learner_of(request), pk)
        return _done("The conversation was deleted." if found else "There was no such conversation.")

    def destroy_many(self, request: Request) -> Response:
        """`DELETE /api/conversations?id=ID` or `?clearAll=true`."""
        if request.query_params.get("clearAll") == "true":
            return _done(f"{store.clear(learner_of(request))} conversations were deleted.")
        if wire_id := request.query_params.get("id"):
            return self.destroy(request, wire_id)
        raise ValidationError("Name the conversation (?id=ID), or say ?clearAll=true.")

    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        return _answer(store.restore(learner_of(request), pk))


def _answer(stored: store.Stored | None, code: int = status.HTTP_200_OK) -> Response:
    if stored is None:
        raise NotFound(UNKNOWN)
    shape: dict[str, Any] = wire.conversation(stored, signed=True)
    return Response({"success": True, "conversation": shape, **wire.where(stored.storage)}, status=code)


def _done(message: str) -> Response:
    return Response({"success": True, "message": message, **wire.where()})
