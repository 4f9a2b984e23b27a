from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations import wire
from conversations.importing import STATES, Import, bring_in
from conversations.views import learner_of
from talking_agent.openapi import STRING, WHOLE, answers, kept, list_of, or_null, shape

MAX_ENTRIES = 200

LOST = shape({"message": or_null(STRING), "text": STRING, "field": or_null(STRING), "why": STRING})
RESULT = shape(
    {
        "id": or_null(STRING),
        "title": STRING,
        "state": {"type": "string", "enum": list(STATES)},
        "messages": {**WHOLE, "description": "Of the entry, that can be used."},
        "recordings": {**WHOLE, "description": "Of these messages, that are kept now."},
        "added": shape({"messages": WHOLE, "recordings": WHOLE}),
        "lost": list_of(LOST),
        "waiting": {
            **list_of(STRING),
            "description": "Messages whose recordings there was no time for: send it again.",
        },
    },
    {"error": {**STRING, "description": "Why it is unusable."}},
)


class ImportSerializer(serializers.Serializer[Any]):
    """Entries of any shape that browsers hold: what each is worth is for `legacy` to say."""

    entries = serializers.ListField(max_length=MAX_ENTRIES, allow_empty=False)
    dry_run = serializers.BooleanField(default=False)
    bring_back = serializers.BooleanField(default=False)


class ImportView(APIView):
    @extend_schema(
        operation_id="importConversations",
        summary="Bring in what a browser still holds of the earlier application",
        description="What is missing is added, what is there stays as it is: it can be repeated.",
        request=ImportSerializer,
        responses=answers(kept({"results": list_of(RESULT)}), 400, 403, 411, 413, 415, 503),
        tags=["conversations"],
    )
    def post(self, request: Request) -> Response:
        sent = ImportSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        asked = sent.validated_data
        task = Import(learner_of(request), dry_run=asked["dry_run"], bring_back=asked["bring_back"])
        return Response({"results": bring_in(asked["entries"], task), **wire.where()})
