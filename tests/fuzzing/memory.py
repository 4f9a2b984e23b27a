"""Watch the memory of a server over the rounds of a test."""

import statistics

import psutil

from tests.servers import AgentServer

# Megabytes. The allocator keeps some free memory, and caches fill up to their limits.
ALLOWED_MB = 60


class MemoryWatch:
    """Hold the server's memory at the end of each round. The first round warms it up: models and caches are loaded."""

    def __init__(self, server: AgentServer) -> None:
        self._process, self.rounds_mb = psutil.Process(server.pid), list[float]()

    def end_round(self) -> None:
        self.rounds_mb.append(round(self._process.memory_info().rss / 2**20, 1))

    def require_flat(self) -> None:
        """Fail if the later half of the rounds took more memory than the earlier half, beyond ALLOWED_MB."""
        warm = self.rounds_mb[1:]
        half = len(warm) // 2
        assert statistics.mean(warm[half:]) - statistics.mean(warm[:half]) < ALLOWED_MB, self.rounds_mb
