"""Describe the answers of the talk's calls. (`serializers.py` reads the requests.)"""

from collections.abc import Iterable

from rest_framework import serializers

from conversations.stored_serializers import GoalSerializer, StoredCorrectionSerializer, StoredMessageSerializer
from core.json_types import Json
from core.serializers import BuiltSerializer, NumberField, WhereSerializer
from tutor.scenario import KINDS, LEVELS, PURPOSES, Goal


class GoalTextsField(serializers.ListField):
    child = serializers.CharField()

    def to_representation(self, data: Iterable[Goal]) -> list[str]:
        return [goal.text for goal in data]


class PartSerializer(serializers.Serializer[object]):
    title = serializers.CharField()
    opening = serializers.CharField(help_text="The words with which the agent begins it. Empty: the first part.")
    seconds = serializers.IntegerField()
    preparationSeconds = serializers.IntegerField(source="preparation_s", help_text="Time to think before speaking.")


class ScenarioSerializer(serializers.Serializer[object]):
    id = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    level = serializers.ChoiceField(choices=LEVELS)
    summary = serializers.CharField()
    icon = serializers.CharField()
    goals = GoalTextsField()
    suits = serializers.ListField(child=serializers.ChoiceField(choices=PURPOSES))
    parts = PartSerializer(many=True, help_text="Of an exam.")


class NamedLanguageSerializer(serializers.Serializer[object]):
    code = serializers.CharField()
    name = serializers.CharField()
    ownName = serializers.CharField(source="own_name")


class PartnerSerializer(serializers.Serializer[object]):
    engine = serializers.CharField()
    kind = serializers.ChoiceField(choices=["guided", "free"])
    model = serializers.CharField(allow_null=True)
    providers = serializers.ListField(child=serializers.CharField())
    standIn = serializers.BooleanField(source="stand_in")


class ScenariosSerializer(WhereSerializer):
    scenarios = ScenarioSerializer(many=True)
    levels = serializers.ListField(child=serializers.ChoiceField(choices=LEVELS))
    languages = NamedLanguageSerializer(many=True)
    translations = serializers.ListField(child=serializers.CharField())
    partner = PartnerSerializer()


class TimingSerializer(serializers.Serializer[object]):
    type = serializers.CharField(help_text="`talk.timing`")
    event_id = serializers.CharField()
    item_id = serializers.CharField(allow_null=True)
    response_id = serializers.CharField()
    transcribe_ms = serializers.IntegerField(allow_null=True)
    think_ms = serializers.IntegerField()
    speak_ms = serializers.IntegerField()
    total_ms = serializers.IntegerField()


class CrisisLineSerializer(serializers.Serializer[object]):
    name = serializers.CharField()
    number = serializers.CharField(help_text="As people write it.")
    tel = serializers.CharField(help_text="What a telephone dials.")
    note = serializers.CharField(allow_blank=True, help_text="What to do after the call is taken.")


class SupportSerializer(serializers.Serializer[object]):
    country = serializers.CharField(allow_null=True, help_text="ISO 3166, null if it is unknown.")
    lines = CrisisLineSerializer(many=True)
    elsewhere = serializers.CharField(help_text="The address of a directory for all countries.")


class TurnResultSerializer(WhereSerializer):
    conversation = serializers.CharField(help_text="Its id.")
    message = StoredMessageSerializer()
    corrections = StoredCorrectionSerializer(many=True)
    reply = StoredMessageSerializer(allow_null=True)
    goals = GoalSerializer(many=True)
    ended = serializers.BooleanField(help_text="The talk has reached its end.")
    notices = serializers.ListField(child=serializers.CharField(), help_text="Notices for the learner to read.")
    timing = TimingSerializer(allow_null=True)
    support = SupportSerializer(
        allow_null=True, help_text="Telephone lines, if the learner seems to be in danger or despair."
    )


class ReplacedSerializer(WhereSerializer):
    success = serializers.BooleanField()
    message = StoredMessageSerializer()
    notCorrected = serializers.CharField(
        required=False, help_text="Why no corrections could be made. The words are saved anyway."
    )


class NoticeField(serializers.CharField):
    def __init__(self) -> None:
        why = "Present if the site has reached its daily spending limit, so that the embedded engine did it."
        super().__init__(required=False, help_text=why)


class MadeSerializer(serializers.Serializer[object]):
    """Describe the result of an engine."""

    engine = serializers.CharField(help_text="The engine that did it.")
    notice = NoticeField()


class SpokenSerializer(MadeSerializer, WhereSerializer):
    audioUrl = serializers.CharField()
    audioS3Key = serializers.CharField()
    audioDuration = NumberField(help_text="Seconds.")


class HeardSerializer(MadeSerializer):
    text = serializers.CharField(help_text="The words, verbatim. Empty if there is no voice.")


class TranslatedSerializer(MadeSerializer):
    translation = serializers.CharField()


class ChattedSerializer(MadeSerializer):
    message = serializers.CharField()


class ScoreField(NumberField):
    def __init__(self) -> None:
        super().__init__(allow_null=True, help_text="null if it was not measured; `unmeasured` says why.")


class ComponentScoresSerializer(serializers.Serializer[object]):
    fluency = ScoreField()
    pronunciation = ScoreField()
    grammar = ScoreField()
    vocabulary = ScoreField()
    contentRichness = ScoreField()


class SpeakingMetricsSerializer(serializers.Serializer[object]):
    totalWords = serializers.IntegerField()
    estimatedSeconds = NumberField()
    idealSeconds = NumberField(allow_null=True)
    speakingRatio = NumberField(allow_null=True)


class SuggestionSerializer(serializers.Serializer[object]):
    type = serializers.CharField()
    original = serializers.CharField()
    alternative = serializers.CharField()
    explanation = serializers.CharField()
    category = serializers.CharField()


class JudgedTurnsSerializer(serializers.Serializer[object]):
    newest = serializers.IntegerField()
    all = serializers.IntegerField()


class AnalysisSerializer(BuiltSerializer[Json]):
    componentScores = ComponentScoresSerializer()
    baseScore = ScoreField()
    rawScore = ScoreField()
    finalScore = ScoreField()
    expectationScore = ScoreField()
    lengthBonus = NumberField()
    metExpectations = serializers.BooleanField(allow_null=True)
    speakingMetrics = SpeakingMetricsSerializer()
    strengths = serializers.ListField(child=serializers.CharField())
    improvements = serializers.ListField(child=serializers.CharField())
    feedback = serializers.CharField()
    suggestions = SuggestionSerializer(many=True)
    unmeasured = serializers.DictField(
        child=serializers.CharField(), help_text="The scores that are null, each with the reason."
    )
    judgedTurns = JudgedTurnsSerializer(
        help_text="How many of the learner's turns were analysed: in a very long talk only the newest."
    )
    engine = serializers.CharField(help_text="The engine that did it.")


class AnalysedSerializer(AnalysisSerializer):
    """Describe an analysis that is not saved."""

    notice = NoticeField()


class KeptAnalysisSerializer(WhereSerializer):
    success = serializers.BooleanField()
    analysis = AnalysisSerializer()
    notice = NoticeField()
