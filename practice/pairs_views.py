"""Serve minimal pairs: the contrasts with the learner's trends, and attempts."""

import time

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.response import Response

from conversations import ids, representations
from conversations.api_description import ID
from conversations.lookup import reaching
from conversations.stored_serializers import StoredMessageSerializer
from core.doors import door
from core.json_types import Json
from core.openapi import answers
from core.parsers import StrictJSONParser
from core.serializers import BodySerializer, BuiltSerializer, NumberField, TextField, WhereSerializer
from core.threads import in_thread
from engines import forced_choice
from learners.requests import ApiRequest
from learners.visitors import visitor_of_request
from learning import pair_trends, projection
from learning.models import PairAttempt
from learning.pair_trends import PairTrend
from learning.trends import Direction
from learning.views import LearningView
from practice import minimal_pairs, pair_attempts
from practice.minimal_pairs import Contrast
from practice.pair_attempts import SentPair, TakenPair
from talk.engine_view import EngineView, checked
from talk.serializers import SOUND, ItemIdField
from talk.views import UPLOAD

EITHER = "Send either `audio`, a file, or `chosen`, a word."
NO_PAIR = "There is no such pair."
NOT_IN_PAIR = "Write one of the words {} and {}."
_SHARES = ("share", "low", "high")


class SentPairSerializer(BodySerializer):
    pair = TextField(max_length=100, help_text="Both words in small letters, such as `sheep-ship`.")
    meant = TextField(max_length=50, help_text="The word that was played, or that the learner was asked to say.")
    chosen = TextField(max_length=50, required=False, help_text="The word that the learner heard.")
    audio = serializers.FileField(
        required=False, allow_empty_file=True, help_text=f"{SOUND} At most {pair_attempts.LONGEST} s."
    )
    messageId = ItemIdField(
        required=False, help_text="An id such as `user-<ms>`. Sending it again does not count as another attempt."
    )

    def validate(self, attrs: Json) -> Json:
        if ("audio" in attrs) == ("chosen" in attrs):
            raise ValidationError(EITHER)
        found = minimal_pairs.find(attrs["pair"])
        if found is None:
            raise ValidationError({"pair": NO_PAIR})
        words = found[1].words
        if wrong := [name for name in ("meant", "chosen") if attrs.get(name, words[0]) not in words]:
            raise ValidationError({wrong[0]: NOT_IN_PAIR.format(*words)})
        return attrs | {"found": found}

    def attempt(self, conversation: str) -> SentPair:
        sent = self.validated_data
        contrast, pair = sent["found"]
        message = sent.get("messageId") or f"user-{time.time_ns() // 1_000_000}"
        audio = sent["audio"].read() if "audio" in sent else None
        return SentPair(conversation, message, contrast, pair, sent["meant"], audio, sent.get("chosen"))


class PairSerializer(BuiltSerializer[Json]):
    id = serializers.CharField()
    words = serializers.ListField(child=serializers.CharField(), help_text="The two words.")
    canBeSaid = serializers.BooleanField(
        help_text="false: the recogniser does not tell these words apart, so the pair is for hearing only."
    )


class PairTrendSerializer(BuiltSerializer[Json]):
    attempts = serializers.IntegerField()
    asMeant = serializers.IntegerField(help_text="Attempts in which the word that was meant was chosen.")
    share = NumberField(allow_null=True, help_text="Of the latest 30 attempts. null: fewer than ten attempts.")
    low = NumberField(allow_null=True, help_text="The true share is between low and high in nine cases of ten.")
    high = NumberField(allow_null=True)
    change = serializers.ChoiceField(choices=list(Direction), allow_null=True, help_text="null: too few to compare.")


class ContrastSerializer(BuiltSerializer[Json]):
    id = serializers.CharField()
    title = serializers.CharField()
    sounds = serializers.CharField()
    tip = serializers.CharField()
    pairs = PairSerializer(many=True)
    hearing = PairTrendSerializer(allow_null=True, help_text="How often the learner hears the right word.")
    saying = PairTrendSerializer(allow_null=True, help_text="How often the word that was meant is heard.")


class ContrastsSerializer(WhereSerializer):
    contrasts = ContrastSerializer(many=True)
    canHear = serializers.BooleanField(help_text="false: the server has no recogniser, so no pair can be said.")
    unread = serializers.IntegerField(help_text="Conversations that are still to be read. Ask again.")


class TakenPairSerializer(WhereSerializer):
    chosen = serializers.CharField(allow_null=True, help_text="null: neither word was heard for certain.")
    asMeant = serializers.BooleanField(allow_null=True)
    conversation = serializers.CharField()
    message = StoredMessageSerializer(allow_null=True, help_text="null: an uncertain attempt is not kept.")
    notices = serializers.ListField(child=serializers.CharField())


class PairsView(LearningView):
    @extend_schema(
        operation_id="listPairs",
        summary="Minimal pairs by contrast, with the learner's trends",
        responses=answers(ContrastsSerializer, 503),
        tags=["practice"],
    )
    def get(self, request: ApiRequest) -> Response:
        unread, trends = 0, list[PairTrend]()
        if not request.learner_is_new:
            unread = projection.refresh(request.learner)
            with reaching() as using:
                trends = pair_trends.of_learner(request.learner, using)
        shape = {
            "contrasts": [_contrast(each, trends) for each in minimal_pairs.load().values()],
            "canHear": forced_choice.is_installed(),
            "unread": unread,
            **representations.where(),
        }
        return Response(ContrastsSerializer(shape).data)


class PairAttemptsView(EngineView):
    parser_classes = [StrictJSONParser, MultiPartParser, FormParser]

    @extend_schema(
        operation_id="attemptPair",
        summary="Hear or say a word of a minimal pair",
        description="It is kept as a message of a review, which the client names. The review need not exist. A single attempt "
        "says little: show the trend.",
        parameters=[ID],
        request={"multipart/form-data": SentPairSerializer, "application/json": SentPairSerializer},
        responses=answers(TakenPairSerializer, 400, 403, 409, 410, 411, 413, 422, 429, 503),
        tags=["practice"],
    )
    @door(most=UPLOAD)
    async def post(self, request: ApiRequest, id: str) -> Response:
        body = await checked(SentPairSerializer, request)
        await in_thread(ids.require, request.learner, id)
        sent = body.attempt(id)
        taken = await pair_attempts.take(request.learner, sent, visitor_of_request(request))
        return Response(TakenPairSerializer(_taken(taken, sent)).data, headers={"Cache-Control": "no-store"})


def _contrast(contrast: Contrast, trends: list[PairTrend]) -> Json:
    found = {each.way: _trend(each) for each in trends if each.contrast == contrast.id}
    return {
        "id": contrast.id,
        "title": contrast.title,
        "sounds": contrast.sounds,
        "tip": contrast.tip,
        "pairs": [{"id": each.id, "words": each.words, "canBeSaid": each.can_be_said} for each in contrast.pairs],
        "hearing": found.get(PairAttempt.Way.HEARING),
        "saying": found.get(PairAttempt.Way.SAYING),
    }


def _trend(trend: PairTrend) -> Json:
    latest = trend.latest
    share = {"share": latest.value, "low": latest.low, "high": latest.high} if latest else dict.fromkeys(_SHARES)
    rounded = {name: value if value is None else round(value, 3) for name, value in share.items()}
    return {"attempts": trend.attempts, "asMeant": trend.as_meant, **rounded, "change": trend.change}


def _taken(taken: TakenPair, sent: SentPair) -> Json:
    stored = taken.stored
    row = next((row for row in stored.messages if row.wire_id == sent.message), None) if stored else None
    shape: Json = {
        "chosen": taken.chosen,
        "asMeant": None if taken.chosen is None else taken.chosen == sent.meant,
        "conversation": sent.conversation,
        "message": representations.message(row, stored, signed=True) if row and stored else None,
        "notices": [taken.without_sound] if taken.without_sound else [],
    }
    return shape | representations.where(stored.storage if stored else None)
