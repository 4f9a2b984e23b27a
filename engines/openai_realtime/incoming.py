"""Apply the provider's events to the pending replies and to turn detection."""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from engines.interface import ListenerEvent, SpeechStarted, Spoken, TurnDetectionLost, TurnEnded
from engines.openai import realtime
from engines.openai.realtime import ServerEvent
from engines.openai_realtime import failures, fields, sending
from engines.openai_realtime.configuration import Configuration
from engines.openai_realtime.connection import WHAT, RealtimeConnection
from engines.openai_realtime.deposit import Deposit
from engines.openai_realtime.input_audio import UnansweredAudio
from engines.openai_realtime.pending_responses import PendingResponse, PendingResponses
from usage.metering import Used

logger = logging.getLogger(__name__)

# Share of a session's life. It is renewed between two turns, before the provider ends it in the middle of one.
RENEWED_AT = 0.95
FATAL = {"server_error", "insufficient_quota", "rate_limit_exceeded", "invalid_api_key"}


@dataclass(frozen=True, slots=True)
class Notification:
    """Hold an event for the talk. `handled` is set when the talk has handled it. `turn` is the turn that has ended."""

    event: ListenerEvent | TurnDetectionLost
    turn: PendingResponse | None = None
    handled: asyncio.Event = field(default_factory=asyncio.Event)


class Incoming:
    """Follow the provider's events.

    `notifications` are for the talk. `unrecorded` holds the usage of replies that have no caller any more.
    """

    def __init__(
        self, responses: PendingResponses, audio: UnansweredAudio, configuration: Configuration, deposit: Deposit
    ) -> None:
        self.notifications: asyncio.Queue[Notification] = asyncio.Queue()
        self.unrecorded: list[Used] = []
        self._responses, self._audio, self._configuration, self._deposit = responses, audio, configuration, deposit
        # Set when the talk knows of the latest interruption.
        self._interruption_handled = asyncio.Event()
        self._interruption_handled.set()
        # The value of time.monotonic() from which this session should be renewed.
        self._due_at: float | None = None

    async def configure(self, connection: RealtimeConnection) -> None:
        """Send the configuration and return when the provider has accepted it. Raises EngineError."""
        self._due_at = None
        self._configuration.send(connection)
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
                    response_id = fields.name(event["response"], "id")
                    if pending := self._responses.of_new_response(event["response"]):
                        pending.response_id = response_id
                    # No caller waits for it, or not any more.
                    if pending is None or pending.left or pending.done:
                        connection.send("response.cancel", response_id=response_id)
                case "response.output_audio_transcript.delta":
                    if pending := self._heard_by(event):
                        pending.add_words(fields.text(event, "delta"))
                case "response.output_audio.delta":
                    if pending := self._heard_by(event):
                        pending.add_audio(fields.name(event, "item_id"), fields.pcm(event, "delta"))
                case "response.done":
                    self._response_done(connection, event["response"])
                case "input_audio_buffer.committed":
                    item_id = fields.name(event, "item_id")
                    if pending := self._responses.of_item(item_id) or self._responses.of_commit():
                        pending.item_id = item_id
                case "input_audio_buffer.speech_started":
                    began_ms = fields.milliseconds(event, "audio_start_ms")
                    self._audio.speaking = True
                    notification = Notification(SpeechStarted(self._audio.at_ms(began_ms)))
                    self._interruption_handled = notification.handled
                    self.notifications.put_nowait(notification)
                case "input_audio_buffer.speech_stopped":
                    ended_ms = fields.milliseconds(event, "audio_end_ms")
                    pending = self._responses.detect(fields.name(event, "item_id"))
                    pending.pcm = self._audio.take()
                    self.notifications.put_nowait(Notification(TurnEnded(self._audio.at_ms(ended_ms)), pending))
                case "conversation.item.input_audio_transcription.completed":
                    pending = self._responses.of_item(fields.name(event, "item_id"))
                    if took := event.get("usage"):
                        self._count(pending, realtime.of_transcription(took))
                    if pending and not pending.left:
                        pending.heard(fields.text(event, "transcript").strip())
                    self._renew_if_due(connection)
                case "conversation.item.input_audio_transcription.failed":
                    pending = self._responses.of_item(fields.name(event, "item_id"))
                    if pending and not pending.left:
                        pending.unheard()
                case "error":
                    self._error(connection, event["error"])

    # Answers

    def _heard_by(self, event: ServerEvent) -> PendingResponse | None:
        pending = self._responses.of_response(fields.name(event, "response_id"))
        return pending if pending and not (pending.left or pending.done) else None

    def _response_done(self, connection: RealtimeConnection, response: ServerEvent) -> None:
        pending = self._responses.of_response(fields.name(response, "id"))
        if took := response.get("usage"):
            self._count(pending, realtime.of_response("realtime", took))
        if pending and pending.left:
            pending.done = True
        elif pending and not pending.done:
            if response.get("status") == "cancelled":
                pending.end(self._interruption_handled)
            elif pending.begun:
                pending.end(Spoken())
            else:
                pending.fail(failures.of_response(response))
        if self._configuration.detection:
            # The provider answers the next turn without being asked. If it may not, the talk leaves it between two turns.
            self._deposit.renew((), 0.0)
        connection.proved = connection.proved or response.get("status") == "completed"
        self._between_responses(connection)

    def _between_responses(self, connection: RealtimeConnection) -> None:
        if self._responses.is_spoken():
            return
        self._configuration.send_speed(connection)
        if pending := self._responses.blocked():
            pending.blocked = False
            sending.create(connection, pending, self._configuration.instructions)
        self._renew_if_due(connection)

    # The session

    def _renew_if_due(self, connection: RealtimeConnection) -> None:
        is_due = self._due_at is not None and time.monotonic() > self._due_at
        connection.renews = is_due and not (self._responses.open() or self._audio.speaking)

    def _error(self, connection: RealtimeConnection, error: ServerEvent) -> None:
        code, param = str(error.get("code") or error.get("type")), str(error.get("param") or "")
        verb, _, number = str(error.get("event_id") or "").partition("_")
        pending = self._responses.of_number(number)
        if code == "session_expired":
            connection.expired = True
        elif not connection.configured or verb == "update" or param.startswith("session."):
            self._do_without(connection, error)
        elif code == "input_audio_buffer_commit_empty" and (pending := pending or self._responses.of_commit()):
            pending.heard("")
        elif code == "conversation_already_has_active_response" and pending:
            pending.blocked = True
            self._between_responses(connection)
        elif _is_fatal(error) or (verb in ("create", "commit", "item") and pending):
            failure = failures.of_error(error)
            for failed in [pending] if pending else self._responses.waiting():
                if failed.waits:
                    failed.fail(failure)
        else:
            # For example, a response that had ended before it was cancelled.
            logger.info("The provider refused a request: %s %s.", failures.plain(code), failures.plain(param))

    def _do_without(self, connection: RealtimeConnection, error: ServerEvent) -> None:
        """Continue without the setting that the provider refuses. Raises EngineError if the talk needs it."""
        what = self._configuration.do_without(error)
        if what is None and not connection.configured:
            raise failures.of_error(error) if _is_fatal(error) else failures.refused(error)
        logger.warning("The provider refuses %s.", what or f"a change of {failures.plain(error.get('param'))}")
        if not connection.configured:
            self._configuration.send(connection)
        elif what == "semantic_vad":
            self._configuration.send_detection(connection)
        elif what is None and self._configuration.detection:
            raise failures.refused(error)

    def _count(self, pending: PendingResponse | None, used: Used) -> None:
        self._deposit.charge(used)
        if pending and not pending.left:
            pending.add_usage(used)
        else:
            self.unrecorded.append(used)


def _is_fatal(error: ServerEvent) -> bool:
    return error.get("code") in FATAL or error.get("type") in FATAL
