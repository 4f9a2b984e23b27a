"""Measure a server's memory, CPU time and open descriptors."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Weight:
    memory_mb: float
    # CPU seconds since the start of the process.
    cpu_s: float
    # Connected sockets, except those to the provider, which are kept for the next talk.
    sockets: int
    # Other descriptors.
    files: int

    @classmethod
    def of(cls, pid: int, provider_port: int = 0) -> "Weight":
        process = psutil.Process(pid)
        times = process.cpu_times()
        connected = [each for each in process.net_connections("tcp") if each.raddr]
        kept = sum(each.raddr.port == provider_port for each in connected)
        return cls(
            memory_mb=process.memory_info().rss / 2**20,
            cpu_s=times.user + times.system,
            sockets=len(connected) - kept,
            files=process.num_fds() - len(connected),
        )

    def open_beyond(self, before: "Weight") -> dict[str, int]:
        """Return how many more sockets and files are open than before."""
        return {"sockets": self.sockets - before.sockets, "files": self.files - before.files}
