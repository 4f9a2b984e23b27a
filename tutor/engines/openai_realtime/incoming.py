"""What the provider's events mean for the replies that were asked for, and for whose turn it is."""

import asyncio
import base64
import logging
import time
from collections.abc import Callable

from tutor.engines.base import EngineError, ListenerEvent, SpeechStarted, TurnEnded
from tutor.engines.openai_realtime import counted, failures, sending
from tutor.engines.openai_realtime.ask import Ask
from tutor.engines.openai_realtime.asks import Asks
from tutor.engines.openai_realtime.configuration import Configuration
from tutor.engines.openai_realtime.connection import Connection, ServerEvent
from tutor.engines.openai_realtime.hearing import Hearing
from tutor.provider import clients
from tutor.usage import Used

logger = logging.getLogger(__name__)

RENEWED_AT = 0.95  # of a session's life: between two turns, before the provider ends it in the middle of one
FATAL = {"server_error", "insufficient_quota", "rate_limit_exceeded", "invalid_api_key"}

Notice = Callable[[ListenerEvent, Callable[[], None]], None]


class Incoming:
    """`notice` tells the talk, `leave` gives up a reply. `unrecorded` is what was used for replies that nobody waits for."""

    def __init__(
        self,
        *,
        asks: Asks,
        hearing: Hearing,
        configuration: Configuration,
        notice: Notice,
        leave: Callable[[Ask], None],
    ) -> None:
        self.unrecorded: list[Used] = []
        self._asks, self._hearing, self._configuration = asks, hearing, configuration
        self._notice, self._leave = notice, leave
        self._interruption_told = asyncio.Event()
        self._interruption_told.set()
        self._due_at: float | None = None  # of time.monotonic(): when this session should be renewed

    async def configure(self, connection: Connection) -> None:
        """Returns when the provider has taken the configuration. Raises EngineError."""
        self._due_at = None
        connection.send("session.update", session=self._configuration.whole())
        while True:
            event = await connection.receive()
            match event.get("type"):
                case "session.created":
                    self._note_end(event)
                case "session.updated":
                    connection.speed = self._configuration.speed
                    return
                case "error":
                    error = event.get("error") or {}
                    what = self._configuration.do_without(error)
                    if what is None:
                        raise failures.refused(error)
                    logger.warning("The provider refuses %s (%s); the talk does without.", what, error.get("param"))
                    connection.send("session.update", session=self._configuration.whole())

    def follow(self, connection: Connection, event: ServerEvent) -> None:
        """Raises EngineError, for what cannot be read."""
        follow = self._FOLLOWED.get(str(event.get("type")))
        if follow is None:
            return
        try:
            follow(self, connection, event)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise failures.garbled() from error

    # The answer

    def _response_created(self, connection: Connection, event: ServerEvent) -> None:
        response = event["response"]
        ask = self._asks.of_new_response(response)
        if ask:
            ask.response_id = response["id"]
        if ask is None or ask.left or ask.done:  # nobody waits for it (any more)
            connection.send("response.cancel", response_id=response["id"])

    def _words(self, connection: Connection, event: ServerEvent) -> None:
        if ask := self._heard_by(event):
            ask.words(event["delta"])

    def _sound(self, connection: Connection, event: ServerEvent) -> None:
        if ask := self._heard_by(event):
            ask.sound(event["item_id"], base64.b64decode(event["delta"]))

    def _heard_by(self, event: ServerEvent) -> Ask | None:
        ask = self._asks.of_response(event["response_id"])
        return ask if ask and not (ask.left or ask.done) else None

    def _response_done(self, connection: Connection, event: ServerEvent) -> None:
        response = event["response"]
        ask = self._asks.of_response(response["id"])
        self._count(ask, counted.of_response(clients.model("realtime"), response.get("usage")))
        if ask and ask.left:
            ask.done = True
        elif ask and not ask.done:
            self._end(ask, response)
        connection.proved = connection.proved or response.get("status") == "completed"
        self._between_responses(connection)

    def _end(self, ask: Ask, response: ServerEvent) -> None:
        if response.get("status") == "cancelled":
            ask.cut_short(self._interruption_told)
        elif ask.begun:
            ask.end()
        else:
            ask.fail(failures.of_response(response))

    def _between_responses(self, connection: Connection) -> None:
        if self._asks.is_spoken():
            return
        sending.pace(connection, self._configuration)
        if ask := self._asks.blocked():
            ask.blocked = False
            sending.create(connection, ask, self._configuration)
        self._renew_if_due(connection)

    # What the learner said

    def _committed(self, connection: Connection, event: ServerEvent) -> None:
        ask = self._asks.of_item(event["item_id"]) or self._asks.of_commit()
        if ask:
            ask.item_id = event["item_id"]

    def _transcribed(self, connection: Connection, event: ServerEvent) -> None:
        ask = self._asks.of_item(event["item_id"])
        model = self._configuration.transcriber
        self._count(ask, counted.of_transcription(model, event.get("usage")))
        if ask and not ask.left:
            ask.heard(event["transcript"].strip())
        self._renew_if_due(connection)

    def _not_transcribed(self, connection: Connection, event: ServerEvent) -> None:
        ask = self._asks.of_item(event["item_id"])
        if ask and not ask.left:
            ask.unheard()

    def _speech_started(self, connection: Connection, event: ServerEvent) -> None:
        self._hearing.speaking = True
        told = self._interruption_told = asyncio.Event()
        self._notice(SpeechStarted(self._hearing.at_ms(event["audio_start_ms"])), told.set)

    def _speech_stopped(self, connection: Connection, event: ServerEvent) -> None:
        ask = self._asks.detect(event["item_id"])
        ask.pcm = self._hearing.take()
        self._notice(TurnEnded(self._hearing.at_ms(event["audio_end_ms"])), lambda: self._drop_unasked(ask))

    def _drop_unasked(self, ask: Ask) -> None:
        """The talk was told of this turn, and wants no answer."""
        if self._asks.drop_detected(ask):
            self._leave(ask)

    # The session

    def _note_end(self, event: ServerEvent) -> None:
        expires_at = event["session"].get("expires_at")
        if expires_at:
            self._due_at = time.monotonic() + RENEWED_AT * (expires_at - time.time())

    def _renew_if_due(self, connection: Connection) -> None:
        is_due = self._due_at is not None and time.monotonic() > self._due_at
        connection.renews = is_due and not (self._asks.open() or self._hearing.speaking)

    def _error(self, connection: Connection, event: ServerEvent) -> None:
        error = event["error"]
        code, param = str(error.get("code") or error.get("type")), str(error.get("param") or "")
        verb, _, number = str(error.get("event_id") or "").partition("_")
        ask = self._asks.of_number(number)
        if code == "session_expired":
            connection.expired = True
        elif verb == "update" or param.startswith("session."):
            self._do_without(connection, error)
        elif code == "input_audio_buffer_commit_empty" and (ask := ask or self._asks.of_commit()):
            ask.heard("")
        elif code == "conversation_already_has_active_response" and ask:
            ask.blocked = True
            self._between_responses(connection)
        elif code in FATAL or error.get("type") in FATAL or (verb in ("create", "commit", "item") and ask):
            self._fail(failures.of_error(error), [ask] if ask else self._asks.waiting())
        else:  # a response that had ended before it was cancelled, for one
            logger.info("The provider did not do as asked: %s %s.", code, param)

    def _fail(self, error: EngineError, asks: list[Ask]) -> None:
        for ask in asks:
            if ask.waits:
                ask.fail(error)

    def _do_without(self, connection: Connection, error: ServerEvent) -> None:
        what = self._configuration.do_without(error)
        logger.warning("The provider refuses %s (%s).", what or "a change of the session", error.get("param"))
        if what == "semantic_vad":
            sending.turn_detection(connection, self._configuration)
        elif what is None and self._configuration.detection:
            raise failures.refused(error)

    def _count(self, ask: Ask | None, used: Used | None) -> None:
        if used and ask and not ask.left:
            ask.used(used)
        elif used:
            self.unrecorded.append(used)

    _FOLLOWED: dict[str, Callable[["Incoming", Connection, ServerEvent], None]] = {
        "response.created": _response_created,
        "response.output_audio_transcript.delta": _words,
        "response.output_audio.delta": _sound,
        "response.done": _response_done,
        "input_audio_buffer.committed": _committed,
        "input_audio_buffer.speech_started": _speech_started,
        "input_audio_buffer.speech_stopped": _speech_stopped,
        "conversation.item.input_audio_transcription.completed": _transcribed,
        "conversation.item.input_audio_transcription.failed": _not_transcribed,
        "error": _error,
    }
