"""Run the simulated OpenAI: python -m simulators.openai --port N [--delays JSON] [--settings JSON]."""

import argparse
import asyncio
import json
import logging
import selectors
import socket
import sys
import threading

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulators.openai.app import App
from simulators.openai.simulation import Simulation
from simulators.openai.simulator_settings import BadSetting, Settings

# Bytes. The API takes 15 MiB of audio at once, which is more as base64.
BIGGEST_EVENT = 32 * 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.openai", description="A simulated OpenAI.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--delays", type=json.loads, default={}, metavar="JSON", help="milliseconds for each stage")
    parser.add_argument("--settings", type=json.loads, default={}, metavar="JSON", help="fields of Settings")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when the parent process closes stdin")
    arguments = parser.parse_args()
    listener = _listener(arguments.host, arguments.port)
    try:
        simulation = Simulation(Settings().changed(arguments.settings).changed({"delays": arguments.delays}))
    except BadSetting as error:
        sys.exit(str(error))
    # Faults cut off answers on purpose, so an incomplete answer is not an error.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing" not in record.getMessage())
    config = uvicorn.Config(
        App(simulation),
        http=Punctual,
        ws="websockets-sansio",
        ws_max_size=BIGGEST_EVENT,
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    simulation.connections = server.server_state.connections
    if arguments.until_stdin_closes:
        threading.Thread(target=_stop_at_end_of_stdin, args=(server,), daemon=True).start()
    host, port = listener.getsockname()[:2]
    print(f"The simulated provider listens on http://{host}:{port}/v1", flush=True)
    # epoll counts in whole milliseconds, select in microseconds. select can handle about a thousand connections.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(server.serve(sockets=[listener]))


def _listener(host: str, port: int) -> socket.socket:
    """Return a listening socket with its protocol named.

    Otherwise asyncio leaves Nagle's algorithm on, which adds 40 ms to every second event.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(512)
    return listener


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


def _stop_at_end_of_stdin(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
