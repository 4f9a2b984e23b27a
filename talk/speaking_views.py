"""Serve the speaking calls of the contract, and two calls of our own on stored conversations."""

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.response import Response

import engines
from audio import recordings, sound_threads
from audio.encoding import BadAudio
from conversations import ids, representations, store
from conversations.api_description import ID
from conversations.views import UNKNOWN
from core.doors import door
from core.openapi import answers, refusals
from core.threads import in_thread
from learners.requests import ApiRequest
from learners.visitors import visitor_of_request
from talk import feedback, serializers, speaking
from talk import result_serializers as results
from talk.engine_view import EngineView, SpeakingView, checked
from talk.turns import CALLS, DECODING, LEAST, RECORDED, CallRefused
from talk.views import MESSAGE_ID, UPLOAD
from usage import budget

MP3 = "audio/mpeg"
NO_WORDS = "This message has no words."
MESSAGE_TOO_LONG = f"This message is longer than {serializers.MAX_TRANSLATED:,} characters: it cannot be translated."
REFUSED = (400, 403, 411, 413, 429, 501, 503)


class TextToSpeechView(SpeakingView):
    @extend_schema(
        operation_id="textToSpeech",
        summary="Speak a text",
        description="With both ids, the speech is saved as the recording of that message of the agent, and the answer is a "
        "link. Otherwise the answer is the sound, and its header `X-Engine` names the engine.",
        request=serializers.SpeechSerializer,
        responses={
            (200, "application/json"): results.SpokenSerializer,
            (200, MP3): OpenApiTypes.BINARY,
            **refusals(*REFUSED, 410),
        },
        tags=["speaking"],
    )
    async def post(self, request: ApiRequest) -> HttpResponseBase:
        """Serve `POST /api/text-to-speech`: stream the speech as MP3. With both ids, save it and return a link to it."""
        sent = (await checked(serializers.SpeechSerializer, request)).validated_data
        conversation, message = sent["conversationId"], sent["messageId"]
        text, voice = sent["text"], sent["voice"]
        if not (conversation and message):
            speech = await speaking.begin_speech(text, voice)
            return StreamingHttpResponse(speech.as_mp3(), content_type=MP3, headers=_headers(speech.engine.name))
        fields = {"field": "conversationId", "message_field": "messageId"}
        await in_thread(ids.require, request.learner, conversation, [message], **fields)
        clip, stored, engine = await speaking.keep_speech(request.learner, conversation, message, text, voice)
        if isinstance(stored, str):
            return HttpResponse(clip.data, content_type=MP3, headers=_headers(engine.name) | {"X-Not-Saved": stored})
        row = speaking.found(stored, message)
        assert row
        link = recordings.link(stored.recordings[row.audio_key])
        shape = {"audioUrl": link, "audioS3Key": row.audio_key, "audioDuration": round(clip.duration, 3)}
        made = {**_made_by(engine.name), **representations.where(stored.storage)}
        return Response(results.SpokenSerializer({**shape, **made}).data)


class SpeechToTextView(SpeakingView):
    parser_classes = [MultiPartParser, FormParser]

    @extend_schema(
        operation_id="speechToText",
        summary="The words in a recording",
        request={"multipart/form-data": serializers.RecordingSerializer},
        responses=answers(results.HeardSerializer, *REFUSED),
        tags=["speaking"],
    )
    @door(most=UPLOAD)
    async def post(self, request: ApiRequest) -> Response:
        """Serve `POST /api/speech-to-text`: return the words in a recording, verbatim."""
        sent = (await checked(serializers.RecordingSerializer, request)).validated_data
        async with RECORDED.taken(visitor_of_request(request), DECODING) as place:
            try:
                pcm = await sound_threads.to_pcm(sent["audio"].read())
            except BadAudio as error:
                raise CallRefused(400, f"audio: {error}") from error
            place.shrink(max(len(pcm), LEAST))
            heard, engine = await speaking.transcribe(pcm, sent["language"])
        return Response(results.HeardSerializer({"text": heard.text, **_made_by(engine.name)}).data)


class TranslateView(SpeakingView):
    @extend_schema(
        operation_id="translate",
        summary="Translate a text",
        request=serializers.TranslationSerializer,
        responses=answers(results.TranslatedSerializer, *REFUSED),
        tags=["speaking"],
    )
    async def post(self, request: ApiRequest) -> Response:
        sent = (await checked(serializers.TranslationSerializer, request)).validated_data
        return await _translated(sent["text"], sent["targetLanguage"])


class ChatView(SpeakingView):
    @extend_schema(
        operation_id="chat",
        summary="The agent's next line",
        description="Nothing is saved. Without messages, it is the agent's first line.",
        request=serializers.ChatSerializer,
        responses=answers(results.ChattedSerializer, *REFUSED),
        tags=["speaking"],
    )
    async def post(self, request: ApiRequest) -> Response:
        """Serve `POST /api/chat`: return the agent's next line, or its first one if there are no messages yet."""
        sent = await checked(serializers.ChatSerializer, request)
        lines = sent.validated_data["messages"]
        async with CALLS.taken(visitor_of_request(request)):
            message, engine = await speaking.chat(lines, sent.brief(lines))
        return Response(results.ChattedSerializer({"message": message, **_made_by(engine.name)}).data)


class AnalyzeConversationView(SpeakingView):
    @extend_schema(
        operation_id="analyzeConversation",
        summary="Analyse a talk",
        description="Nothing is saved. Scores that were not measured are null.",
        request=serializers.TalkSerializer,
        responses=answers(results.AnalysedSerializer, *REFUSED),
        tags=["speaking"],
    )
    async def post(self, request: ApiRequest) -> Response:
        sent = await checked(serializers.TalkSerializer, request)
        lines, minutes = sent.validated_data["conversation"], sent.validated_data["timeLimit"]
        async with CALLS.taken(visitor_of_request(request)):
            shape = await feedback.analyse(lines, sent.brief(lines), minutes)
        return Response(results.AnalysedSerializer(shape | _made_by(shape["engine"])).data)


class KeptAnalysisView(EngineView):
    @extend_schema(
        operation_id="analyzeKeptConversation",
        summary="Analyse a stored conversation",
        description="The analysis is saved with the conversation, and replaces an earlier one.",
        parameters=[ID],
        request=None,
        responses=answers(results.KeptAnalysisSerializer, 403, 404, 410, 411, 413, 429, 501, 503),
        tags=["conversations"],
    )
    async def post(self, request: ApiRequest, id: str) -> Response:
        """Serve `POST /api/conversations/ID/analysis`: analyse a stored conversation, and save the analysis with it."""
        async with CALLS.taken(visitor_of_request(request)):
            analysis = await feedback.of_conversation(request.learner, id)
        if analysis is None:
            raise CallRefused(404, UNKNOWN)
        shape = {"success": True, "analysis": analysis, **_notice(analysis["engine"]), **representations.where()}
        return Response(results.KeptAnalysisSerializer(shape).data)


class KeptTranslationView(EngineView):
    @extend_schema(
        operation_id="translateMessage",
        summary="Translate a stored message",
        parameters=[ID, MESSAGE_ID],
        request=serializers.TargetSerializer,
        responses=answers(results.TranslatedSerializer, 400, 403, 404, 411, 413, 422, 429, 501, 503),
        tags=["messages"],
    )
    async def post(self, request: ApiRequest, id: str, message_id: str) -> Response:
        """Serve `POST /api/conversations/ID/messages/MID/translation`: translate a message of the learner or the agent."""
        target = (await checked(serializers.TargetSerializer, request)).validated_data["targetLanguage"]
        row = speaking.found(await in_thread(store.get, request.learner, id), message_id)
        if row is None:
            raise CallRefused(404, speaking.UNKNOWN_MESSAGE)
        if not row.content.strip():
            raise CallRefused(422, NO_WORDS)
        if len(row.content) > serializers.MAX_TRANSLATED:
            raise CallRefused(422, MESSAGE_TOO_LONG)
        return await _translated(row.content, target)


async def _translated(text: str, target: str) -> Response:
    translation, engine = await speaking.translate(text, target)
    return Response(results.TranslatedSerializer({"translation": translation, **_made_by(engine.name)}).data)


def _made_by(engine: str) -> dict[str, str]:
    return {"engine": engine, **_notice(engine)}


def _headers(engine: str) -> dict[str, str]:
    return {f"X-{name.title()}": value for name, value in _made_by(engine).items()}


def _notice(engine: str) -> dict[str, str]:
    """Return a notice if the embedded engine stood in because today's budget is spent, else an empty dict."""
    why_not = budget.why_not(engines.names()[0]) if engine == budget.EMBEDDED else ""
    return {"notice": f"{why_not} {budget.GOES_ON}"} if why_not else {}
