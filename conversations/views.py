from django.conf import settings
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from audio import quota, recordings
from conversations import api_description, ids, representations, store
from conversations.models import Conversation, Message
from conversations.serializers import (
    MAX_MESSAGES,
    ChangesSerializer,
    ConversationSerializer,
    ListSerializer,
    NewMessageSerializer,
    PageSerializer,
)
from conversations.stored_serializers import (
    ConversationPageSerializer,
    DoneSerializer,
    MessagePageSerializer,
    OneConversationSerializer,
    SavedConversationSerializer,
    SavedMessageSerializer,
)
from core.counts import counted
from core.cursors import CursorPosition, cursor, first_of
from core.doors import door
from learners.requests import ApiRequest

UNKNOWN = "This conversation does not exist, or is not yours."
FULL = f"messages: A conversation holds at most {MAX_MESSAGES:,}."
LARGEST = settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def length_of(request: ApiRequest) -> int:
    """Return the length of the body in bytes. talking_agent.limits refuses a body of unstated length."""
    return int(request.META.get("CONTENT_LENGTH") or 0)


@api_description.conversations
class ConversationViewSet(ViewSet):
    """Serve the learner's own conversations: the contract's calls on the collection, and their REST form."""

    lookup_url_kwarg = "id"
    lookup_value_converter = "str"

    def list(self, request: ApiRequest) -> Response:
        asked = ListSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        if wire_id := asked.validated_data.get("id"):
            return self.retrieve(request, wire_id)
        limit, after = asked.validated_data["limit"], asked.validated_data.get("cursor")
        before = (after.timestamp, after.key) if after else None
        page, last = first_of(store.history(request.learner, limit=limit + 1, before=before, only_talks=True), limit)
        shape = {
            "conversations": [representations.conversation(each) for each in page],
            "next": cursor(_place(last.conversation)) if last else None,
        }
        return Response(ConversationPageSerializer(shape | representations.where()).data)

    def retrieve(self, request: ApiRequest, id: str) -> Response:
        stored = store.get(request.learner, id)
        if stored is None:
            raise NotFound(UNKNOWN)
        shape = {"conversation": representations.conversation(stored, signed=True)}
        return Response(OneConversationSerializer(shape | representations.where(stored.storage)).data)

    @door(most=LARGEST, heavy=True)
    def create(self, request: ApiRequest) -> Response:
        quota.require_room_for_body(length_of(request))
        sent = ConversationSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        learner, messages = request.learner, sent.validated_data.get("messages", [])
        ids.require(learner, sent.validated_data["id"], [message["id"] for message in messages])
        named = recordings.of(sent.named_keys(), learner=learner)
        drafts = sent.drafts(learner, named) if "messages" in sent.validated_data else None
        stored = store.save(learner, sent.validated_data["id"], columns=sent.columns(), messages=drafts, replace=True)
        return _answer(stored, status.HTTP_201_CREATED if stored.created else status.HTTP_200_OK)

    def partial_update(self, request: ApiRequest, id: str) -> Response:
        sent = ChangesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return _answer(store.change(request.learner, id, sent.columns()))

    def destroy(self, request: ApiRequest, id: str) -> Response:
        found = ids.may_be_stored(id) and store.delete(request.learner, id)
        return _done("The conversation was deleted." if found else "There was no such conversation.")

    @api_description.conversation_or_all
    def destroy_many(self, request: ApiRequest) -> Response:
        """Serve `DELETE /api/conversations?id=ID` and `?clearAll=true`."""
        clears, wire_id = request.query_params.get("clearAll") == "true", request.query_params.get("id")
        if clears and wire_id:
            raise ValidationError(
                "Name the conversation (?id=ID) or say ?clearAll=true, not both. Nothing was deleted."
            )
        if clears:
            count = store.clear(request.learner)
            return _done(f"{counted(count, 'conversation')} {'was' if count == 1 else 'were'} deleted.")
        if wire_id:
            return self.destroy(request, wire_id)
        raise ValidationError("Name the conversation (?id=ID), or say ?clearAll=true.")

    @action(detail=True, methods=["post"])
    def restore(self, request: ApiRequest, id: str) -> Response:
        return _answer(store.restore(request.learner, id))


@api_description.messages
class MessageViewSet(ViewSet):
    """Serve the messages of one of the learner's own conversations."""

    def list(self, request: ApiRequest, id: str) -> Response:
        asked = PageSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        stored = store.get(request.learner, id)
        if stored is None:
            raise NotFound(UNKNOWN)
        after = asked.validated_data.get("cursor")
        rows = [row for row in stored.messages if after is None or _place(row) > after]
        page, last = first_of(rows, asked.validated_data["limit"])
        shape = {
            "messages": [representations.message(row, stored, signed=True) for row in page],
            "next": cursor(_place(last)) if last else None,
        }
        return Response(MessagePageSerializer(shape | representations.where(stored.storage)).data)

    @door(most=LARGEST, heavy=True)
    def create(self, request: ApiRequest, id: str) -> Response:
        quota.require_room_for_body(length_of(request))
        sent = NewMessageSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        draft, learner = sent.draft(), request.learner
        try:
            size = store.size(learner, id, draft.id)
        except store.OutOfReach:
            if not ids.is_wire_id(id):
                raise
            # The new message is merged with the stored ones later.
            size = 0, False
        if size is None:
            raise NotFound(UNKNOWN)
        count, is_there = size
        if not is_there and not ids.is_wire_id(draft.id):
            raise ValidationError(f"id: {ids.RULE}")
        if not is_there and count >= MAX_MESSAGES:
            raise ValidationError(FULL)
        stored = store.save(learner, id, columns={}, messages=[draft], replace=False)
        row = next(row for row in stored.messages if row.wire_id == draft.id)
        shape = {"success": True, "message": representations.message(row, stored, signed=True)}
        code = status.HTTP_200_OK if is_there else status.HTTP_201_CREATED
        return Response(SavedMessageSerializer(shape | representations.where(stored.storage)).data, status=code)


def _place(row: Conversation | Message) -> CursorPosition:
    return CursorPosition(row.timestamp, row.position if isinstance(row, Message) else 0, row.pk)


def _answer(stored: store.StoredConversation | None, code: int = status.HTTP_200_OK) -> Response:
    if stored is None:
        raise NotFound(UNKNOWN)
    shape = {"success": True, "conversation": representations.conversation(stored, signed=True)}
    return Response(SavedConversationSerializer(shape | representations.where(stored.storage)).data, status=code)


def _done(message: str) -> Response:
    return Response(DoneSerializer({"success": True, "message": message, **representations.where()}).data)
