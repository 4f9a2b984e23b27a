"""Hold a learner's turn while it is spoken."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from audio.encoding import BYTES_PER_SECOND
from engines.vad import MARGIN_MS, SHORT_PAUSE_MS

# Seconds. A longer voice is not a hum. This includes the silence that is kept around it.
HUM_S = 1.5


def bytes_of(ms: int) -> int:
    return max(0, ms) * BYTES_PER_SECOND // 2000 * 2


@dataclass(slots=True)
class Turn:
    """Hold the sound of a turn, or the text of a typed one. Its times are in milliseconds of all the sound of the connection."""

    start_ms: int
    item_id: str | None = None
    pcm: bytearray | bytes = field(default_factory=bytearray)
    text: str | None = None
    voice_from_ms: int | None = None
    # None while the voice goes on.
    voice_until_ms: int | None = None
    # The turn began while the agent was answering, or could still be heard.
    interrupts: bool = False
    # The words of the reply that it interrupts.
    over: str = ""
    # The voice is much softer than the learner's, so it may be another person's.
    is_much_softer: bool = False
    # The engine's session that has its sound.
    heard_by: object = None
    # The time when it ended, which messages are sorted by.
    at: datetime | None = None
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

    @property
    def is_short(self) -> bool:
        """Return whether its voice is so short that it may be a hum."""
        return len(self.spoken()) <= HUM_S * BYTES_PER_SECOND

    def spoken(self) -> bytes:
        """Return the sound without the silence around the voice, or all of it if no voice was searched for."""
        if self.voice_from_ms is None:
            return bytes(self.pcm)
        start, until_ms = bytes_of(self.voice_from_ms - self.start_ms - MARGIN_MS), self.voice_until_ms
        stop = None if until_ms is None else bytes_of(until_ms - self.start_ms + MARGIN_MS)
        return bytes(self.pcm[start:stop])
