"""A learner's turn, while it is spoken."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from audio.encoding import BYTES_PER_SECOND
from tutor.listening import MARGIN_MS, SHORT_PAUSE_MS


def bytes_of(ms: int) -> int:
    return max(0, ms) * BYTES_PER_SECOND // 2000 * 2


@dataclass(slots=True)
class Turn:
    """Sound from `start_ms` (of all the sound of the connection) on; typed turns have text instead."""

    start_ms: int
    item_id: str | None = None
    pcm: bytearray = field(default_factory=bytearray)
    text: str | None = None
    voice_from_ms: int | None = None
    voice_until_ms: int | None = None  # None while the voice goes on
    heard_by: object = None  # the engine's session that has its sound
    at: datetime | None = None  # when it ended: what messages are sorted by
    answer_wanted: asyncio.Event = field(default_factory=asyncio.Event)

    def voice_began(self, at_ms: int) -> None:
        if self.voice_from_ms is None:
            self.voice_from_ms = at_ms
        self.voice_until_ms = None

    def voice_paused(self, at_ms: int) -> None:
        self.voice_until_ms = at_ms - SHORT_PAUSE_MS

    @property
    def seconds(self) -> float:
        return len(self.pcm) / BYTES_PER_SECOND

    def spoken(self) -> bytes:
        """The sound without the silence around the voice; whole, where nobody has listened for one."""
        if self.voice_from_ms is None:
            return bytes(self.pcm)
        start = bytes_of(self.voice_from_ms - self.start_ms - MARGIN_MS)
        stop = len(self.pcm)
        if self.voice_until_ms is not None:
            stop = bytes_of(self.voice_until_ms - self.start_ms + MARGIN_MS)
        return bytes(self.pcm[start:stop])
