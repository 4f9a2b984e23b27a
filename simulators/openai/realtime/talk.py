"""Run one talk: its events in and out, and its end."""

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable, Coroutine

from asgiref.typing import WebSocketScope

from core.json_types import Json
from simulators.openai import error_shapes, sound
from simulators.openai.error_shapes import ApiError
from simulators.openai.http_exchange import MALFORMED, Cut, Receive, Send, hang_up
from simulators.openai.pace import Stopwatch
from simulators.openai.realtime import realtime_session as sessions
from simulators.openai.realtime.answer import SimulatedFailure, SimulatedResponse
from simulators.openai.realtime.conversation import Item, SimulatedConversation, from_client
from simulators.openai.realtime.speech_detection import SpeechDetector
from simulators.openai.simulation import Simulation

# Milliseconds of audio in a turn that the client commits.
SHORTEST_MS = 100
TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Talk:
    """Run one talk. `_read`, answers and transcriptions are separate tasks, which all send with `emit`."""

    def __init__(self, simulation: Simulation, scope: WebSocketScope, send: Send, model: str) -> None:
        self.simulation = simulation
        self.settings = simulation.settings
        expires_at = int(time.time() + self.settings.session_expires_s)
        self.session = sessions.default(simulation.new_id("sess"), model, expires_at)
        self.conversation = SimulatedConversation(simulation.new_id("conv"))
        self.answers: dict[str, SimulatedResponse] = {}
        # Since the client's last event.
        self.arrived = Stopwatch()
        self._scope = scope
        self._send = send
        self._audio = SpeechDetector()
        # The id of the item that is being spoken.
        self._turn_id = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._silent = False
        self._events = 0

    async def run(self, receive: Receive) -> None:
        """Run until the client leaves, a fault cuts the connection, or the session expires. Raises Cut."""
        await self.emit("session.created", session=self.session)
        reader = self.in_background(self._read(receive))
        try:
            await asyncio.wait(
                {reader, self._over}, timeout=self.settings.session_expires_s, return_when=asyncio.FIRST_COMPLETED
            )
            if self._over.done():
                self._over.result()
            elif not reader.done():
                minutes = f"{self.settings.session_expires_s / 60:g}"
                message = f"Your session hit the maximum duration of {minutes} minutes."
                await self._error(ApiError(400, message, code="session_expired"), None)
                await self._send({"type": "websocket.close", "code": 1001, "reason": message})
        finally:
            for task in self._tasks:
                task.cancel()

    def in_background(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        """End the talk on an error of any task: a fault as ordered, or a visible error of the simulator itself."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._over.done():
            self._over.set_exception(error)

    async def emit(self, kind: str, **fields: object) -> None:
        """Send an event, unless a fault replaces it. Raises Cut, and SimulatedFailure if the answer is to fail."""
        if self._silent:
            return
        self._events += 1
        text = json.dumps({"type": kind, **fields, "event_id": f"event_{self._events:06d}"})
        if fault := self.simulation.faults.in_talk(self._scope["path"], kind):
            if fault.kind == "failed":
                raise SimulatedFailure(fault.code)
            if fault.kind == "reset":
                hang_up(self.simulation, self._scope)
            self._silent = fault.kind in ("cut", "reset", "silence")
            if fault.kind == "silence":
                return
            if self._silent:
                raise Cut
            text = MALFORMED
        journal = self.simulation.journal
        journal.events_out[kind] += 1
        journal.bytes_out += len(text)
        await self._send({"type": "websocket.send", "text": text})

    async def add_item(self, item: Item, after: str | None = None) -> None:
        previous = self.conversation.add(item, after)
        await self.emit("conversation.item.added", previous_item_id=previous, item=item.shape())

    async def item_done(self, item: Item) -> None:
        at = self.conversation.items.index(item) if item in self.conversation.items else 0
        previous = self.conversation.items[at - 1].id if at else None
        await self.emit("conversation.item.done", previous_item_id=previous, item=item.shape())

    async def _error(self, error: ApiError, event_id: object) -> None:
        await self.emit("error", error={**error.error, "event_id": event_id})

    async def _read(self, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or ""
            self.simulation.journal.bytes_in += len(text)
            await self._handle(text)

    async def _handle(self, text: str) -> None:
        """Handle one event of the client. Answer an invalid one with an `error` event, and continue."""
        self.arrived = Stopwatch()
        event_id = None
        try:
            event = json.loads(text)
            if not isinstance(event, dict):
                raise ApiError(400, "Invalid event: expected an object.", code="invalid_type")
            event_id = event.get("event_id")
            kind = event.get("type")
            if kind not in VERBS:
                raise sessions.invalid("type", kind, VERBS)
            self.simulation.journal.events_in[kind] += 1
            if kind != "input_audio_buffer.append":
                self.simulation.journal.note(self._scope["path"], session=self.session["id"], event=event)
            await VERBS[kind](self, event)
        except json.JSONDecodeError:
            await self._error(ApiError(400, "Invalid JSON.", code="invalid_json"), None)
        except ApiError as error:
            await self._error(error, event_id)
        except SimulatedFailure:
            await self._error(error_shapes.server_error(), event_id)

    async def _update(self, event: Json) -> None:
        has_spoken = self.conversation.has_speech()
        self.session = sessions.updated(self.session, event.get("session"), has_spoken=has_spoken)
        await self.emit("session.updated", session=self.session)

    async def _append(self, event: Json) -> None:
        try:
            self._audio.write(base64.b64decode(event["audio"], validate=True))
        except (KeyError, ValueError, TypeError) as error:
            expected = "base64-encoded audio bytes (mono PCM16 at 24kHz)"
            message = f"Invalid 'audio'. Expected {expected} but got an invalid value."
            raise ApiError(400, message, param="audio", code="invalid_value") from error
        detection = self.session["audio"]["input"]["turn_detection"]
        if detection is None:
            return
        if detection["type"] == "semantic_vad":
            pause_ms = self.settings.semantic_pause_ms[detection["eagerness"]]
        else:
            pause_ms = float(detection["silence_duration_ms"])
        for kind, at_ms in self._audio.listen(detection, pause_ms):
            if kind == "started":
                self._turn_id = self.simulation.new_id("item")
                await self.emit("input_audio_buffer.speech_started", audio_start_ms=at_ms, item_id=self._turn_id)
                if detection["interrupt_response"] and (active := self._answering()):
                    await active.stop("turn_detected")
            else:
                await self.emit("input_audio_buffer.speech_stopped", audio_end_ms=at_ms, item_id=self._turn_id)
                await self._take(self._audio.take_turn(at_ms), self._turn_id)
                if detection["create_response"] and not self._answering():
                    await self._answer({})

    async def _commit(self, event: Json) -> None:
        if self._audio.milliseconds < SHORTEST_MS:
            message = (
                f"Error committing input audio buffer: buffer too small. Expected at least {SHORTEST_MS}ms of audio, "
                f"but buffer only has {self._audio.milliseconds:.2f}ms of audio."
            )
            raise ApiError(400, message, code="input_audio_buffer_commit_empty")
        await self._take(self._audio.take_all(), self.simulation.new_id("item"))

    async def _take(self, pcm: bytes, item_id: str) -> None:
        """Add a turn of the user to the conversation."""
        heard = self.simulation.script.heard(pcm, sound.milliseconds(pcm) / 1000)
        item = Item(item_id, "user", [{"type": "input_audio", "transcript": None}], heard=heard)
        item.append(pcm)
        previous = self.conversation.last_id()
        await self.emit("input_audio_buffer.committed", previous_item_id=previous, item_id=item_id)
        await self.add_item(item)
        await self.item_done(item)
        if self.session["audio"]["input"]["transcription"]:
            self.in_background(self._transcribe(item, self.arrived))

    async def _transcribe(self, item: Item, pace: Stopwatch) -> None:
        delays, seconds = self.settings.delays, item.audio_ms / 1000
        await pace.until(delays.transcription_ms + delays.transcription_per_second_ms * seconds)
        item.content[0]["transcript"] = item.heard
        place = {"item_id": item.id, "content_index": 0}
        text, audio = len(item.heard.split()), round(seconds * 10)
        usage = {"type": "tokens", "input_tokens": audio, "output_tokens": text, "total_tokens": audio + text}
        usage["input_token_details"] = {"audio_tokens": audio, "text_tokens": 0}
        self.simulation.journal.bill(self.session["audio"]["input"]["transcription"]["model"], seconds=seconds)
        try:
            await self.emit(f"{TRANSCRIPTION}.delta", **place, delta=item.heard)
            await self.emit(f"{TRANSCRIPTION}.completed", **place, transcript=item.heard, usage=usage)
        except SimulatedFailure as failed:
            await self.emit(f"{TRANSCRIPTION}.failed", **place, error=failed.error)

    async def _clear(self, event: Json) -> None:
        self._audio.take_all()
        await self.emit("input_audio_buffer.cleared")

    async def _create_item(self, event: Json) -> None:
        item = from_client(event.get("item"), self.simulation.new_id("item"))
        await self.add_item(item, event.get("previous_item_id"))
        await self.item_done(item)

    async def _delete_item(self, event: Json) -> None:
        self.conversation.delete(event.get("item_id"))
        await self.emit("conversation.item.deleted", item_id=event["item_id"])

    async def _retrieve_item(self, event: Json) -> None:
        item = self.conversation.find(event.get("item_id"), "retrieve")
        await self.emit("conversation.item.retrieved", item=item.shape(with_audio=True))

    async def _truncate_item(self, event: Json) -> None:
        self.conversation.truncate(event.get("item_id"), event.get("audio_end_ms"))
        truncated = {name: event.get(name) for name in ("item_id", "content_index", "audio_end_ms")}
        await self.emit("conversation.item.truncated", **truncated)

    async def _create_response(self, event: Json) -> None:
        params = event.get("response") or {}
        active = self._answering()
        if active and params.get("conversation") != "none":
            message = f"Conversation already has an active response in progress: {active.id}."
            raise ApiError(400, message, code="conversation_already_has_active_response")
        await self._answer(params)

    async def _cancel_response(self, event: Json) -> None:
        wanted = event.get("response_id")
        answer = self.answers.get(wanted) if wanted else self._answering()
        if not answer:
            raise ApiError(400, "Cancellation failed: no active response found", code="response_cancel_not_active")
        await answer.stop("client_cancelled")

    def _answering(self) -> SimulatedResponse | None:
        """Return the response that writes to the conversation. There is at most one."""
        return next((each for each in self.answers.values() if not each.out_of_band), None)

    async def _answer(self, params: Json) -> None:
        answer = SimulatedResponse(self, params)
        self.answers[answer.id] = answer
        await answer.begin()


VERBS: dict[str, Callable[[Talk, Json], Awaitable[None]]] = {
    "session.update": Talk._update,
    "input_audio_buffer.append": Talk._append,
    "input_audio_buffer.commit": Talk._commit,
    "input_audio_buffer.clear": Talk._clear,
    "conversation.item.create": Talk._create_item,
    "conversation.item.delete": Talk._delete_item,
    "conversation.item.retrieve": Talk._retrieve_item,
    "conversation.item.truncate": Talk._truncate_item,
    "response.create": Talk._create_response,
    "response.cancel": Talk._cancel_response,
}
