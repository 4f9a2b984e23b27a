"""The agent's answer as it is sent: its events, and what of it was heard."""

import base64
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from audio.encoding import BYTES_PER_SECOND
from tutor.protocol import Event, event

PIECE = BYTES_PER_SECOND // 4  # 250 ms of sound an event
ALL_BUT = 0.15  # seconds: who breaks in on the last sound of a sentence has heard it


class Response:
    """One `response` with its one item. It only sends; saving is the answer's."""

    def __init__(
        self, item_id: str, at: datetime, previous: str | None, send: Callable[[Event], Awaitable[None]]
    ) -> None:
        self.id = f"resp_{secrets.token_hex(8)}"
        self.item_id, self.at = item_id, at
        self.pcm = bytearray()
        self.done = False
        self._pieces: list[tuple[str, int]] = []  # words, and where their sound ends in `pcm`
        self._previous, self._send = previous, send

    @property
    def text(self) -> str:
        return " ".join(words for words, _ in self._pieces)

    async def begin(self) -> None:
        await self._send(event("response.created", response=self._shape("in_progress")))
        item = self._item("in_progress")
        await self._send(event("response.output_item.added", response_id=self.id, output_index=0, item=item))
        await self._send(event("conversation.item.added", previous_item_id=self._previous, item=item))
        await self._say("response.content_part.added", part={"type": "audio", "transcript": ""})

    async def words(self, text: str) -> None:
        delta = f" {text}" if self._pieces else text
        self._pieces.append((text, len(self.pcm)))
        await self._say("response.output_audio_transcript.delta", delta=delta)

    async def sound(self, pcm: bytes) -> None:
        self.pcm += pcm
        self._pieces[-1] = (self._pieces[-1][0], len(self.pcm))
        for start in range(0, len(pcm), PIECE):
            await self._say("response.output_audio.delta", delta=base64.b64encode(pcm[start : start + PIECE]).decode())

    async def end(self, status: str, reason: str = "") -> None:
        """`status`: completed, cancelled or failed."""
        self.done = True
        item = self._item("completed" if status == "completed" else "incomplete")
        await self._say("response.output_audio.done")
        await self._say("response.output_audio_transcript.done", transcript=self.text)
        await self._say("response.content_part.done", part={"type": "audio", "transcript": self.text})
        await self._send(event("response.output_item.done", response_id=self.id, output_index=0, item=item))
        await self._send(event("conversation.item.done", previous_item_id=self._previous, item=item))
        await self._send(event("response.done", response=self._shape(status, reason, [item])))

    def truncate(self, heard_ms: int) -> str:
        """Forget what was not heard; returns the words that were."""
        heard = heard_ms * BYTES_PER_SECOND // 1000
        kept: list[tuple[str, int]] = []
        start = 0
        for words, end in self._pieces:
            if heard + ALL_BUT * BYTES_PER_SECOND >= end:
                kept.append((words, end))
            elif part := _share(words, (heard - start) / (end - start)):
                kept.append((part, heard))
            start = end
            if start > heard:
                break
        self._pieces = kept
        del self.pcm[max(0, heard - heard % 2) :]
        return self.text

    async def _say(self, kind: str, **fields: Any) -> None:
        where = {"response_id": self.id, "item_id": self.item_id, "output_index": 0, "content_index": 0}
        await self._send(event(kind, **where, **fields))

    def _item(self, status: str) -> dict[str, Any]:
        content = [{"type": "output_audio", "transcript": self.text}] if self._pieces else []
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _shape(self, status: str, reason: str = "", output: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        return response_shape(self.id, status, reason, output or [])


def response_shape(response_id: str, status: str, reason: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    details = None if status in ("in_progress", "completed") else {"type": status, "reason": reason or None}
    return {
        "id": response_id,
        "object": "realtime.response",
        "status": status,
        "status_details": details,
        "output": output,
        "output_modalities": ["audio"],
    }


def _share(words: str, part: float) -> str:
    """The first words of a sentence of which this part was heard: a word counts when all of it was."""
    count = len(words) * max(0.0, part)
    if count >= len(words):
        return words
    return words[: words.rfind(" ", 0, int(count) + 1)] if " " in words[: int(count) + 1] else ""
