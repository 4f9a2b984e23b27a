import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET, require_http_methods

from audio.encoding import MAX_BYTES
from conversations import store, wire
from conversations.serializers import MAX_ID, is_wire_id
from conversations.threads import in_thread
from tutor import language, protocol, speaking, turns
from tutor.answer import NOTHING_HEARD
from tutor.bodies import MAX_CONTENT, json_of
from tutor.protocol import OWN_WORDS, Event, ProtocolError
from tutor.refusals import told
from tutor.scenario import LEVELS, load_all
from tutor.speaking import UNKNOWN_MESSAGE
from tutor.turns import Asked, Refused

SAVED_BUT = "The turn is saved, but the database with it cannot be reached now. Ask for it again in a moment."


@require_GET
def scenarios(request: HttpRequest) -> JsonResponse:
    shapes = [
        {
            "id": each.id,
            "title": each.title,
            "kind": each.kind,
            "level": each.level,
            "summary": each.summary,
            "icon": each.icon,
            "goals": [goal.text for goal in each.goals],
        }
        for each in load_all().values()
    ]
    languages = [
        {"code": each.code, "name": each.name, "ownName": each.own_name} for each in language.load_all().values()
    ]
    return JsonResponse({"scenarios": shapes, "levels": LEVELS, "languages": languages, **wire.where()})


@require_http_methods(["POST"])
async def turn(request: HttpRequest, pk: str) -> HttpResponseBase:
    """`POST /api/conversations/ID/turns`: one turn, sound or text in; JSON, or server-sent events if asked for, out."""
    learner: uuid.UUID = request.learner  # type: ignore[attr-defined]
    try:
        asked = await asyncio.to_thread(_asked, request, pk)
        if kept := await turns.find(learner, pk, asked.message_id):
            return JsonResponse(turns.summary(kept, asked.message_id or "", []))
        events = turns.take(learner, pk, asked)
        first = await anext(events)
        if "text/event-stream" in request.headers.get("Accept", ""):
            headers = {"Cache-Control": "no-store"}
            return StreamingHttpResponse(_streamed(first, events), content_type="text/event-stream", headers=headers)
        said = [first, *[each async for each in events]]
        return JsonResponse(await _outcome(learner, pk, said))
    except Refused as refusal:
        # It may have been saved while this one was on its way: a connection that was lost finishes its work.
        if refusal.status == 409 and (kept := await turns.find(learner, pk, asked.message_id)):
            return JsonResponse(turns.summary(kept, asked.message_id or "", []))
        return JsonResponse({"error": str(refusal)}, status=refusal.status)


@require_http_methods(["PATCH"])
@told
async def message(request: HttpRequest, pk: str, message_id: str) -> HttpResponse:
    """`PATCH /api/conversations/ID/messages/MID {"content": …}`: mend what was misheard; corrections are made anew."""
    learner: uuid.UUID = request.learner  # type: ignore[attr-defined]
    body = await asyncio.to_thread(json_of, request)
    content = protocol.checked_text(body.get("content"), "content", MAX_CONTENT, required=True)
    stored, why_not = await speaking.mend(learner, pk, message_id, content)
    row = speaking.found(stored, message_id)
    if stored is None or row is None:
        raise Refused(404, UNKNOWN_MESSAGE)
    shape: dict[str, Any] = {"success": True, "message": wire.message(row, stored, signed=True)}
    if why_not:
        shape["notCorrected"] = why_not
    return JsonResponse({**shape, **wire.where(stored.storage)})


def _asked(request: HttpRequest, conversation: str) -> Asked:
    """The request's turn; reading a body blocks. Raises Refused."""
    if not is_wire_id(conversation):
        raise Refused(400, f"The conversation's id has from 1 to {MAX_ID} printable characters.")
    if int(request.headers.get("Content-Length") or 0) > MAX_BYTES + 64 * 1024:
        raise Refused(413, f"The audio is larger than {MAX_BYTES // 1024 // 1024} MB.")
    fields: dict[str, Any] = json_of(request) if request.content_type == "application/json" else request.POST.dict()
    file = request.FILES.get("audio") if request.content_type == "multipart/form-data" else None
    text = fields.get("text")
    if (file is None) == (text is None):
        raise Refused(400, "Send either `audio`, a file, or `text`.")
    try:
        message_id = protocol.item_id_of(fields.get("messageId"))
        if text is not None:
            text = protocol.checked_text(text, "text", protocol.MAX_TEXT, required=True)
        session = _session(fields)
        protocol.wishes_of({"session": session})
    except ProtocolError as problem:
        raise Refused(400, str(problem)) from problem
    wants_reply = str(fields.get("reply", "true")).lower() not in ("false", "0", "no")
    return Asked(file.read() if file else None, text, message_id, wants_reply, session)


def _session(fields: dict[str, Any]) -> dict[str, Any]:
    session: dict[str, Any] = {}
    if talk := {name: fields[name] for name in ("scenario", "level", "language", *OWN_WORDS) if name in fields}:
        session["talk"] = talk
    if "speed" in fields:
        try:
            session["audio"] = {"output": {"speed": float(fields["speed"])}}
        except (TypeError, ValueError) as error:
            raise Refused(400, "`speed` must be a number from 0.6 to 1.2.") from error
    return session


async def _outcome(learner: uuid.UUID, conversation: str, said: list[Event]) -> dict[str, Any]:
    saved = next((each for each in said if each["type"] == "talk.saved" and each["role"] == "user"), None)
    if saved is None:
        raise _failure(said)
    try:
        stored = await in_thread(store.get, learner, conversation)
    except store.OutOfReach:
        raise Refused(503, SAVED_BUT) from None
    if stored is None:
        raise Refused(410, "This conversation was deleted.")
    return turns.summary(stored, saved["item_id"], said)


def _failure(said: list[Event]) -> Refused:
    for each in said:
        if each["type"].endswith("transcription.failed") and each["error"]["code"] == "nothing_heard":
            return Refused(422, NOTHING_HEARD)
        if each["type"] == "talk.notice" and each["code"] in ("deleted", "not_saved"):
            return Refused(410 if each["code"] == "deleted" else 503, each["message"])
    return Refused(503, "The turn could not be taken. Try again.")


async def _streamed(first: Event, events: AsyncIterator[Event]) -> AsyncIterator[str]:
    try:
        yield turns.as_server_sent(first)
        async for said in events:
            yield turns.as_server_sent(said)
    except Refused as refusal:
        yield turns.as_server_sent(protocol.error(ProtocolError("refused", str(refusal))))
