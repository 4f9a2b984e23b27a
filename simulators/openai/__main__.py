"""Run the simulated OpenAI: python -m simulators.openai --port N [--delays JSON] [--settings JSON]."""

import argparse
import asyncio
import json
import logging
import selectors
import socket
import sys
import threading
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulators.openai.app import App
from simulators.openai.simulation import Simulation
from simulators.openai.simulator_settings import BadSetting, Settings

# Bytes. The API takes 15 MiB of audio at once, which is more as base64.
BIGGEST_EVENT = 32 * 1024 * 1024


def main() -> None:
    arguments = _arguments()
    listener = _listener(arguments.host, arguments.port)
    server: uvicorn.Server
    simulation = Simulation(_settings(arguments), lambda: server.server_state.connections)
    server = uvicorn.Server(_config(App(simulation)))
    if arguments.until_stdin_closes:
        threading.Thread(target=_stop_at_end_of_stdin, args=(server,), daemon=True).start()
    host, port = listener.getsockname()[:2]
    print(f"The simulated provider listens on http://{host}:{port}/v1", flush=True)
    with asyncio.Runner(loop_factory=_punctual_loop) as runner:
        runner.run(server.serve(sockets=[listener]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulators.openai", description="A simulated OpenAI.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--delays", type=json.loads, default={}, metavar="JSON", help="milliseconds for each stage")
    parser.add_argument("--settings", type=json.loads, default={}, metavar="JSON", help="the fields of settings.py")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when the parent process closes stdin")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> Settings:
    try:
        return Settings().changed(arguments.settings).changed({"delays": arguments.delays})
    except BadSetting as error:
        sys.exit(str(error))


def _listener(host: str, port: int) -> socket.socket:
    """Return a listening socket with its protocol named.

    Otherwise asyncio leaves Nagle's algorithm on, which adds 40 ms to every second event.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(512)
    return listener


def _punctual_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop that uses select: epoll counts in whole milliseconds, select in microseconds.

    select can handle about a thousand connections.
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def _config(app: Any) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").addFilter(_not_by_order)
    return uvicorn.Config(
        app,
        http=Punctual,
        ws="websockets-sansio",
        ws_max_size=BIGGEST_EVENT,
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


class Punctual(HttpToolsProtocol):
    """Note in `scope["state"]["came_at"]`, a list, when the last byte of a request arrived.

    The time to read a request is part of its delay.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._came_at = [0.0]
        self.app_state = {**self.app_state, "came_at": self._came_at}

    def data_received(self, data: bytes) -> None:
        self._came_at[0] = self.loop.time()
        super().data_received(data)


def _not_by_order(record: logging.LogRecord) -> bool:
    """Return False for the log line about an incomplete answer, because a fault has cut it off on purpose."""
    return "without completing" not in record.getMessage()


def _stop_at_end_of_stdin(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
