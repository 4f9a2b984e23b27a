"""Run pipecat-ai in a separate virtual environment, because its dependencies conflict with those of this project."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import websockets

from audio.encoding import BYTES_PER_SECOND
from bench.realtime_talks import at_speaking_speed
from tests.servers.process import ROOT, ServerProcess
from tests.talking import bytes_before_voice

VENV = ROOT / ".venv-pipecat"
PACKAGE = "pipecat-ai[openai]==1.14.0"
# Seconds of silence after which the answer counts as complete.
QUIET_S = 0.3
LAX: dict[str, Any] = {"compression": None, "max_size": None, "max_queue": None, "ping_interval": None}


class NotInstalled(Exception):
    """Report that pipecat-ai cannot be installed here. The text says why."""


def install() -> None:
    """Create the environment if it does not exist. Raises NotInstalled."""
    ready = VENV / ".ready"
    if ready.exists() and ready.read_text() == PACKAGE:
        return
    print(f"Installing {PACKAGE} into {VENV.name} …", file=sys.stderr)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
    for command in ([sys.executable, "-m", "venv", str(VENV)], pip):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise NotInstalled(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed")
    ready.write_text(PACKAGE)


class PipecatServer(ServerProcess):
    """Serve one client at a time, with the provider at `url`."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self._url = url

    def command(self) -> list[str]:
        script = ROOT / "bench" / "peers_talk" / "pipecat_talk.py"
        return [str(VENV / "bin" / "python"), str(script), self._url, str(self.port)]

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @asynccontextmanager
    async def talk(self) -> AsyncIterator["PipecatTalk"]:
        async with websockets.connect(f"ws://127.0.0.1:{self.port}", **LAX) as socket:
            yield PipecatTalk(socket)


class PipecatTalk:
    """Hold one talk with pipecat. It sends an answer at twice the speed of speech, and `finished` waits for the end."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._is_answering = False

    async def turn(self, pcm: bytes) -> float:
        """Stream PCM16 24 kHz at speaking speed. Return the seconds from its end to the first audible sample."""
        await self.finished()
        await self._socket.send("start")
        async for piece in at_speaking_speed(pcm):
            await self._socket.send(piece)
        ended = time.perf_counter()
        await self._socket.send("stop")
        self._is_answering = True
        while True:
            sound = await self._socket.recv()
            before = bytes_before_voice(sound)
            if before < len(sound):
                return time.perf_counter() - ended + before / BYTES_PER_SECOND

    async def finished(self) -> None:
        while self._is_answering:
            try:
                await asyncio.wait_for(self._socket.recv(), QUIET_S)
            except TimeoutError:
                self._is_answering = False
