"""The calls of `conversations.views`, and the shapes of what is answered (`wire.py`), described."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view

from conversations.serializers import (
    ConversationSerializer,
    ListSerializer,
    NewMessageSerializer,
    PageSerializer,
    TitleSerializer,
)
from talking_agent.openapi import (
    ERROR,
    NUMBER,
    STORAGE,
    STRING,
    WHOLE,
    YES_OR_NO,
    Schema,
    answers,
    in_path,
    kept,
    list_of,
    or_null,
    ref,
    shape,
)

CONVERSATION_ID = in_path("id", "The conversation's id, as the client chose it.")
ID = OpenApiParameter("id", str, OpenApiParameter.PATH, description=CONVERSATION_ID["description"])
ONE_ID = OpenApiParameter("id", str, description="The conversation to delete.")
ALL = OpenApiParameter("clearAll", str, enum=["true"], description="Delete all of the caller's.")

DONE: Schema = {"const": True}
MOMENT: Schema = {"type": "integer", "description": "Milliseconds since 1970."}
NEXT = or_null({"type": "string", "description": "`cursor` of the next page; null: this was the last."})
CORRECTION = shape(dict.fromkeys(("said", "better", "why", "category"), STRING), {"start": WHOLE, "end": WHOLE})
MESSAGE = shape(
    {
        "id": STRING,
        "role": {"type": "string", "enum": ["user", "assistant"]},
        "content": STRING,
        "timestamp": MOMENT,
    },
    {
        "corrections": list_of(ref("KeptCorrection")),
        "interrupted": {**YES_OR_NO, "description": "The learner broke in: `content` is what was heard."},
        "measured": {"type": "object", "description": "How long an answer took, and what of a provider (docs/api.md)."},
        "audioS3Key": {**STRING, "description": "The key of its recording, wherever that lies."},
        "audioDuration": {**NUMBER, "description": "Seconds."},
        "audioUrl": {**STRING, "description": "A link that expires; never in a list of conversations."},
    },
)
CONVERSATION = shape(
    {
        "id": STRING,
        "title": STRING,
        "timestamp": {"type": "string", "format": "date-time", "description": "What lists are sorted by."},
        "messages": list_of(ref("KeptMessage")),
        "config": {"type": "object", "description": "As it was sent: `topic`, `difficulty`, `voice`, …"},
        "goals": list_of(ref("Goal")),
        "callEnded": YES_OR_NO,
        "timeRemaining": or_null({**NUMBER, "description": "Seconds."}),
        "startTime": or_null(MOMENT),
        "endTime": or_null(MOMENT),
        "duration": or_null({**NUMBER, "description": "Minutes."}),
        "analysis": or_null({"type": "object"}),
        "storage": STORAGE,
    }
)
SHAPES = {
    "Error": ERROR,
    "KeptCorrection": CORRECTION,
    "Goal": shape({"text": STRING, "done": YES_OR_NO}),
    "KeptMessage": MESSAGE,
    "KeptConversation": CONVERSATION,
}

ONE = kept({"conversation": ref("KeptConversation")})
LISTED = kept({"conversations": list_of(ref("KeptConversation")), "next": NEXT})
SAVED = kept({"success": DONE, "conversation": ref("KeptConversation")})
SAID = kept({"success": DONE, "message": {**STRING, "description": "What was done."}})

conversations = extend_schema_view(
    list=extend_schema(
        operation_id="listConversations",
        summary="Conversations, newest first",
        description="Whole, with keys of recordings and without links to them. With `id`: as `GET /api/conversations/{id}`.",
        parameters=[ListSerializer],
        responses=answers({"oneOf": [LISTED, ONE]}, 400, 404, 503),
        tags=["conversations"],
    ),
    create=extend_schema(
        operation_id="saveConversation",
        summary="Save or replace a whole conversation",
        description="By its `id`; 201 when it is new. Audio goes as data URLs and is answered with its key.",
        request=ConversationSerializer,
        responses=answers(SAVED, 400, 403, 411, 413, 415, 503, also=201),
        tags=["conversations"],
    ),
    retrieve=extend_schema(
        operation_id="getConversation",
        summary="One conversation, with fresh links to its recordings",
        parameters=[ID],
        responses=answers(ONE, 404, 503),
        tags=["conversations"],
    ),
    partial_update=extend_schema(
        operation_id="renameConversation",
        summary="Rename a conversation",
        parameters=[ID],
        request=TitleSerializer,
        responses=answers(SAVED, 400, 403, 404, 411, 413, 415, 503),
        tags=["conversations"],
    ),
    destroy=extend_schema(
        operation_id="deleteConversation",
        summary="Delete a conversation",
        description="For ten minutes it can be restored. Deleting again is no error.",
        parameters=[ID],
        responses=answers(SAID, 403, 503),
        tags=["conversations"],
    ),
    restore=extend_schema(
        operation_id="restoreConversation",
        summary="Undo a deletion of the last ten minutes",
        parameters=[ID],
        request=None,
        responses=answers(SAVED, 403, 404, 503),
        tags=["conversations"],
    ),
)
conversation_or_all = extend_schema(
    operation_id="deleteConversations",
    summary="Delete a conversation, or all",
    parameters=[ONE_ID, ALL],
    responses=answers(SAID, 400, 403, 503),
    tags=["conversations"],
)
messages = extend_schema_view(
    list=extend_schema(
        operation_id="listMessages",
        summary="The messages of a conversation, oldest first",
        description="With fresh links to their recordings.",
        parameters=[ID, PageSerializer],
        responses=answers(kept({"messages": list_of(ref("KeptMessage")), "next": NEXT}), 400, 404, 503),
        tags=["messages"],
    ),
    create=extend_schema(
        operation_id="addMessage",
        summary="Add one message, or replace it by its id",
        parameters=[ID],
        request=NewMessageSerializer,
        responses=answers(
            kept({"success": DONE, "message": ref("KeptMessage")}), 400, 403, 404, 410, 411, 413, 415, 503, also=201
        ),
        tags=["messages"],
    ),
)


def add_shapes(result: Schema, **of_the_run: Any) -> Schema:
    result["components"]["schemas"] |= SHAPES
    return result
