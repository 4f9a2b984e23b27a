"""Serve the privacy notice, and let learners choose what is kept of them."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations import preferences, representations
from conversations.models import LearnerPreferences
from core.json_types import Json
from core.negotiation import AnyAccept
from core.openapi import answers
from core.serializers import BodySerializer, WhereSerializer
from learners.authentication import LearnerAuthentication
from learners.requests import ApiRequest
from talk import capabilities, privacy_notice
from talk.result_serializers import PartnerSerializer

DAYS = "Days. null: until the learner deletes it."
DISCLOSURE = "You talk with an AI, not with a person."
NOTHING = "Name a choice: keepsAudio, retentionDays or eraseRecordings."


class OperatorSerializer(serializers.Serializer[object]):
    name = serializers.CharField(allow_null=True)
    contact = serializers.CharField(allow_null=True)


class RecipientSerializer(serializers.Serializer[object]):
    provider = serializers.CharField()
    hosts = serializers.ListField(child=serializers.CharField())
    gets = serializers.ListField(child=serializers.CharField())


class KeptDataSerializer(serializers.Serializer[object]):
    where = serializers.CharField()
    days = serializers.IntegerField(allow_null=True, help_text=DAYS)


class OwnChoicesSerializer(serializers.Serializer[object]):
    keepsAudio = serializers.BooleanField(help_text="false: only words are kept.")
    retentionDays = serializers.IntegerField(allow_null=True, help_text="null: as the site keeps them.")
    conversationDays = serializers.IntegerField(allow_null=True, help_text=f"What is in force. {DAYS}")
    recordingDays = serializers.IntegerField(allow_null=True, help_text=f"What is in force. {DAYS}")
    erasingRecordings = serializers.BooleanField(help_text="The recordings are being erased.")


class PrivacySerializer(WhereSerializer):
    disclosure = serializers.CharField(help_text="Show this to the learner before the first word.")
    kept = serializers.CharField(help_text="What is kept and for how long, in one sentence.")
    operator = OperatorSerializer()
    partner = PartnerSerializer()
    recipients = RecipientSerializer(many=True)
    conversations = KeptDataSerializer()
    recordings = KeptDataSerializer()
    choices = serializers.ListField(child=serializers.IntegerField(), help_text="Values of `retentionDays`.")
    yours = OwnChoicesSerializer()


class ChosenSerializer(WhereSerializer):
    success = serializers.BooleanField()
    yours = OwnChoicesSerializer()


class ChoicesSerializer(BodySerializer):
    keepsAudio = serializers.BooleanField(required=False, help_text="false: keep words only, from now on.")
    retentionDays = serializers.ChoiceField(
        choices=preferences.RETENTION_CHOICES,
        required=False,
        allow_null=True,
        error_messages={
            "invalid_choice": f"Write null or one of {', '.join(map(str, preferences.RETENTION_CHOICES))}."
        },
        help_text="Days after which the learner's talks are erased. null: as the site keeps them.",
    )
    eraseRecordings = serializers.BooleanField(required=False, help_text="true: erase the recordings made so far.")

    def validate(self, attrs: Json) -> Json:
        if not attrs:
            raise serializers.ValidationError(NOTHING)
        return attrs


class PrivacyView(APIView):
    authentication_classes = [LearnerAuthentication]
    content_negotiation_class = AnyAccept
    renderer_classes = [JSONRenderer]
    http_method_names = ["get", "patch"]

    @extend_schema(
        operation_id="getPrivacy",
        summary="What is kept, where and for how long, who gets what, and the caller's own choices",
        responses=answers(PrivacySerializer),
        tags=["privacy"],
    )
    def get(self, request: ApiRequest) -> Response:
        notice, chosen = privacy_notice.notice(), preferences.of(request.learner)
        kept = privacy_notice.kept_in_words(*preferences.retention_days(chosen), keeps_audio=chosen.keeps_audio)
        shape = {
            "disclosure": DISCLOSURE,
            "kept": kept,
            "operator": {"name": notice.operator, "contact": notice.contact},
            "partner": capabilities.partner(),
            "recipients": notice.recipients,
            "conversations": notice.conversations,
            "recordings": notice.recordings,
            "choices": notice.choices,
            "yours": _own(chosen),
        }
        return Response(PrivacySerializer(shape | representations.where()).data)

    @extend_schema(
        operation_id="choosePrivacy",
        summary="Choose whether recordings are kept, and for how long talks are kept",
        description="A field that is left out stays as it is. `eraseRecordings` erases the recordings within a minute, or when "
        "the storage is back.",
        request=ChoicesSerializer,
        responses=answers(ChosenSerializer, 400, 403, 503),
        tags=["privacy"],
    )
    def patch(self, request: ApiRequest) -> Response:
        sent = ChoicesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        chosen = preferences.choose(request.learner, **_columns(sent.validated_data, request))
        shape = {"success": True, "yours": _own(chosen)}
        return Response(ChosenSerializer(shape | representations.where()).data)


def _columns(sent: Json, request: ApiRequest) -> Json:
    """Return the columns of the learner's preferences that a request sets."""
    now, columns = timezone.now(), Json()
    if "keepsAudio" in sent:
        # A refusal that is sent again still holds from its first moment.
        refused_at = preferences.of(request.learner).audio_refused_at or now
        columns["audio_refused_at"] = None if sent["keepsAudio"] else refused_at
    if "retentionDays" in sent:
        columns["retention_days"] = sent["retentionDays"]
    if sent.get("eraseRecordings"):
        columns["erase_audio_before"] = now
    return columns


def _own(chosen: LearnerPreferences) -> Json:
    words, audio = preferences.retention_days(chosen)
    return {
        "keepsAudio": chosen.keeps_audio,
        "retentionDays": chosen.retention_days,
        "conversationDays": words,
        "recordingDays": audio,
        "erasingRecordings": chosen.erase_audio_before is not None,
    }
