"""The agent's answer as it is sent: its events, and what of it was heard."""

import base64
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from audio.encoding import BYTES_PER_SECOND
from tutor.protocol import Event, event

PIECE = BYTES_PER_SECOND // 4  # 250 ms of sound an event
ALL_BUT = 0.15  # seconds: who breaks in on the last sound of a sentence has heard it


@dataclass(frozen=True, slots=True)
class Piece:
    """Words, and where their sound is: bytes of the response's PCM."""

    words: str
    start: int
    end: int

    def up_to(self, heard: int) -> "Piece | None":
        """What of it was heard: a word counts when all of it was."""
        if heard <= self.start or self.end == self.start:
            return None
        if heard + ALL_BUT * BYTES_PER_SECOND >= self.end:
            return self
        letters = int(len(self.words) * (heard - self.start) / (self.end - self.start))
        whole = self.words[: letters + 1].rpartition(" ")[0]
        return Piece(whole, self.start, heard) if whole else None


class Response:
    """One `response` with its one item. It only sends; saving is the answer's."""

    def __init__(
        self, item_id: str, at: datetime, previous: str | None, send: Callable[[Event], Awaitable[None]]
    ) -> None:
        self.id = f"resp_{secrets.token_hex(8)}"
        self.item_id, self.at = item_id, at
        self.pcm = bytearray()
        self.done = False
        self._pieces: list[Piece] = []
        self._previous, self._send = previous, send

    @property
    def text(self) -> str:
        return " ".join(piece.words for piece in self._pieces)

    async def begin(self) -> None:
        await self._send(event("response.created", response=self._shape("in_progress")))
        item = self._item("in_progress")
        await self._send(event("response.output_item.added", response_id=self.id, output_index=0, item=item))
        await self._send(event("conversation.item.added", previous_item_id=self._previous, item=item))
        await self._say("response.content_part.added", part={"type": "audio", "transcript": ""})

    async def words(self, text: str, *, joined: bool = False) -> None:
        """`joined`: they go on with the words before, just as they stand."""
        if joined and self._pieces:
            delta, last = text, self._pieces[-1]
            self._pieces[-1] = replace(last, words=last.words + text)
        else:
            delta = f" {text}" if self._pieces else text
            self._pieces.append(Piece(text, len(self.pcm), len(self.pcm)))
        await self._say("response.output_audio_transcript.delta", delta=delta)

    async def sound(self, pcm: bytes) -> None:
        self.pcm += pcm
        self._pieces[-1] = replace(self._pieces[-1], end=len(self.pcm))
        for start in range(0, len(pcm), PIECE):
            await self._say("response.output_audio.delta", delta=base64.b64encode(pcm[start : start + PIECE]).decode())

    async def end(self, status: str, reason: str = "") -> None:
        """`status`: completed, cancelled or failed."""
        self.done = True
        if status == "cancelled":  # the last words may have no sound yet: nobody heard them
            self._pieces = [piece for piece in self._pieces if piece.end > piece.start]
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
        self._pieces = [kept for piece in self._pieces if (kept := piece.up_to(heard))]
        del self.pcm[heard - heard % 2 :]
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
