"""Apply the provider's events to the pending replies and to turn detection."""

import asyncio
import logging
import time

from engines.interface import SpeechStarted, TurnEnded
from engines.openai import realtime
from engines.openai.realtime import ServerEvent
from engines.openai_realtime import failures, fields, sending
from engines.openai_realtime.configuration import Configuration
from engines.openai_realtime.connection import WHAT, RealtimeConnection
from engines.openai_realtime.input_audio import Hearing
from engines.openai_realtime.link import Link
from engines.openai_realtime.notices import Notices
from engines.openai_realtime.pending_response import Ask
from engines.openai_realtime.pending_responses import Asks
from usage.metering import Used

logger = logging.getLogger(__name__)

# Share of a session's life. It is renewed between two turns, before the provider ends it in the middle of one.
RENEWED_AT = 0.95
FATAL = {"server_error", "insufficient_quota", "rate_limit_exceeded", "invalid_api_key"}


class Incoming:
    """Follow the provider's events.

    `unrecorded` holds the usage of replies that have no caller any more.
    """

    def __init__(
        self, *, link: Link, asks: Asks, hearing: Hearing, configuration: Configuration, notices: Notices
    ) -> None:
        self.unrecorded: list[Used] = []
        self._asks, self._hearing, self._configuration = asks, hearing, configuration
        self._link, self._notices = link, notices
        self._interruption_told = asyncio.Event()
        self._interruption_told.set()
        # The value of time.monotonic() from which this session should be renewed.
        self._due_at: float | None = None

    async def configure(self, connection: RealtimeConnection) -> None:
        """Send the configuration and return when the provider has accepted it. Raises EngineError."""
        self._due_at = None
        sending.whole(connection, self._configuration)
        while not connection.configured:
            self.follow(connection, await connection.receive())

    def follow(self, connection: RealtimeConnection, event: ServerEvent) -> None:
        """Apply one event. Raises EngineError, also for an event that cannot be read."""
        with realtime.understood(WHAT):
            match event.get("type"):
                case "session.created":
                    lasts = (event["session"].get("expires_at") or 0) - time.time()
                    if lasts > 0:
                        self._due_at = time.monotonic() + RENEWED_AT * lasts
                case "session.updated":
                    connection.configured = True
                case "response.created":
                    self._response_created(connection, event["response"])
                case "response.output_audio_transcript.delta":
                    if ask := self._heard_by(event):
                        ask.words(fields.text(event, "delta"))
                case "response.output_audio.delta":
                    if ask := self._heard_by(event):
                        ask.sound(fields.name(event, "item_id"), fields.pcm(event, "delta"))
                case "response.done":
                    self._response_done(connection, event["response"])
                case "input_audio_buffer.committed":
                    item_id = fields.name(event, "item_id")
                    if ask := self._asks.of_item(item_id) or self._asks.of_commit():
                        ask.item_id = item_id
                case "input_audio_buffer.speech_started":
                    self._speech_started(event)
                case "input_audio_buffer.speech_stopped":
                    self._speech_stopped(event)
                case "conversation.item.input_audio_transcription.completed":
                    self._transcribed(connection, event)
                case "conversation.item.input_audio_transcription.failed":
                    ask = self._asks.of_item(fields.name(event, "item_id"))
                    if ask and not ask.left:
                        ask.unheard()
                case "error":
                    self._error(connection, event["error"])

    # Answers

    def _response_created(self, connection: RealtimeConnection, response: ServerEvent) -> None:
        response_id, ask = fields.name(response, "id"), self._asks.of_new_response(response)
        if ask:
            ask.response_id = response_id
        # No caller waits for it, or not any more.
        if ask is None or ask.left or ask.done:
            connection.send("response.cancel", response_id=response_id)

    def _heard_by(self, event: ServerEvent) -> Ask | None:
        ask = self._asks.of_response(fields.name(event, "response_id"))
        return ask if ask and not (ask.left or ask.done) else None

    def _response_done(self, connection: RealtimeConnection, response: ServerEvent) -> None:
        ask = self._asks.of_response(fields.name(response, "id"))
        if took := response.get("usage"):
            self._count(ask, realtime.of_response("realtime", took))
        if ask and ask.left:
            ask.done = True
        elif ask and not ask.done:
            if response.get("status") == "cancelled":
                ask.cut_short(self._interruption_told)
            elif ask.begun:
                ask.end()
            else:
                ask.fail(failures.of_response(response))
        connection.proved = connection.proved or response.get("status") == "completed"
        self._between_responses(connection)

    def _between_responses(self, connection: RealtimeConnection) -> None:
        if self._asks.is_spoken():
            return
        sending.pace(connection, self._configuration)
        if ask := self._asks.blocked():
            ask.blocked = False
            sending.create(connection, ask, self._configuration)
        self._renew_if_due(connection)

    # The learner's words

    def _transcribed(self, connection: RealtimeConnection, event: ServerEvent) -> None:
        ask = self._asks.of_item(fields.name(event, "item_id"))
        if took := event.get("usage"):
            self._count(ask, realtime.of_transcription(took))
        if ask and not ask.left:
            ask.heard(fields.text(event, "transcript").strip())
        self._renew_if_due(connection)

    def _speech_started(self, event: ServerEvent) -> None:
        began_ms = fields.milliseconds(event, "audio_start_ms")
        self._hearing.speaking = True
        told = self._interruption_told = asyncio.Event()
        self._notices.put(SpeechStarted(self._hearing.at_ms(began_ms)), told.set)

    def _speech_stopped(self, event: ServerEvent) -> None:
        ended_ms = fields.milliseconds(event, "audio_end_ms")
        ask = self._asks.detect(fields.name(event, "item_id"))
        ask.pcm = self._hearing.take()
        self._notices.put(TurnEnded(self._hearing.at_ms(ended_ms)), lambda: self._drop_unasked(ask))

    def _drop_unasked(self, ask: Ask) -> None:
        """Drop the turn if the talk was notified of it and asked for no answer."""
        if self._asks.drop_detected(ask):
            sending.leave(self._link.connection, ask)

    # The session

    def _renew_if_due(self, connection: RealtimeConnection) -> None:
        is_due = self._due_at is not None and time.monotonic() > self._due_at
        connection.renews = is_due and not (self._asks.open() or self._hearing.speaking)

    def _error(self, connection: RealtimeConnection, error: ServerEvent) -> None:
        code, param = str(error.get("code") or error.get("type")), str(error.get("param") or "")
        verb, _, number = str(error.get("event_id") or "").partition("_")
        ask = self._asks.of_number(number)
        if code == "session_expired":
            connection.expired = True
        elif not connection.configured:
            self._configure_without(connection, error)
        elif verb == "update" or param.startswith("session."):
            self._do_without(connection, error)
        elif code == "input_audio_buffer_commit_empty" and (ask := ask or self._asks.of_commit()):
            ask.heard("")
        elif code == "conversation_already_has_active_response" and ask:
            ask.blocked = True
            self._between_responses(connection)
        elif _is_fatal(error) or (verb in ("create", "commit", "item") and ask):
            failure = failures.of_error(error)
            for failed in [ask] if ask else self._asks.waiting():
                if failed.waits:
                    failed.fail(failure)
        else:
            # For example, a response that had ended before it was cancelled.
            logger.info("The provider did not do as asked: %s %s.", failures.plain(code), failures.plain(param))

    def _configure_without(self, connection: RealtimeConnection, error: ServerEvent) -> None:
        what = self._configuration.do_without(error)
        if what is None:
            raise failures.of_error(error) if _is_fatal(error) else failures.refused(error)
        logger.warning("The provider refuses %s; the talk does without.", what)
        sending.whole(connection, self._configuration)

    def _do_without(self, connection: RealtimeConnection, error: ServerEvent) -> None:
        what = self._configuration.do_without(error)
        logger.warning("The provider refuses %s.", what or f"a change of {failures.plain(error.get('param'))}")
        if what == "semantic_vad":
            sending.turn_detection(connection, self._configuration)
        elif what is None and self._configuration.detection:
            raise failures.refused(error)

    def _count(self, ask: Ask | None, used: Used) -> None:
        if ask and not ask.left:
            ask.used(used)
        else:
            self.unrecorded.append(used)


def _is_fatal(error: ServerEvent) -> bool:
    return error.get("code") in FATAL or error.get("type") in FATAL
