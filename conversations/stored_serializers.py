"""Describe stored conversations in answers, as `representations.py` builds them. (`serializers.py` reads requests.)"""

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from conversations.importing import STATES
from conversations.models import Message
from conversations.representations import ConversationShape, MessageShape
from core.serializers import BuiltSerializer, NumberField, WhereSerializer


class MomentField(serializers.IntegerField):
    def __init__(self, *, help_text: str = "Milliseconds since 1970.", allow_null: bool = False) -> None:
        super().__init__(help_text=help_text, allow_null=allow_null)


class StoredCorrectionSerializer(serializers.Serializer[object]):
    said = serializers.CharField()
    better = serializers.CharField()
    why = serializers.CharField()
    category = serializers.CharField()
    start = serializers.IntegerField(required=False)
    end = serializers.IntegerField(required=False)


class GoalSerializer(serializers.Serializer[object]):
    text = serializers.CharField()
    done = serializers.BooleanField()


class StoredMessageSerializer(BuiltSerializer[MessageShape]):
    id = serializers.CharField()
    role = serializers.ChoiceField(choices=Message.Role.choices)
    content = serializers.CharField()
    timestamp = MomentField()
    corrections = StoredCorrectionSerializer(many=True, required=False)
    interrupted = serializers.BooleanField(
        required=False, help_text="The learner interrupted: `content` is the part that was heard."
    )
    measured = serializers.DictField(
        required=False,
        help_text="How long an answer took and cost; how long a turn was spoken; why words are in doubt.",
    )
    audioS3Key = serializers.CharField(required=False, help_text="The key of its recording, wherever it is stored.")
    audioDuration = NumberField(required=False, help_text="Seconds.")
    audioUrl = serializers.CharField(
        required=False, help_text="A link that expires. Lists of conversations leave it out."
    )


class StoredConversationSerializer(BuiltSerializer[ConversationShape]):
    id = serializers.CharField()
    title = serializers.CharField()
    timestamp = serializers.DateTimeField(help_text="Lists are sorted by this time.")
    messages = StoredMessageSerializer(many=True)
    config = serializers.DictField(help_text="As it was sent: `topic`, `difficulty`, `voice`, …")
    goals = GoalSerializer(many=True)
    callEnded = serializers.BooleanField()
    timeRemaining = NumberField(allow_null=True, help_text="Seconds.")
    startTime = MomentField(allow_null=True)
    endTime = MomentField(allow_null=True)
    duration = NumberField(allow_null=True, help_text="Minutes.")
    analysis = serializers.DictField(allow_null=True)
    keptUntil = serializers.DateTimeField(required=False, help_text="When it is erased. Missing: it is kept for ever.")
    storage = serializers.ChoiceField(choices=["cloud", "local"])


class NextField(serializers.CharField):
    def __init__(self) -> None:
        super().__init__(allow_null=True, help_text="The `cursor` of the next page, null on the last page.")


class OneConversationSerializer(WhereSerializer):
    conversation = StoredConversationSerializer()


class ConversationPageSerializer(WhereSerializer):
    conversations = StoredConversationSerializer(many=True)
    next = NextField()


class SavedConversationSerializer(OneConversationSerializer):
    success = serializers.BooleanField()


class MessagePageSerializer(WhereSerializer):
    messages = StoredMessageSerializer(many=True)
    next = NextField()


class SavedMessageSerializer(WhereSerializer):
    success = serializers.BooleanField()
    message = StoredMessageSerializer()


class DoneSerializer(WhereSerializer):
    success = serializers.BooleanField()
    message = serializers.CharField(help_text="What was done.")


PAGE_OR_ONE = PolymorphicProxySerializer(
    component_name="ConversationPageOrOne",
    serializers=[ConversationPageSerializer, OneConversationSerializer],
    resource_type_field_name=None,
)


class LostSerializer(serializers.Serializer[object]):
    message = serializers.CharField(allow_null=True)
    text = serializers.CharField()
    field = serializers.CharField(allow_null=True)
    why = serializers.CharField()


class AddedSerializer(serializers.Serializer[object]):
    messages = serializers.IntegerField()
    recordings = serializers.IntegerField()


class ImportResultSerializer(serializers.Serializer[object]):
    id = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    messages = serializers.IntegerField(help_text="Messages of the entry that can be used.")
    recordings = serializers.IntegerField(help_text="Recordings of these messages that are saved now.")
    added = AddedSerializer()
    lost = LostSerializer(many=True)
    waiting = serializers.ListField(
        child=serializers.CharField(),
        help_text="Messages whose recordings could not be saved in time: send the entry again.",
    )
    error = serializers.CharField(required=False, help_text="Why the entry cannot be used.")


class ImportedSerializer(WhereSerializer):
    results = ImportResultSerializer(many=True)
