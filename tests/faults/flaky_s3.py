"""An S3 server as seen through bad weather: a proxy in front of it that answers a share of the requests by an error, late, or not
at all. Which ones is decided by a seed. Signatures cover the Host header, so it goes through as it came."""

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = ("500", "503", "slow", "reset", "lost answer")
CODES = {"500": "InternalError", "503": "SlowDown"}
LATE = 0.2  # seconds
RESET = struct.pack("ii", 1, 0)  # closing sends RST


class FlakyS3(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, *, share: float, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.behind, self.share = port, share
        self.faults: Counter[str] = Counter()
        self.stored = 0  # PUTs that got through
        self._random, self._lock = random.Random(seed), threading.Lock()

    def fault(self) -> str | None:
        """What is to go wrong with the next request."""
        with self._lock:
            fault = self._random.choice(FAULTS) if self._random.random() < self.share else None
            if fault:
                self.faults[fault] += 1
            return fault

    def has_stored(self) -> None:
        with self._lock:
            self.stored += 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed, or that we have hung up on."""


class Handler(BaseHTTPRequestHandler):
    server: FlakyS3
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.fault()
        if fault == "reset":
            self._hang_up()
        elif fault in CODES:
            self._refuse(int(fault or 0), CODES[fault or ""])
        else:
            time.sleep(LATE if fault == "slow" else 0)
            self._pass_on(body, answers=fault != "lost answer")

    do_GET = do_HEAD = do_DELETE = do_POST = do_PUT

    def log_message(self, *arguments: Any) -> None:
        pass

    def _pass_on(self, body: bytes, *, answers: bool) -> None:
        server = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)
        try:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                server.putheader(name, value)
            server.endheaders(body or None)
            answer = server.getresponse()
            data = answer.read()
        finally:
            server.close()
        if self.command == "PUT" and answer.status < 300:
            self.server.has_stored()
        if answers:
            self._answer(answer, data)
        else:
            self._hang_up()

    def _answer(self, answer: http.client.HTTPResponse, data: bytes) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = answer.headers["Content-Length"] if self.command == "HEAD" else str(len(data))
        if answer.status != 204:
            self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>Please try again.</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _hang_up(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()
        self.close_connection = True


@contextmanager
def flaky(port: int, *, share: float, seed: int) -> Iterator[FlakyS3]:
    """In front of the server that listens on this port."""
    proxy = FlakyS3(port, share=share, seed=seed)
    serving = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        serving.join()
