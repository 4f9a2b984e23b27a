"""The speaking calls of the contract, and two of our own on what is kept."""

import asyncio
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST

from audio import recordings
from audio.encoding import BadAudio, to_pcm
from conversations import store, wire
from conversations.errors import UNWRITABLE
from conversations.threads import in_thread
from conversations.views import UNKNOWN
from tutor import bodies, feedback, speaking
from tutor.protocol import checked_text
from tutor.refusals import told
from tutor.turns import Refused

MAX_SPOKEN = 4_096  # characters: about five minutes
MAX_TRANSLATED = 20_000
MP3 = "audio/mpeg"
NO_WORDS = "This message has no words."
TOO_LONG = f"This message is longer than {MAX_TRANSLATED:,} characters: it cannot be translated."


@require_POST
@told
async def text_to_speech(request: HttpRequest) -> HttpResponseBase:
    """`POST /api/text-to-speech`: the speech as MP3, as it is made; with both ids kept, and a link to it."""
    body = await _json(request)
    text = checked_text(body.get("text"), "text", MAX_SPOKEN, required=True)
    voice = checked_text(body.get("voice") or "", "voice", 100)
    conversation, message = bodies.id_of(body, "conversationId"), bodies.id_of(body, "messageId")
    if conversation and message:
        return await _kept_speech(_learner(request), conversation, message, text, voice)
    speech = await speaking.begin_speech(text, voice)
    return StreamingHttpResponse(speech.as_mp3(), content_type=MP3, headers=_made_by(speech.engine.name))


@require_POST
@told
async def speech_to_text(request: HttpRequest) -> HttpResponseBase:
    """`POST /api/speech-to-text`: the words in a recording, verbatim."""
    audio, fields = await asyncio.to_thread(bodies.upload_of, request)
    spoken = bodies.spoken_language_of(fields, "language")
    try:
        pcm = await asyncio.to_thread(to_pcm, audio)
    except BadAudio as error:
        raise Refused(400, f"audio: {error}") from error
    text, engine = await speaking.transcribe(pcm, spoken)
    return JsonResponse({"text": text, "engine": engine.name})


@require_POST
@told
async def translate(request: HttpRequest) -> HttpResponseBase:
    body = await _json(request)
    text = checked_text(body.get("text"), "text", MAX_TRANSLATED, required=True)
    return await _translated(text, bodies.language_of(body, "targetLanguage"))


@require_POST
@told
async def chat(request: HttpRequest) -> HttpResponseBase:
    """`POST /api/chat`: the agent's next line; its first, if there are no messages yet."""
    body = await _json(request)
    lines = bodies.lines_of(body, "messages")
    message, engine = await speaking.chat(lines, bodies.brief_of(body, lines))
    return JsonResponse({"message": message, "engine": engine.name})


@require_POST
@told
async def analyze_conversation(request: HttpRequest) -> HttpResponseBase:
    body = await _json(request)
    lines, minutes = bodies.lines_of(body, "conversation"), bodies.minutes_of(body, "timeLimit")
    return JsonResponse(await speaking.analyse(lines, bodies.brief_of(body, lines), minutes))


@require_POST
@told
async def kept_analysis(request: HttpRequest, pk: str) -> HttpResponseBase:
    """`POST /api/conversations/ID/analysis`: made of what is kept, and kept with it."""
    shape = await feedback.of_conversation(_learner(request), pk)
    if shape is None:
        raise Refused(404, UNKNOWN)
    return JsonResponse({"success": True, "analysis": shape, **wire.where()})


@require_POST
@told
async def kept_translation(request: HttpRequest, pk: str, message_id: str) -> HttpResponseBase:
    """`POST /api/conversations/ID/messages/MID/translation`: of any turn, the learner's or the agent's."""
    target = bodies.language_of(await _json(request), "targetLanguage")
    row = speaking.found(await in_thread(store.get, _learner(request), pk), message_id)
    if row is None:
        raise Refused(404, speaking.UNKNOWN_MESSAGE)
    if not row.content.strip():
        raise Refused(422, NO_WORDS)
    if len(row.content) > MAX_TRANSLATED:
        raise Refused(422, TOO_LONG)
    return await _translated(row.content, target)


async def _kept_speech(learner: uuid.UUID, conversation: str, message: str, text: str, voice: str) -> HttpResponse:
    clip, stored, engine = await speaking.keep_speech(learner, conversation, message, text, voice)
    if stored is None:
        return HttpResponse(clip.data, content_type=MP3, headers=_made_by(engine.name) | {"X-Not-Saved": UNWRITABLE})
    row = speaking.found(stored, message)
    assert row
    link = recordings.url(stored.recordings[row.audio_key])
    shape = {"audioUrl": link, "audioS3Key": row.audio_key, "audioDuration": round(clip.duration, 3)}
    return JsonResponse({**shape, "engine": engine.name, **wire.where(stored.storage)})


async def _translated(text: str, target: str) -> JsonResponse:
    translation, engine = await speaking.translate(text, target)
    return JsonResponse({"translation": translation, "engine": engine.name})


async def _json(request: HttpRequest) -> dict[str, Any]:
    return await asyncio.to_thread(bodies.json_of, request)


def _learner(request: HttpRequest) -> uuid.UUID:
    return request.learner  # type: ignore[attr-defined]  # set by learners.middleware


def _made_by(engine: str) -> dict[str, str]:
    return {"X-Engine": engine}
