"""Serve scenarios, and turns of a talk over plain HTTP."""

import logging
import uuid
from collections.abc import AsyncIterator

from django.db import OperationalError
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from audio.encoding import MAX_BYTES
from conversations import ids, representations, store
from conversations.api_description import ID
from conversations.error_messages import DELETED, UNWRITABLE
from core.doors import door
from core.json_types import Json
from core.negotiation import AnyAccept
from core.openapi import answers, refusals
from core.parsers import StrictJSONParser
from core.threads import in_thread
from learners.authentication import LearnerAuthentication
from learners.requests import ApiRequest
from learners.visitors import visitor_of_request
from talk import capabilities, protocol, speaking, turns
from talk.engine_view import EngineView, checked
from talk.protocol import Event, ProtocolError
from talk.reply import NOTHING_HEARD
from talk.result_serializers import ReplacedSerializer, ScenariosSerializer, TurnResultSerializer
from talk.serializers import TurnSerializer, TypedTurnSerializer, WordsSerializer
from talk.speaking import UNKNOWN_MESSAGE
from talk.turns import CallRefused
from tutor import crisis_lines
from tutor.scenario import LEVELS, load_all

logger = logging.getLogger(__name__)

EVENT_STREAM = "text/event-stream"
# A recording, and the other fields of its form.
UPLOAD = MAX_BYTES + 64 * 1024
SAVED_BUT = "The turn is saved, but the database with it cannot be reached now. Ask for it again in a moment."
MESSAGE_ID = OpenApiParameter("message_id", str, OpenApiParameter.PATH, description="The message's id.")


class ScenariosView(APIView):
    authentication_classes = [LearnerAuthentication]
    content_negotiation_class = AnyAccept
    renderer_classes = [JSONRenderer]
    http_method_names = ["get"]

    @extend_schema(
        operation_id="listScenarios",
        summary="List the scenarios",
        description="`languages` are those in which this server explains mistakes. `translations` are the codes of those "
        "into which it translates.",
        responses=answers(ScenariosSerializer),
        tags=["talking"],
    )
    def get(self, request: ApiRequest) -> Response:
        translations = [each.code for each in capabilities.translations()]
        shape: Json = {"scenarios": load_all().values(), "levels": LEVELS, "languages": capabilities.languages()}
        shape |= {"translations": translations, "partner": capabilities.partner(), **representations.where()}
        return Response(ScenariosSerializer(shape).data)


class TurnView(EngineView):
    parser_classes = [StrictJSONParser, MultiPartParser, FormParser]

    @extend_schema(
        operation_id="takeTurn",
        summary="One turn: sound or text in, the agent's answer out",
        description="Send either `audio` or `text`. With `Accept: text/event-stream` the events come as they happen: "
        "those of the WebSocket, as `event:` and `data:` lines.",
        parameters=[ID],
        request={"multipart/form-data": TurnSerializer, "application/json": TypedTurnSerializer},
        responses={
            (200, "application/json"): TurnResultSerializer,
            (200, EVENT_STREAM): OpenApiTypes.STR,
            **refusals(400, 403, 409, 410, 411, 413, 422, 429, 503),
        },
        tags=["talking"],
    )
    @door(most=UPLOAD)
    async def post(self, request: ApiRequest, id: str) -> HttpResponseBase:
        """Serve `POST /api/conversations/ID/turns`: take one turn, and respond with JSON or, if accepted, server-sent events."""
        learner = request.learner
        if not ids.is_wire_id(id):
            await in_thread(ids.require, learner, id)
        asked = (await checked(TurnSerializer, request)).asked()
        try:
            if kept := await turns.find(learner, id, asked):
                return Response(TurnResultSerializer(kept).data)
            events = turns.take(learner, id, asked, visitor_of_request(request), _country(request))
            first = await anext(events)
            if EVENT_STREAM in request.headers.get("Accept", ""):
                headers = {"Cache-Control": "no-store"}
                return StreamingHttpResponse(_streamed(first, events), content_type=EVENT_STREAM, headers=headers)
            said = [first, *[each async for each in events]]
            return Response(TurnResultSerializer(await _outcome(learner, id, said)).data)
        except CallRefused as refusal:
            # The turn may have been saved meanwhile by an earlier request that lost its connection and finished its work.
            if refusal.status_code == 409 and (kept := await turns.find(learner, id, asked)):
                return Response(TurnResultSerializer(kept).data)
            raise


class MessageView(EngineView):
    http_method_names = ["patch"]

    @extend_schema(
        operation_id="replaceMessageWords",
        summary="Replace misheard words",
        description="Only in a message of the learner. It is then corrected anew.",
        parameters=[ID, MESSAGE_ID],
        request=WordsSerializer,
        responses=answers(ReplacedSerializer, 400, 403, 404, 411, 413, 429, 503),
        tags=["messages"],
    )
    async def patch(self, request: ApiRequest, id: str, message_id: str) -> Response:
        """Serve `PATCH /api/conversations/ID/messages/MID`: replace misheard words by `content`, and correct them anew."""
        sent = await checked(WordsSerializer, request)
        stored, why_not = await speaking.replace_words(request.learner, id, message_id, sent.validated_data["content"])
        row = speaking.found(stored, message_id)
        if stored is None or row is None:
            raise CallRefused(404, UNKNOWN_MESSAGE)
        shape = {"success": True, "message": representations.message(row, stored, signed=True)}
        reason = {"notCorrected": why_not} if why_not else {}
        return Response(ReplacedSerializer({**shape, **reason, **representations.where(stored.storage)}).data)


def _country(request: ApiRequest) -> str:
    return crisis_lines.country(request.headers.get("Accept-Language", ""))


async def _outcome(learner: uuid.UUID, conversation: str, said: list[Event]) -> Json:
    """Return the result of a turn by its events. Raises CallRefused if it was not saved."""
    saved = next((each for each in said if each["type"] == "talk.saved" and each["role"] == "user"), None)
    if saved is None:
        for each in said:
            if each["type"].endswith("transcription.failed") and each["error"]["code"] == "nothing_heard":
                raise CallRefused(422, NOTHING_HEARD)
            if each["type"] == "talk.notice" and each["code"] in ("deleted", "not_saved"):
                raise CallRefused(410 if each["code"] == "deleted" else 503, each["message"])
        raise CallRefused(503, "The turn could not be taken. Try again.")
    try:
        stored = await in_thread(store.get, learner, conversation)
    except store.OutOfReach:
        raise CallRefused(503, SAVED_BUT) from None
    if stored is None:
        raise CallRefused(410, DELETED)
    return turns.summary(stored, saved["item_id"], said)


async def _streamed(first: Event, events: AsyncIterator[Event]) -> AsyncIterator[str]:
    try:
        yield turns.as_server_sent(first)
        async for said in events:
            yield turns.as_server_sent(said)
    except CallRefused as refusal:
        yield turns.as_server_sent(protocol.error(ProtocolError("refused", str(refusal))))
    # A full disk or a locked database.
    except (OSError, OperationalError):
        logger.exception("The storage failed.")
        yield turns.as_server_sent(protocol.error(ProtocolError("refused", UNWRITABLE)))
