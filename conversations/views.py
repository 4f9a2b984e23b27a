import uuid
from typing import Any

from django.http import HttpRequest
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from audio import recordings
from conversations import schema, store, wire
from conversations.models import Conversation, Message
from conversations.pages import Place, cursor, first_of
from conversations.serializers import (
    MAX_MESSAGES,
    ConversationSerializer,
    ListSerializer,
    NewMessageSerializer,
    PageSerializer,
    TitleSerializer,
    is_wire_id,
)

UNKNOWN = "This conversation does not exist, or is not yours."
FULL = f"messages: A conversation holds at most {MAX_MESSAGES:,}."


class Gone(APIException):
    status_code = status.HTTP_410_GONE
    default_detail = "This conversation was deleted."


def learner_of(request: Request | HttpRequest) -> uuid.UUID:
    return request.learner  # type: ignore[union-attr]  # set by learners.middleware


@schema.conversations
class ConversationViewSet(ViewSet):
    """The learner's own conversations: the contract's calls on the collection, and the REST form of the same."""

    def list(self, request: Request) -> Response:
        asked = ListSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        if wire_id := asked.validated_data.get("id"):
            return self.retrieve(request, wire_id)
        limit, after = asked.validated_data["limit"], asked.validated_data.get("cursor")
        before = (after.timestamp, after.key) if after else None
        page, last = first_of(store.history(learner_of(request), limit=limit + 1, before=before), limit)
        following = cursor(_place(last.conversation)) if last else None
        return Response(
            {"conversations": [wire.conversation(each) for each in page], "next": following, **wire.where()}
        )

    def retrieve(self, request: Request, id: str) -> Response:
        stored = store.get(learner_of(request), id)
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

    def partial_update(self, request: Request, id: str) -> Response:
        sent = TitleSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return _answer(store.rename(learner_of(request), id, sent.validated_data["title"]))

    def destroy(self, request: Request, id: str) -> Response:
        found = store.delete(learner_of(request), id)
        return _done("The conversation was deleted." if found else "There was no such conversation.")

    @schema.conversation_or_all
    def destroy_many(self, request: Request) -> Response:
        """`DELETE /api/conversations?id=ID` or `?clearAll=true`."""
        if request.query_params.get("clearAll") == "true":
            return _done(f"{store.clear(learner_of(request))} conversations were deleted.")
        if wire_id := request.query_params.get("id"):
            return self.destroy(request, wire_id)
        raise ValidationError("Name the conversation (?id=ID), or say ?clearAll=true.")

    @action(detail=True, methods=["post"])
    def restore(self, request: Request, id: str) -> Response:
        return _answer(store.restore(learner_of(request), id))


@schema.messages
class MessageViewSet(ViewSet):
    """The messages of one of the learner's own conversations."""

    def list(self, request: Request, id: str) -> Response:
        asked = PageSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        stored = store.get(learner_of(request), id)
        if stored is None:
            raise NotFound(UNKNOWN)
        after = asked.validated_data.get("cursor")
        rows = [row for row in stored.messages if after is None or _place(row) > after]
        page, last = first_of(rows, asked.validated_data["limit"])
        shapes = [wire.message(row, stored, signed=True) for row in page]
        following = cursor(_place(last)) if last else None
        return Response({"messages": shapes, "next": following, **wire.where(stored.storage)})

    def create(self, request: Request, id: str) -> Response:
        sent = NewMessageSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        draft, learner = sent.draft(), learner_of(request)
        there = _ids_in(learner, id)
        if draft.id not in there and len(there) >= MAX_MESSAGES:
            raise ValidationError(FULL)
        try:
            stored = store.save(learner, id, columns={}, messages=[draft], replace=False)
        except store.Deleted as error:
            raise Gone from error
        row = next(row for row in stored.messages if row.wire_id == draft.id)
        shape = wire.message(row, stored, signed=True)
        code = status.HTTP_200_OK if draft.id in there else status.HTTP_201_CREATED
        return Response({"success": True, "message": shape, **wire.where(stored.storage)}, status=code)


def _ids_in(learner: uuid.UUID, wire_id: str) -> set[str]:
    """The ids of the messages that are there; none where that cannot be said: what is added joins them later."""
    try:
        stored = store.get(learner, wire_id) if is_wire_id(wire_id) else None
    except store.OutOfReach:
        return set()
    if stored is None:
        raise NotFound(UNKNOWN)
    return {row.wire_id for row in stored.messages}


def _place(row: Conversation | Message) -> Place:
    return Place(row.timestamp, row.position if isinstance(row, Message) else 0, row.pk)


def _answer(stored: store.Stored | None, code: int = status.HTTP_200_OK) -> Response:
    if stored is None:
        raise NotFound(UNKNOWN)
    shape: dict[str, Any] = wire.conversation(stored, signed=True)
    return Response({"success": True, "conversation": shape, **wire.where(stored.storage)}, status=code)


def _done(message: str) -> Response:
    return Response({"success": True, "message": message, **wire.where()})
