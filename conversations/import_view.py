from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audio import quota
from conversations import representations
from conversations.importing import Import, bring_in
from conversations.stored_serializers import ImportedSerializer
from conversations.views import LARGEST, length_of
from core.doors import door
from core.openapi import answers
from core.serializers import BodySerializer
from learners.requests import ApiRequest

MAX_ENTRIES = 200


class ImportSerializer(BodySerializer):
    """Take entries of any shape that browsers hold. `legacy` checks each entry."""

    entries = serializers.ListField(
        max_length=MAX_ENTRIES, allow_empty=False, error_messages={"not_a_list": "Write a list."}
    )
    dry_run = serializers.BooleanField(default=False)
    bring_back = serializers.BooleanField(default=False)


class ImportView(APIView):
    @extend_schema(
        operation_id="importConversations",
        summary="Bring in what a browser still holds of the earlier application",
        description="What is missing is added, what is there stays as it is: it can be repeated.",
        request=ImportSerializer,
        responses=answers(ImportedSerializer, 400, 403, 411, 413, 415, 429, 503, 507),
        tags=["conversations"],
    )
    @door(most=LARGEST, heavy=True)
    def post(self, request: ApiRequest) -> Response:
        quota.require_room_for_body(length_of(request))
        sent = ImportSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        asked = sent.validated_data
        task = Import(request.learner, dry_run=asked["dry_run"], bring_back=asked["bring_back"])
        results = bring_in(asked["entries"], task)
        return Response(ImportedSerializer({"results": results, **representations.where()}).data)
