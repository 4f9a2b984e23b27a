"""Send one response of the model: its events in the order and at the pace of the real API."""

import asyncio
import base64
import math
from collections.abc import Iterator
from heapq import merge
from typing import TYPE_CHECKING

from core.json_types import Json
from simulators.openai import scripted_words, sound
from simulators.openai.realtime.conversation import ASSISTANT_TOKEN_MS, Item, from_client

if TYPE_CHECKING:
    from simulators.openai.realtime.talk import Talk

# The time in ms, a rank that puts text before audio, and a token or PCM.
Moment = tuple[float, int, str | bytes]


class SimulatedFailure(Exception):
    """Report that a fault makes the provider's own work fail here."""

    def __init__(self, code: str | None) -> None:
        super().__init__(code)
        message = "The server had an error. Sorry about that!"
        self.error = {"type": code or "server_error", "code": code, "message": message}


class SimulatedResponse:
    """Send one response. `params` is the `response` of `response.create`. The session gives all other parameters."""

    def __init__(self, talk: "Talk", params: Json) -> None:
        session = talk.session
        self.id = talk.simulation.new_id("resp")
        self.out_of_band = params.get("conversation") == "none"
        self._talk = talk
        self._params = params
        self._pace = talk.arrived
        self._spoken = (params.get("output_modalities") or session["output_modalities"]) == ["audio"]
        # The name of the text in the item's only part.
        self._text_field = "transcript" if self._spoken else "text"
        self._item = Item(talk.simulation.new_id("item"), "assistant", status="in_progress")
        if params.get("input") is None:
            heard = talk.conversation.last_said()
        else:
            by_user = [each for each in params["input"] if (each.get("type"), each.get("role")) == ("message", "user")]
            heard = from_client(by_user[-1], "").text() if by_user else ""
        self._text = talk.simulation.script.reply(heard)
        self._tokens_out = 0
        self._ended = False
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        try:
            await self._talk.emit("response.created", response=self._shape("in_progress"))
            await self._talk.emit("rate_limits.updated", rate_limits=_RATE_LIMITS)
        except SimulatedFailure as failed:
            await self._end("failed", {"type": "failed", "error": failed.error})
        else:
            self._task = self._talk.in_background(self._run())

    async def stop(self, reason: str) -> None:
        """Stop speaking. `reason` is `client_cancelled` or `turn_detected`."""
        if self._task and not self._ended:
            self._task.cancel()
            await asyncio.wait({self._task})
        if not self._ended:
            await self._end("cancelled", {"type": "cancelled", "reason": reason})

    async def _run(self) -> None:
        try:
            moments = merge(self._written(), self._voiced()) if self._spoken else self._written()
            for at_ms, _, what in moments:
                await self._pace.until(at_ms)
                if not self._item.content:
                    # The item and its one part are sent first, still empty.
                    await self._send_item("response.output_item.added")
                    if not self.out_of_band:
                        await self._talk.add_item(self._item)
                    kind = "output_audio" if self._spoken else "output_text"
                    self._item.content.append({"type": kind, self._text_field: ""})
                    await self._send_part("response.content_part.added", part=self._part())
                await self._say(what)
            await self._end("completed", None)
        except SimulatedFailure as failed:
            await self._end("failed", {"type": "failed", "error": failed.error})

    def _written(self) -> Iterator[Moment]:
        delays = self._talk.settings.delays
        first = delays.realtime_first_audio_ms if self._spoken else delays.first_token_ms
        for number, token in enumerate(scripted_words.tokens(self._text)):
            yield first + delays.token_ms * number, 0, token

    def _voiced(self) -> Iterator[Moment]:
        settings = self._talk.settings
        pcm = sound.tone(self._text, settings.ms_per_character / self._talk.session["audio"]["output"]["speed"])
        chunk_ms = settings.audio_chunk_ms
        for number in range(math.ceil(sound.milliseconds(pcm) / chunk_ms)):
            at = settings.delays.realtime_first_audio_ms
            at += settings.delays.realtime_per_second_ms * number * chunk_ms / 1000
            size = chunk_ms * sound.BYTES_PER_MS
            yield at, 1, pcm[number * size : (number + 1) * size]

    async def _say(self, what: str | bytes) -> None:
        if isinstance(what, bytes):
            self._item.append(what)
            await self._send_part("response.output_audio.delta", delta=base64.b64encode(what).decode())
            return
        self._item.content[0][self._text_field] += what
        self._tokens_out += 1
        self._talk.simulation.journal.tokens_out += 1
        kind = "response.output_audio_transcript.delta" if self._spoken else "response.output_text.delta"
        await self._send_part(kind, delta=what)

    async def _end(self, status: str, details: dict[str, object] | None) -> None:
        self._ended = True
        self._talk.answers.pop(self.id, None)
        self._item.status = "completed" if status == "completed" else "incomplete"
        if self._item.content:
            # The part and the item end too, complete or not.
            part = self._part()
            if self._spoken:
                await self._send_part("response.output_audio.done")
                await self._send_part("response.output_audio_transcript.done", transcript=part["transcript"])
            else:
                await self._send_part("response.output_text.done", text=part["text"])
            await self._send_part("response.content_part.done", part=part)
            if not self.out_of_band:
                await self._talk.item_done(self._item)
            await self._send_item("response.output_item.done")
        shape = self._shape(status, details)
        if usage := shape["usage"]:
            read, made = usage["input_token_details"], usage["output_token_details"]
            units = {"text_in": read["text_tokens"], "audio_in": read["audio_tokens"]}
            units |= {"text_out": made["text_tokens"], "audio_out": made["audio_tokens"]}
            self._talk.simulation.journal.bill(self._talk.session["model"], **units)
        await self._talk.emit("response.done", response=shape)

    async def _send_item(self, kind: str) -> None:
        await self._talk.emit(kind, response_id=self.id, output_index=0, item=self._item.shape())

    async def _send_part(self, kind: str, **fields: object) -> None:
        place = {"response_id": self.id, "item_id": self._item.id, "output_index": 0, "content_index": 0}
        await self._talk.emit(kind, **place, **fields)

    def _part(self) -> dict[str, object]:
        text = self._item.content[0][self._text_field]
        return {"type": "audio" if self._spoken else "text", self._text_field: text}

    def _shape(self, status: str, details: dict[str, object] | None = None) -> Json:
        output = self._talk.session["audio"]["output"]
        ended = status != "in_progress"
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [self._item.shape()] if ended and self._item.content else [],
            "conversation_id": None if self.out_of_band else self._talk.conversation.id,
            "output_modalities": ["audio"] if self._spoken else ["text"],
            "max_output_tokens": self._params.get("max_output_tokens") or self._talk.session["max_output_tokens"],
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "metadata": self._params.get("metadata"),
            "usage": self._usage() if ended and status != "failed" else None,
        }

    def _usage(self) -> Json:
        """Return the usage: all of the conversation was read, except the item being spoken."""
        instructions = self._params.get("instructions") or self._talk.session["instructions"] or ""
        text, audio = self._talk.conversation.tokens_beside(self._item)
        text += len(scripted_words.tokens(instructions))
        voiced = round(self._item.audio_ms / ASSISTANT_TOKEN_MS)
        cached = {"cached_tokens": 0, "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0}}
        return {
            "total_tokens": text + audio + self._tokens_out + voiced,
            "input_tokens": text + audio,
            "output_tokens": self._tokens_out + voiced,
            "input_token_details": {"text_tokens": text, "audio_tokens": audio, "image_tokens": 0, **cached},
            "output_token_details": {"text_tokens": self._tokens_out, "audio_tokens": voiced},
        }


_RATE_LIMITS = [{"name": "tokens", "limit": 40_000, "remaining": 39_000, "reset_seconds": 1.5}]
