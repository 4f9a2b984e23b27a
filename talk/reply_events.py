"""Send the events of the agent's reply, and truncate it to the part that was heard."""

import base64
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from audio.encoding import BYTES_PER_SECOND
from talk.audio_formats import PCM, AudioFormat, Encoder
from talk.items import Item, message_item
from talk.outgoing import Outgoing
from talk.playback import Playback

PIECE = BYTES_PER_SECOND // 4  # 250 ms of sound an event
# Seconds. A learner who interrupts the last sound of a sentence this late has heard all of it.
ALL_BUT = 0.15


@dataclass(frozen=True, slots=True)
class SpokenPiece:
    """Hold words, and the position of their sound in the response's PCM, in bytes."""

    words: str
    start: int
    end: int

    def up_to(self, heard: int) -> "SpokenPiece | None":
        """Return the part that was heard, in whole words, None for no word. `heard` is in bytes of the response's PCM."""
        if heard <= self.start or self.end == self.start:
            return None
        if heard + ALL_BUT * BYTES_PER_SECOND >= self.end:
            return self
        letters = int(len(self.words) * (heard - self.start) / (self.end - self.start))
        whole = self.words[: letters + 1].rpartition(" ")[0]
        return SpokenPiece(whole, self.start, heard) if whole else None


@dataclass(frozen=True, slots=True)
class Output:
    """Hold the output that a client wants of a reply. `modality` is "audio" (with its transcript) or "text"."""

    modality: str = "audio"
    format: AudioFormat = PCM

    @property
    def has_sound(self) -> bool:
        return self.modality == "audio"


class ReplyEvents:
    """Send one `response` with its one item. `Reply` does the saving."""

    def __init__(self, item_id: str, at: datetime, previous: str | None, outgoing: Outgoing, output: Output) -> None:
        self.id = f"resp_{secrets.token_hex(8)}"
        self.item_id, self.at = item_id, at
        self.pcm = bytearray()
        # None until the first sound is sent.
        self.playback: Playback | None = None
        self.done = False
        self._pieces: list[SpokenPiece] = []
        self._previous, self._outgoing = previous, outgoing
        self._output, self._encoder = output, Encoder(output.format)

    @property
    def text(self) -> str:
        return " ".join(piece.words for piece in self._pieces)

    async def begin(self) -> None:
        await self._outgoing.send("response.created", response=self._shape("in_progress"))
        item = self._item("in_progress")
        await self._outgoing.send("response.output_item.added", response_id=self.id, output_index=0, item=item)
        await self._outgoing.send("conversation.item.added", previous_item_id=self._previous, item=item)
        await self._say("response.content_part.added", part=self._part(""))

    async def words(self, text: str, *, joined: bool = False) -> None:
        """Send words. With `joined`, they continue the words before without a space."""
        if joined and self._pieces:
            delta, last = text, self._pieces[-1]
            self._pieces[-1] = replace(last, words=last.words + text)
        else:
            delta = f" {text}" if self._pieces else text
            self._pieces.append(SpokenPiece(text, len(self.pcm), len(self.pcm)))
        transcript = "output_audio_transcript" if self._output.has_sound else "output_text"
        await self._say(f"response.{transcript}.delta", delta=delta)

    async def sound(self, pcm: bytes) -> None:
        if self.playback is None and self._output.has_sound:
            self.playback = Playback(self.pcm)
        self.pcm += pcm
        self._pieces[-1] = replace(self._pieces[-1], end=len(self.pcm))
        for start in range(0, len(pcm), PIECE):
            await self._say_sound(self._encoder.feed(pcm[start : start + PIECE]))

    async def end(self, status: str, reason: str = "") -> None:
        """End the response. `status` is completed, cancelled or failed."""
        self.done = True
        # The last words may have no sound yet. Then the learner has not heard them.
        if status == "cancelled" and self._output.has_sound:
            self._pieces = [piece for piece in self._pieces if piece.end > piece.start]
        item = self._item("completed" if status == "completed" else "incomplete")
        if self._output.has_sound:
            await self._say_sound(self._encoder.flush())
            await self._say("response.output_audio.done")
            await self._say("response.output_audio_transcript.done", transcript=self.text)
        else:
            await self._say("response.output_text.done", text=self.text)
        await self._say("response.content_part.done", part=self._part(self.text))
        await self._outgoing.send("response.output_item.done", response_id=self.id, output_index=0, item=item)
        await self._outgoing.send("conversation.item.done", previous_item_id=self._previous, item=item)
        await self._outgoing.send("response.done", response=self._shape(status, reason, [item]))

    def truncate(self, heard_ms: int) -> str:
        """Remove the part after the first `heard_ms` milliseconds of sound. Return the words that were heard."""
        heard = heard_ms * BYTES_PER_SECOND // 1000
        self._pieces = [kept for piece in self._pieces if (kept := piece.up_to(heard))]
        del self.pcm[heard - heard % 2 :]
        return self.text

    async def _say_sound(self, sound: bytes) -> None:
        if sound and self._output.has_sound:
            await self._say("response.output_audio.delta", delta=base64.b64encode(sound).decode())

    async def _say(self, kind: str, **fields: object) -> None:
        where = {"response_id": self.id, "item_id": self.item_id, "output_index": 0, "content_index": 0}
        await self._outgoing.send(kind, **where, **fields)

    def _part(self, text: str) -> dict[str, str]:
        return {"type": "audio", "transcript": text} if self._output.has_sound else {"type": "text", "text": text}

    def _item(self, status: str) -> Item:
        part = self._part(self.text)
        parts = [part | {"type": f"output_{part['type']}"}] if self._pieces else []
        return message_item(self.item_id, "assistant", parts, status)

    def _shape(self, status: str, reason: str = "", output: list[Item] | None = None) -> dict[str, object]:
        return response_shape(self.id, status, reason, output or [], self._output)


def response_shape(response_id: str, status: str, reason: str, output: list[Item], wanted: Output) -> dict[str, object]:
    details: dict[str, object] | None = None
    if status not in ("in_progress", "completed"):
        # The reasons of the Realtime API differ from ours, so ours goes into `error` as a code.
        details = {"type": status, "error": {"type": "server_error", "code": reason} if reason else None}
    return {
        "id": response_id,
        "object": "realtime.response",
        "status": status,
        "status_details": details,
        "output": output,
        "output_modalities": [wanted.modality],
    }
