"""Serve shadowing: sentences to say after the agent, the agent's voice at three paces, and attempts. Nothing is saved."""

import asyncio

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from core.doors import door
from core.json_types import Json
from core.method_first import MethodFirst
from core.negotiation import AnyAccept
from core.openapi import answers, refusals
from core.parsers import StrictJSONParser
from core.serializers import BodySerializer, BuiltSerializer, NamedChoiceField, TextField
from learners.authentication import LearnerAuthentication
from learners.requests import ApiRequest
from learners.visitors import visitor_of_request
from practice import recorded_speech, shadowing
from talk import speaking
from talk.engine_view import EngineView, checked
from talk.serializers import SOUND
from talk.speaking_views import MP3
from talk.turns import CallRefused
from talk.views import UPLOAD
from tutor import scenario

# Shares of the agent's usual speed.
PACES = {"normal": 1.0, "slow": 0.75, "slower": 0.55}
MAX_BROUGHT = 20_000  # characters
# Seconds of a sound that a learner brings, and of an attempt.
LONGEST_BROUGHT, LONGEST_ATTEMPT = 300, 60
EITHER = "Send either `text`, or `audio`, a file."
NO_SCENARIO = "scenario: There is no such scenario."
NO_WORDS = "No English words were found in it."
NOTHING_HEARD = "I could not hear any words. Say it once more, close to the microphone."


class AskedSentencesSerializer(serializers.Serializer[object]):
    scenario = serializers.CharField(required=False, max_length=100, help_text="The lines of this scenario.")


class BroughtSerializer(BodySerializer):
    text = TextField(max_length=MAX_BROUGHT, required=False)
    audio = serializers.FileField(
        required=False, allow_empty_file=True, help_text=f"{SOUND} At most {LONGEST_BROUGHT} s."
    )

    def validate(self, attrs: Json) -> Json:
        if ("audio" in attrs) == ("text" in attrs):
            raise ValidationError(EITHER)
        return attrs


class SentencesToSaySerializer(BuiltSerializer[Json]):
    sentences = serializers.ListField(child=serializers.CharField())


class PacedSpeechSerializer(BodySerializer):
    text = TextField(max_length=2 * shadowing.LONGEST_SENTENCE)
    pace = NamedChoiceField(list(PACES), default="normal")


class ShadowedSerializer(BodySerializer):
    sentence = TextField(max_length=2 * shadowing.LONGEST_SENTENCE)
    audio = serializers.FileField(allow_empty_file=True, help_text=f"{SOUND} At most {LONGEST_ATTEMPT} s.")


class ComparedWordSerializer(BuiltSerializer[Json]):
    text = serializers.CharField()
    heard = serializers.BooleanField(
        help_text="false: it was not heard with certainty. It may have been said all the same."
    )


class ComparedSerializer(BuiltSerializer[Json]):
    words = ComparedWordSerializer(many=True, help_text="Of the sentence, in order.")
    text = serializers.CharField(help_text="What was heard.")
    doubt = serializers.BooleanField(help_text="It may have been misheard as a whole.")


class SentencesToSayView(MethodFirst, APIView):
    authentication_classes = [LearnerAuthentication]
    content_negotiation_class = AnyAccept
    http_method_names = ["get"]

    @extend_schema(
        operation_id="listSentences",
        summary="Sentences to say after the agent",
        description="The learner's own sentences with their mistakes corrected, or the lines of a scenario.",
        parameters=[AskedSentencesSerializer],
        responses=answers(SentencesToSaySerializer, 400, 404, 503),
        tags=["practice"],
    )
    def get(self, request: ApiRequest) -> Response:
        asked = AskedSentencesSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        if not (wanted := asked.validated_data.get("scenario")):
            found = shadowing.of_learner(request.learner)
        elif chosen := scenario.load_all().get(wanted):
            found = shadowing.of_scenario(chosen)
        else:
            raise NotFound(NO_SCENARIO)
        return Response(SentencesToSaySerializer({"sentences": found}).data, headers=_private())


class BroughtSentencesView(EngineView):
    parser_classes = [StrictJSONParser, MultiPartParser, FormParser]

    @extend_schema(
        operation_id="readSentences",
        summary="The sentences of a text or a recording that the learner brings",
        description="Nothing of it is kept.",
        request={"application/json": BroughtSerializer, "multipart/form-data": BroughtSerializer},
        responses=answers(SentencesToSaySerializer, 400, 403, 411, 413, 422, 429, 503),
        tags=["practice"],
    )
    @door(most=UPLOAD)
    async def post(self, request: ApiRequest) -> Response:
        sent = (await checked(BroughtSerializer, request)).validated_data
        text = sent.get("text")
        if text is None:
            audio, visitor = sent["audio"].read(), visitor_of_request(request)
            heard, _ = await recorded_speech.transcribe(audio, LONGEST_BROUGHT, visitor)
            text = heard.text
        found = await asyncio.to_thread(shadowing.of_text, text)
        if not found:
            raise CallRefused(422, NO_WORDS)
        return Response(SentencesToSaySerializer({"sentences": found}).data, headers=_private())


class PacedSpeechView(EngineView):
    @extend_schema(
        operation_id="speakAtPace",
        summary="Speak a sentence at one of three paces",
        description="A slower voice is really slower: its pitch stays.",
        request=PacedSpeechSerializer,
        responses={(200, MP3): OpenApiTypes.BINARY, **refusals(400, 403, 411, 413, 429, 501, 503)},
        tags=["practice"],
    )
    async def post(self, request: ApiRequest) -> HttpResponseBase:
        sent = (await checked(PacedSpeechSerializer, request)).validated_data
        speech = await speaking.begin_speech(sent["text"], "", PACES[sent["pace"]])
        return StreamingHttpResponse(speech.as_mp3(), content_type=MP3, headers=_private())


class ShadowingAttemptsView(EngineView):
    parser_classes = [MultiPartParser, FormParser]

    @extend_schema(
        operation_id="compareAttempt",
        summary="Compare what the learner said with the sentence",
        description="The recording is heard by the same ear as a talk, and not kept.",
        request={"multipart/form-data": ShadowedSerializer},
        responses=answers(ComparedSerializer, 400, 403, 411, 413, 422, 429, 503),
        tags=["practice"],
    )
    @door(most=UPLOAD)
    async def post(self, request: ApiRequest) -> Response:
        sent = (await checked(ShadowedSerializer, request)).validated_data
        audio, visitor = sent["audio"].read(), visitor_of_request(request)
        heard, _ = await recorded_speech.transcribe(audio, LONGEST_ATTEMPT, visitor)
        if not heard.text and not heard.doubt:
            raise CallRefused(422, NOTHING_HEARD)
        compared = await asyncio.to_thread(shadowing.compare, sent["sentence"], heard)
        words = [{"text": each.text, "heard": each.heard} for each in compared]
        shape = {"words": words, "text": heard.text, "doubt": heard.doubt is not None}
        return Response(ComparedSerializer(shape).data, headers=_private())


def _private() -> dict[str, str]:
    return {"Cache-Control": "no-store"}
