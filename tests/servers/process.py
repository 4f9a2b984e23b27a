"""Share the code of all servers: their processes are started, stopped, killed and frozen."""

import contextlib
import functools
import os
import random
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import psutil

from tests.servers import reaper

ROOT = Path(__file__).resolve().parent.parent.parent
STOP_WITHIN = 60  # seconds

_taken: set[int] = set()


def free_port() -> int:
    """Return a free port.

    It is below the ports that the system gives to outgoing connections. One of those could take the port of a server
    that is down.
    """
    while True:
        port = random.randint(12000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port not in _taken and probe.connect_ex(("127.0.0.1", port)) != 0:
                _taken.add(port)
                return port


@functools.cache
def _reaper() -> subprocess.Popen[str]:
    """Run the reaper in its own session, so that Ctrl-C does not end it before the servers."""
    return subprocess.Popen(
        [sys.executable, reaper.__file__], stdin=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
    )


def _tell_reaper(change: str) -> None:
    pipe = _reaper().stdin
    assert pipe
    pipe.write(f"{change}\n")


class ServerProcess(ABC):
    """Run a server that keeps its folder and port. After `stop` or `kill`, `start` continues with the same data."""

    start_within = 120.0  # seconds
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the server works. May take a second or two, but never hangs."""

    def prepare(self) -> None:
        """Create missing files before each start."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def popen_options(self) -> dict[str, Any]:
        return {}

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server unless it runs, and wait until it answers. Raises RuntimeError with its log otherwise."""
        if self.running:
            return
        self.prepare()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.popen_options(),
            )
        _tell_reaper(f"+{self.pid}")
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + self.start_within
        while not self.answers():
            if not self.running or time.monotonic() > deadline:
                self.kill()
                log = self.log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{type(self).__name__} did not start:\n{log}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server cleanly."""
        if self.running:
            self.thaw()
            os.kill(self.pid, self.stop_signal)
            self._ended()

    def kill(self) -> None:
        """Kill all its processes with SIGKILL."""
        if self.running:
            reaper.kill_family(self.pid)
        self._ended()

    def _ended(self) -> None:
        if self._process:
            self._process.wait(timeout=STOP_WITHIN)
            _tell_reaper(f"-{self.pid}")

    def freeze(self) -> None:
        """Stop all its processes with SIGSTOP. The kernel still accepts connections, but they hang."""
        # Stop the main process first, so that it starts no more processes.
        os.kill(self.pid, signal.SIGSTOP)
        for process in reaper.family(self.pid):
            # The process may have just ended.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        for process in reaper.family(self.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
