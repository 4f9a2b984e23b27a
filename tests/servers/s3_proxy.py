"""Run a proxy in front of a real S3 server, for tests in which the server behaves differently or fails.

Requests are passed on unchanged, with their Host header, which the signature covers.
"""

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from xml.sax.saxutils import escape

OF_A_CONNECTION = ("connection", "content-length", "keep-alive", "transfer-encoding")
# Closing then sends RST.
RESET = struct.pack("ii", 1, 0)

AnyProxy = TypeVar("AnyProxy", bound="S3Proxy")


class S3Proxy(ThreadingHTTPServer):
    """Listen on a free port, at `url`, in front of the S3 server on the port `upstream`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: int, handler: type["ProxyHandler"]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.upstream = upstream
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that was killed, or whose connection was reset."""


class ProxyHandler(BaseHTTPRequestHandler):
    """Call `handle_request` for each request. Response headers that begin with one of `hidden` are left out."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hidden: tuple[str, ...] = ()

    def handle_request(self, body: bytes) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.handle_request(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_GET

    def log_message(self, *arguments: Any) -> None:
        """Keep the output of the tests clean."""

    def pass_on(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        """Send the request to the server. Return its answer, and the answer's body."""
        assert isinstance(self.server, S3Proxy)
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "connection":
                    upstream.putheader(name, value)
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            return answer, answer.read()
        finally:
            upstream.close()

    def answer_with(self, answer: http.client.HTTPResponse, data: bytes) -> None:
        """Give the client the server's answer."""
        left_out = OF_A_CONNECTION + self.hidden
        headers = [(name, value) for name, value in answer.getheaders() if not name.lower().startswith(left_out)]
        self._answer(answer.status, headers, data, answer.headers["Content-Length"] if self.command == "HEAD" else None)

    def refuse(self, status: int, code: str, message: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        self._answer(status, [("Content-Type", "application/xml")], body.encode())

    def reset(self) -> None:
        """Close the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()
        self.close_connection = True

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, length: str | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def serving(proxy: AnyProxy) -> Iterator[AnyProxy]:
    """Run the proxy in a thread for as long as the block takes."""
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
