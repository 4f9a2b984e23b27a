"""Serve attempts in reviews, and sentences of the learner's own."""

import time
import uuid
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.response import Response

from conversations import ids, lookup, representations
from conversations.api_description import ID
from conversations.stored_serializers import StoredMessageSerializer
from core import cloud
from core.doors import door
from core.json_types import Json
from core.openapi import answers
from core.parsers import StrictJSONParser
from core.serializers import BodySerializer, TextField, WhereSerializer
from core.threads import in_thread
from learners.requests import ApiRequest
from learners.visitors import visitor_of_request
from learning import card_words, due
from learning.card_words import CardWords
from learning.models import Card
from learning.views import ID as MISTAKE_ID
from learning.views import UNKNOWN
from practice import attempts
from practice.attempts import JudgedAttempt, SentAttempt
from talk.engine_view import EngineView, checked
from talk.protocol import MAX_TEXT
from talk.serializers import SOUND, ItemIdField
from talk.turns import CallRefused
from talk.views import UPLOAD

EITHER = "Send either `audio`, a file, or `text`."


class SaidSerializer(BodySerializer):
    """Check a sentence, as sound or as text."""

    audio = serializers.FileField(required=False, allow_empty_file=True, help_text=SOUND)
    text = TextField(max_length=MAX_TEXT, required=False)
    messageId = ItemIdField(
        required=False, help_text="An id such as `user-<ms>`. Sending it again does not count as another attempt."
    )

    def to_internal_value(self, data: object) -> Json:
        # null is the same as a field that is not sent.
        given = {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data
        return dict(super().to_internal_value(given))

    def validate(self, attrs: Json) -> Json:
        if ("audio" in attrs) == ("text" in attrs):
            raise ValidationError(EITHER)
        return attrs

    def attempt(self, conversation: str) -> SentAttempt:
        sent = self.validated_data
        file: UploadedFile | None = sent.get("audio")
        message = sent.get("messageId") or f"user-{time.time_ns() // 1_000_000}"
        return SentAttempt(conversation, message, file.read() if file else None, sent.get("text"))


class AttemptSerializer(SaidSerializer):
    prompt = serializers.CharField(max_length=due.LONGEST_PROMPT, help_text="As GET /api/reviews/next returned it.")
    shown = serializers.BooleanField(default=False, help_text="true, without a sentence: show the answer.")

    def validate(self, attrs: Json) -> Json:
        if attrs["shown"] and not {"audio", "text"} & attrs.keys():
            return attrs
        return super().validate(attrs)


class JudgedSerializer(WhereSerializer):
    outcome = serializers.ChoiceField(
        choices=["right", "wrong", "unsure", "shown"], help_text="unsure: it may have been misheard. Ask for it again."
    )
    heard = serializers.CharField(help_text="The words that were heard.")
    unsure = serializers.ListField(help_text="Places of words in doubt, as [start, end].")
    corrected = serializers.CharField(help_text="The sentence without its mistakes.")
    conversation = serializers.CharField()
    message = StoredMessageSerializer()
    notices = serializers.ListField(child=serializers.CharField())


class KeptSentenceSerializer(WhereSerializer):
    conversation = serializers.CharField()
    message = StoredMessageSerializer()
    notices = serializers.ListField(child=serializers.CharField())


class AttemptsView(EngineView):
    parser_classes = [StrictJSONParser, MultiPartParser, FormParser]

    @extend_schema(
        operation_id="attemptReview",
        summary="Say a sentence of a review right",
        description="The review is a conversation of its own, which the client names. It need not exist. It is kept during an "
        "outage, too.",
        parameters=[ID],
        request={"multipart/form-data": AttemptSerializer, "application/json": AttemptSerializer},
        responses=answers(JudgedSerializer, 400, 403, 409, 410, 411, 413, 422, 429, 503),
        tags=["learning"],
    )
    @door(most=UPLOAD)
    async def post(self, request: ApiRequest, id: str) -> Response:
        sent = await checked(AttemptSerializer, request)
        await in_thread(ids.require, request.learner, id)
        try:
            prompt = due.opened(sent.validated_data["prompt"], request.learner)
        except due.BadPrompt as error:
            raise CallRefused(400, f"prompt: {error}") from error
        judged = await attempts.take(request.learner, prompt, sent.attempt(id), visitor_of_request(request))
        shape = {
            "outcome": judged.outcome,
            "heard": judged.heard.text,
            "unsure": [list(span) for span in judged.heard.unsure],
            "corrected": prompt.corrected,
            **_kept(judged, id),
        }
        return Response(JudgedSerializer(shape).data)


class SentencesView(EngineView):
    parser_classes = [StrictJSONParser, MultiPartParser, FormParser]

    @extend_schema(
        operation_id="addSentence",
        summary="Add a sentence of the learner's own to a mistake",
        description="It is kept in a conversation for each month, such as `sentences-2026-05`.",
        parameters=[MISTAKE_ID],
        request={"multipart/form-data": SaidSerializer, "application/json": SaidSerializer},
        responses=answers(KeptSentenceSerializer, 400, 403, 404, 409, 410, 411, 413, 422, 429, 503, code=201),
        tags=["learning"],
    )
    @door(most=UPLOAD)
    async def post(self, request: ApiRequest, id: str) -> Response:
        sent = await checked(SaidSerializer, request)
        words = await in_thread(_words, request.learner, id)
        of_month = f"sentences-{timezone.now():%Y-%m}"
        judged = await attempts.add_sentence(
            request.learner, words, sent.attempt(of_month), visitor_of_request(request)
        )
        return Response(KeptSentenceSerializer(_kept(judged, of_month)).data, status=201)


def _words(learner: uuid.UUID, id: str) -> CardWords:
    """Return the words of the learner's mistake. Raises CallRefused, store.OutOfReach."""
    try:
        with cloud.patience(), lookup.reaching() as using:
            cards = list(Card.objects.using(using).filter(learner=learner, pk=uuid.UUID(id)))
            for words in card_words.of_cards(cards, using).values():
                return words
    except ValueError:
        pass
    except cloud.Unavailable:
        raise lookup.OutOfReach from None
    raise CallRefused(404, UNKNOWN)


def _kept(judged: JudgedAttempt, conversation: str) -> Json:
    row = next(row for row in judged.stored.messages if row.role == "user")
    shape: dict[str, Any] = {"message": representations.message(row, judged.stored, signed=True)}
    shape |= {"conversation": conversation, "notices": [judged.without_sound] if judged.without_sound else []}
    return shape | {**representations.where(judged.stored.storage)}
