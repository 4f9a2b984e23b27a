"""Estimate how much of a reply's sound a client has played, if it plays the sound as it comes."""

import time

from audio.encoding import BYTES_PER_SECOND
from talk.turn import bytes_of


class Playback:
    """Follow a reply's sound from when its first piece is sent. `pcm` is PCM16 24 kHz, and grows while the agent speaks."""

    def __init__(self, pcm: bytearray) -> None:
        self._pcm, self._began_at = pcm, time.perf_counter()

    @property
    def elapsed_ms(self) -> int:
        """Return for how many milliseconds a client can have played, even if the sound has ended since."""
        return round((time.perf_counter() - self._began_at) * 1000)

    @property
    def unheard_ms(self) -> int:
        """Return how many milliseconds of the sound a client has not played yet."""
        return max(0, round((self._began_at + len(self._pcm) / BYTES_PER_SECOND - time.perf_counter()) * 1000))

    def between(self, from_ms: int, until_ms: int) -> bytes:
        """Return this part of the sound. Empty if the sound ends before it, or is not there yet."""
        return bytes(self._pcm[bytes_of(from_ms) : bytes_of(until_ms)])
