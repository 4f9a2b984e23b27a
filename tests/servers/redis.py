"""Run Redis."""

import os
import shutil
import socket
from pathlib import Path
from typing import Any

from tests.servers.process import ROOT, ServerProcess

# tests/redis.sh unpacks Debian's packages here.
UNPACKED = ROOT / ".venv" / "redis" / "usr"
PROGRAMS = ("redis-server", str(UNPACKED / "bin" / "redis-server"))


class RedisServer(ServerProcess):
    """Run a Redis server that keeps nothing on the disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.env = {"REDIS_URL": self.url}

    @staticmethod
    def program() -> str | None:
        return next((found for name in PROGRAMS if (found := shutil.which(name))), None)

    @classmethod
    def available(cls) -> bool:
        return cls.program() is not None

    def command(self) -> list[str]:
        program = self.program()
        assert program
        return [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

    def popen_options(self) -> dict[str, Any]:
        return {"env": {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, UNPACKED.glob("lib/*")))}}

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
