"""Read the requests about mistakes and reviews, and describe the answers."""

from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from conversations.serializers import LimitField, PageSerializer
from conversations.stored_serializers import MomentField, NextField
from core.json_types import Json
from core.serializers import BuiltSerializer, ChosenField, NumberField, WhereSerializer
from learning.models import Occurrence

STATES = ("all", "due", "open", "gone", "reported")
CARD_STATES = ("open", "gone", "returned", "reported")
# Two minutes of speaking.
IN_A_SESSION = 6
MOST_IN_A_SESSION = 30


@extend_schema_field(str)
class ZoneField(serializers.Field[ZoneInfo, object, str, object]):
    """Read the name of a time zone, such as Asia/Ho_Chi_Minh. An empty one is UTC."""

    def to_internal_value(self, data: object) -> ZoneInfo:
        try:
            return ZoneInfo(str(data)[:100] or "UTC")
        # ZoneInfoNotFoundError is a KeyError. A name of a folder raises OSError.
        except (ValueError, KeyError, OSError):
            raise serializers.ValidationError("Write the name of a time zone, such as Europe/Berlin.") from None


class MistakesQuerySerializer(PageSerializer):
    limit = LimitField(default=50)
    state = ChosenField(STATES, default="all", help_text="`due`: due today. `gone`: not made for weeks.")
    zone = ZoneField(
        required=False, help_text="The learner's time zone, which decides what is due today. Without it, UTC."
    )


class ReviewsQuerySerializer(serializers.Serializer[object]):
    limit = serializers.IntegerField(default=IN_A_SESSION, min_value=1, max_value=MOST_IN_A_SESSION)
    zone = ZoneField(
        required=False, help_text="The learner's time zone, which decides what is due today. Without it, UTC."
    )


class MistakeSerializer(BuiltSerializer[Json]):
    id = serializers.UUIDField()
    said = serializers.CharField()
    better = serializers.CharField()
    why = serializers.CharField()
    category = serializers.CharField()
    sentence = serializers.CharField(help_text="What the learner said last with this mistake.")
    corrected = serializers.CharField(help_text="The sentence without its mistakes.")
    start = serializers.IntegerField(allow_null=True, help_text="Where the mistake begins in the sentence.")
    end = serializers.IntegerField(allow_null=True)
    conversation = serializers.CharField(help_text="The id of the talk.")
    message = serializers.CharField()
    audioUrl = serializers.CharField(required=False, help_text="The learner's own recording. The link expires.")
    count = serializers.IntegerField(help_text="How often the mistake was made.")
    reviews = serializers.IntegerField()
    uptakes = serializers.IntegerField(help_text="How often the correct form was used in talks.")
    firstAt = MomentField()
    lastAt = MomentField()
    dueAt = MomentField(help_text="Milliseconds since 1970. When it is due for review.")
    state = serializers.ChoiceField(choices=CARD_STATES)


class CountsSerializer(BuiltSerializer[Json]):
    all = serializers.IntegerField()
    due = serializers.IntegerField()
    open = serializers.IntegerField()
    gone = serializers.IntegerField()
    reported = serializers.IntegerField()


class MistakePageSerializer(WhereSerializer):
    mistakes = MistakeSerializer(many=True)
    next = NextField()
    counts = CountsSerializer()
    unread = serializers.IntegerField(help_text="Talks that are still to be read. Ask again.")


class OccurrenceSerializer(BuiltSerializer[Json]):
    kind = serializers.ChoiceField(choices=Occurrence.Kind.choices)
    at = MomentField()
    text = serializers.CharField()
    outcome = serializers.CharField(required=False, help_text="Of an attempt: right, wrong, unsure or shown.")
    conversation = serializers.CharField()
    message = serializers.CharField()
    audioUrl = serializers.CharField(required=False)


class OneMistakeSerializer(WhereSerializer):
    mistake = MistakeSerializer()
    occurrences = OccurrenceSerializer(many=True, help_text="The newest first, at most 50.")


class ReviewSerializer(MistakeSerializer):
    prompt = serializers.CharField(help_text="Send it with each attempt. It is valid for two days.")
    question = serializers.CharField(help_text="What the agent had said before. May be empty.")
    interval = NumberField(allow_null=True, help_text="Days since the last review.")


class ReviewsSerializer(WhereSerializer):
    reviews = ReviewSerializer(many=True)
    due = serializers.IntegerField(help_text="How many are due today.")
    nextAt = MomentField(
        allow_null=True, help_text="Milliseconds since 1970. When the next one is due, if none is now."
    )
    unread = serializers.IntegerField(help_text="Talks that are still to be read. Ask again.")
