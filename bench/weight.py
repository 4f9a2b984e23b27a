"""What a server weighs: memory, processor, and what it holds open."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Weight:
    memory_mb: float
    cpu_s: float  # used since it began
    sockets: int  # connected, but for those to the provider, which are kept for the next talk
    files: int  # other descriptors

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
        """What is held open now and was not before."""
        return {"sockets": self.sockets - before.sockets, "files": self.files - before.files}
