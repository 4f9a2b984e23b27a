"""Hold the input audio buffer and detect speech in it: audio that is loud enough counts as voice."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from core.json_types import Json
from simulators.openai.sound import BYTES_PER_MS

FRAME_MS = 20
FRAME = FRAME_MS * BYTES_PER_MS
# A shorter noise does not count as voice.
CLICK_MS = 40
# Milliseconds of silence kept before a voice. A silent talk must not grow.
KEPT_MS = 2000


class SpeechDetector:
    """Buffer audio and detect turns. Positions are in milliseconds of all audio ever written to it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        # Start of the buffer, in bytes.
        self._buffer_from = 0
        # End of the checked audio, in bytes.
        self._checked = 0
        self._speaking = False
        self._voice_ms = self._silence_ms = 0
        self._turn_from_ms = 0

    @property
    def milliseconds(self) -> float:
        """Return the length of the buffered audio."""
        return len(self._buffer) / BYTES_PER_MS

    def write(self, pcm: bytes) -> None:
        self._buffer += pcm

    def listen(self, detection: Json, pause_ms: float) -> Iterator[tuple[Literal["started", "stopped"], int]]:
        """Yield when the learner's turn starts or stops, in ms, in the audio that arrived since the last call."""
        # A threshold of 0.5 is -40 dB of full scale.
        level = 32768 * 10 ** (-(60 - 40 * detection.get("threshold", 0.5)) / 20)
        new = bytes(self._buffer[self._checked - self._buffer_from :])
        samples = np.frombuffer(new[: len(new) // FRAME * FRAME], "<i2").astype(np.float32).reshape(-1, FRAME // 2)
        for loud in np.sqrt((samples * samples).mean(axis=1)) > level:
            self._checked += FRAME
            self._voice_ms = self._voice_ms + FRAME_MS if loud else 0
            self._silence_ms = 0 if loud else self._silence_ms + FRAME_MS
            now_ms = self._checked // BYTES_PER_MS
            if not self._speaking and self._voice_ms >= CLICK_MS:
                self._speaking = True
                began = now_ms - self._voice_ms - detection.get("prefix_padding_ms", 300)
                self._turn_from_ms = max(began, self._buffer_from // BYTES_PER_MS)
                yield "started", self._turn_from_ms
            elif self._speaking and self._silence_ms >= pause_ms:
                self._speaking = False
                yield "stopped", now_ms
        if not self._speaking:
            self._forget_until(self._checked - KEPT_MS * BYTES_PER_MS)

    def take_turn(self, until_ms: int) -> bytes:
        """Return the audio of the turn that has just ended. The buffer continues after it."""
        self._forget_until(self._turn_from_ms * BYTES_PER_MS)
        size = until_ms * BYTES_PER_MS - self._buffer_from
        pcm = bytes(self._buffer[:size])
        self._forget_until(self._buffer_from + size)
        return pcm

    def take_all(self) -> bytes:
        """Return all buffered audio, which is not checked any more."""
        pcm = bytes(self._buffer)
        self._forget_until(self._buffer_from + len(pcm))
        self._checked = max(self._checked, self._buffer_from)
        self._speaking, self._voice_ms, self._silence_ms = False, 0, 0
        return pcm

    def _forget_until(self, position: int) -> None:
        if position > self._buffer_from:
            del self._buffer[: position - self._buffer_from]
            self._buffer_from = position
