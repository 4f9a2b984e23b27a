"""Describe the calls of `conversations.views` for OpenAPI."""

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view

from conversations.serializers import (
    ChangesSerializer,
    ConversationSerializer,
    ListSerializer,
    NewMessageSerializer,
    PageSerializer,
)
from conversations.stored_serializers import (
    PAGE_OR_ONE,
    DoneSerializer,
    MessagePageSerializer,
    OneConversationSerializer,
    SavedConversationSerializer,
    SavedMessageSerializer,
)
from core.openapi import answers

ID = OpenApiParameter("id", str, OpenApiParameter.PATH, description="The conversation's id, as the client chose it.")
ONE_ID = OpenApiParameter("id", str, description="The conversation to delete.")
ALL = OpenApiParameter("clearAll", str, enum=["true"], description="Delete all of the caller's.")

conversations = extend_schema_view(
    list=extend_schema(
        operation_id="listConversations",
        summary="Conversations, newest first",
        description="Whole, with keys of recordings and without links to them. With `id`: as `GET /api/conversations/{id}`.",
        parameters=[ListSerializer],
        responses=answers(PAGE_OR_ONE, 400, 404, 503),
        tags=["conversations"],
    ),
    create=extend_schema(
        operation_id="saveConversation",
        summary="Save or replace a whole conversation",
        description="By its `id`; 201 when it is new. Audio goes as data URLs and is answered with its key.",
        request=ConversationSerializer,
        responses=answers(SavedConversationSerializer, 400, 403, 411, 413, 415, 429, 503, 507, also=201),
        tags=["conversations"],
    ),
    retrieve=extend_schema(
        operation_id="getConversation",
        summary="One conversation, with fresh links to its recordings",
        parameters=[ID],
        responses=answers(OneConversationSerializer, 404, 503),
        tags=["conversations"],
    ),
    partial_update=extend_schema(
        operation_id="changeConversation",
        summary="Rename a conversation, or end it",
        parameters=[ID],
        request=ChangesSerializer,
        responses=answers(SavedConversationSerializer, 400, 403, 404, 411, 413, 415, 503),
        tags=["conversations"],
    ),
    destroy=extend_schema(
        operation_id="deleteConversation",
        summary="Delete a conversation",
        description="For ten minutes it can be restored. Deleting again is no error.",
        parameters=[ID],
        responses=answers(DoneSerializer, 403, 503),
        tags=["conversations"],
    ),
    restore=extend_schema(
        operation_id="restoreConversation",
        summary="Undo a deletion of the last ten minutes",
        parameters=[ID],
        request=None,
        responses=answers(SavedConversationSerializer, 403, 404, 503),
        tags=["conversations"],
    ),
)
conversation_or_all = extend_schema(
    operation_id="deleteConversations",
    summary="Delete a conversation, or all",
    parameters=[ONE_ID, ALL],
    responses=answers(DoneSerializer, 400, 403, 503),
    tags=["conversations"],
)
messages = extend_schema_view(
    list=extend_schema(
        operation_id="listMessages",
        summary="The messages of a conversation, oldest first",
        description="With fresh links to their recordings.",
        parameters=[ID, PageSerializer],
        responses=answers(MessagePageSerializer, 400, 404, 503),
        tags=["messages"],
    ),
    create=extend_schema(
        operation_id="addMessage",
        summary="Add one message, or replace it by its id",
        parameters=[ID],
        request=NewMessageSerializer,
        responses=answers(
            SavedMessageSerializer,
            400,
            403,
            404,
            410,
            411,
            413,
            415,
            429,
            503,
            507,
            also=201,
        ),
        tags=["messages"],
    ),
)
