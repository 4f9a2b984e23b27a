"""Read the requests of the learner's own page, and describe its answers."""

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers

from conversations.representations import milliseconds
from conversations.stored_serializers import MomentField
from core.absolute_links import absolute
from core.json_types import Json
from core.serializers import BodySerializer, BuiltSerializer, NumberField, TextField, WhereSerializer
from learners.models import ApiToken
from own_data import exporting
from own_data.models import Export

LONGEST_LIFE = 3650  # days
CONFIRMATION = "erase everything"


class NewTokenSerializer(BodySerializer):
    name = TextField(max_length=100, help_text="To recognise the token by.")
    expiresInDays = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=LONGEST_LIFE, help_text="null: never."
    )

    def expires_at(self) -> datetime | None:
        days = self.validated_data["expiresInDays"]
        return timezone.now() + timedelta(days=days) if days else None


class ConfirmedSerializer(BodySerializer):
    confirm = serializers.CharField(help_text=f"“{CONFIRMATION}”")

    def validate_confirm(self, value: str) -> str:
        if value.strip().casefold() != CONFIRMATION:
            raise serializers.ValidationError(f"Write “{CONFIRMATION}”. Nothing was erased.")
        return value


class AnkiOrderSerializer(BodySerializer):
    conversation = TextField(
        max_length=200,
        required=False,
        allow_blank=True,
        default="",
        help_text="The id of one conversation. Empty: of all.",
    )


class TokenSerializer(BuiltSerializer[Json]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    createdAt = MomentField()
    usedAt = MomentField(allow_null=True, help_text="Milliseconds since 1970, updated at most once a minute.")
    expiresAt = MomentField(allow_null=True)


class TokensSerializer(BuiltSerializer[Json]):
    tokens = TokenSerializer(many=True)
    most = serializers.IntegerField(help_text="How many there may be.")


class CreatedTokenSerializer(BuiltSerializer[Json]):
    token = TokenSerializer()
    secret = serializers.CharField(help_text="The token itself. It is stored nowhere, and no other answer has it.")


class KeptSerializer(BuiltSerializer[Json]):
    conversations = serializers.IntegerField()
    recordings = serializers.IntegerField()
    bytes = serializers.IntegerField(help_text="Of recordings.")
    bytesLimit = serializers.IntegerField()
    minutes = NumberField(help_text="Of the learner's own voice.")


class ExportSerializer(BuiltSerializer[Json]):
    state = serializers.ChoiceField(choices=Export.State.choices)
    conversation = serializers.CharField(required=False, help_text="The one conversation that it is of.")
    percent = serializers.IntegerField()
    requestedAt = MomentField()
    size = serializers.IntegerField(help_text="Bytes of the file.")
    unheard = serializers.IntegerField(help_text="Recordings whose sound is lost. The file names them.")
    error = serializers.CharField(required=False, help_text="Why there is no file, and what to do.")
    url = serializers.CharField(required=False, help_text="The file.")
    keptUntil = MomentField(help_text="Milliseconds since 1970. Then the file is deleted.", allow_null=True)


class OneExportSerializer(BuiltSerializer[Json]):
    export = ExportSerializer(allow_null=True)


class OwnDataSerializer(WhereSerializer):
    learner = serializers.UUIDField(help_text="The learner's id, for questions to the operator.")
    kept = KeptSerializer()
    export = ExportSerializer(allow_null=True)


class ErasedSerializer(BuiltSerializer[Json]):
    success = serializers.BooleanField()
    message = serializers.CharField()


def token_shape(token: ApiToken) -> Json:
    return {
        "id": str(token.pk),
        "name": token.name,
        "createdAt": milliseconds(token.created_at),
        "usedAt": milliseconds(token.used_at),
        "expiresAt": milliseconds(token.expires_at),
    }


def export_shape(export: Export | None) -> Json | None:
    if export is None:
        return None
    kept_until = export.finished_at + exporting.KEPT if export.finished_at else None
    shape: Json = {
        "state": export.state,
        "percent": export.percent,
        "requestedAt": milliseconds(export.requested_at),
        "size": export.size,
        "unheard": export.unheard,
        "keptUntil": milliseconds(kept_until),
    }
    if export.state == Export.State.DONE:
        shape["url"] = absolute(reverse("anki-file" if export.kind == Export.Kind.ANKI else "export-file"))
    if export.conversation:
        shape["conversation"] = export.conversation
    if export.error:
        shape["error"] = export.error
    return shape
