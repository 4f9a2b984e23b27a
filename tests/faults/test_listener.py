"""The server closes endless connections and refuses oversized requests, without delay for other clients."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import httpx
import psutil
import pytest

from talking_agent import listener
from tests.faults.strict_server import StrictServer
from tests.servers import AgentServer
from tests.talking import new_learner

MB = 1024 * 1024
PATIENT = 60.0  # seconds
PIECE = bytes(64 * 1024).replace(b"\0", b"a")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    server = StrictServer(tmp_path_factory.mktemp("strict"), CONNECTIONS_PER_ADDRESS="40")
    server.set_up()
    server.start()
    yield server
    server.kill()


def connected(server: AgentServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENT)


def until_closed(connection: socket.socket) -> bytes:
    """Return everything that the server sends. Fail if it does not close the connection."""
    received = b""
    with contextlib.suppress(ConnectionError), connection:
        while piece := connection.recv(65536):
            received += piece
    return received


def head(length: int, path: str = "/api/conversations/slow/turns") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        "Content-Type: multipart/form-data; boundary=half\r\n\r\n"
    ).encode()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


# Headers

IN_ONE_LINE = [b"X-Large: ", *[PIECE] * (50 * MB // len(PIECE))]
IN_MANY_LINES = [b"X-Large: %b\r\n" % PIECE[:1000]] * (50 * MB // 1011)
ADDRESS = [PIECE] * (50 * MB // len(PIECE))


@pytest.mark.parametrize(
    ("start", "pieces"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", IN_ONE_LINE),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", IN_MANY_LINES),
        (b"GET /", ADDRESS),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", [PIECE] * 800),
    ],
    ids=["one line", "many lines", "address", "a name without an end"],
)
def test_headers_of_50_mb_are_refused_before_they_are_complete(strict: AgentServer, start: bytes, pieces: list[bytes]):
    with connected(strict) as connection:
        began = time.monotonic()
        connection.sendall(start)
        sent = 0
        connection.setblocking(False)
        answer = b""
        deadline = time.monotonic() + PATIENT
        while not answer and sent < len(pieces) and time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                answer = connection.recv(65536)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                sent += bool(connection.send(pieces[sent]))
        # A second on a machine at rest.
        assert time.monotonic() - began < 10
        # Other learners do not wait for it.
        assert httpx.get(f"{strict.url}/healthz", timeout=10).status_code == 200
    assert status_of(answer) in (400, 431)
    # The system's buffers hold less than this.
    assert sum(map(len, pieces[:sent])) < 16 * MB


def test_complete_headers_of_64_kb_are_accepted(server: AgentServer):
    fitting = httpx.get(f"{server.url}/healthz", headers={"X-Large": "a" * 60_000}, timeout=PATIENT)
    assert fitting.status_code == 200
    answer = httpx.get(f"{server.url}/healthz", headers={"X-Large": "a" * 70_000}, timeout=PATIENT)
    assert (answer.status_code, list(answer.json())) == (431, ["error"])


def test_size_limits_start_anew_with_each_request(server: AgentServer):
    with httpx.Client(headers={"X-Large": "a" * 30_000}, timeout=PATIENT) as client:
        for _ in range(5):
            assert client.get(f"{server.url}/healthz").status_code == 200
        assert client.post(f"{server.url}/api/chat", content=b"[" * 200_000).status_code == 400
        assert client.get(f"{server.url}/healthz").status_code == 200


# Slow connections

SLOW = {
    "nothing": b"",
    "an empty line": b"\r\n",
    "half a line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
    "half a handshake": b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    "half a body": head(10_000) + b"--half",
    "all of a body but its last byte": head(2 * MB) + bytes(2 * MB - 1),
}


def test_default_timeouts_close_slow_connections_within_75_s() -> None:
    """A learner on a slow connection has half a minute."""
    for seconds in (listener.HEAD_S, listener.STALL_S, listener.BODY_S):
        assert seconds == 30
    assert listener.UNREAD_S + listener.CHECK_EVERY < 75
    # The longest that a body of 64 MB may take: no drip can hold a connection for ever.
    assert listener.BODY_S + 64 * MB / listener.SLOWEST < 3 * 3600
    assert listener.CHECK_EVERY <= 1


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_a_stalled_request_is_closed(strict: AgentServer, sent: bytes):
    connection = connected(strict)
    connection.sendall(sent)
    answer = until_closed(connection)
    assert status_of(answer) in (0, 408)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: ", head(10_000)], ids=["head", "body"])
def test_a_request_that_arrives_too_slowly_is_closed(strict: AgentServer, sent: bytes):
    connection = connected(strict)
    connection.sendall(sent)
    connection.settimeout(0.1)
    deadline = time.monotonic() + PATIENT
    with connection, contextlib.suppress(ConnectionError):
        while time.monotonic() < deadline:
            connection.send(b"a")
            with contextlib.suppress(TimeoutError):
                if status_of(connection.recv(65536)) in (0, 408):
                    return
    assert time.monotonic() < deadline


def test_a_client_that_reads_no_answer_is_closed(strict: AgentServer):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(PATIENT)
    connection.connect(("127.0.0.1", strict.port))
    mine = connection.getsockname()[1]
    connection.sendall(b"GET /api/schema HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
    until(lambda: is_open(strict, mine))
    until(lambda: not is_open(strict, mine))
    connection.close()


def is_open(server: AgentServer, client_port: int) -> bool:
    connections = psutil.Process(server.pid).net_connections("tcp")
    return any(each.raddr and each.raddr.port == client_port for each in connections)


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENT
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_many_unfinished_large_bodies_take_no_memory(strict: AgentServer):
    process = psutil.Process(strict.pid)
    httpx.get(f"{strict.url}/api/conversations", timeout=PATIENT)
    before, most = process.memory_info().rss, 0
    connections = [connected(strict) for _ in range(20)]
    for connection in connections:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head(20 * MB) + bytes(20 * MB - 1))
        most = max(most, process.memory_info().rss)
    for connection in connections:
        assert status_of(until_closed(connection)) in (0, 408, 429)
    assert (most - before) / MB < 150


def test_connections_of_one_address_are_limited(strict: AgentServer):
    connections = [connected(strict) for _ in range(50)]
    time.sleep(0.1)
    answers = [until_closed(connection) for connection in connections]
    turned_away = [answer for answer in answers if status_of(answer) == 503]
    assert len(turned_away) >= 9
    assert b"retry-after" in turned_away[0]
    assert httpx.get(f"{strict.url}/healthz", timeout=PATIENT).status_code == 200


# Oversized requests


@pytest.mark.parametrize(
    ("path", "length"),
    [
        ("/api/conversations/large/turns", 10_000_000_000),
        ("/api/conversations", 10_000_000_000),
        ("/api/conversations", 65 * MB),
        ("/api/conversations/large/turns", 27 * MB),
        ("/api/speech-to-text", 27 * MB),
        ("/api/chat", 5 * MB),
        ("/admin/login/", 5 * MB),
        ("/nowhere", 5 * MB),
    ],
)
def test_a_body_is_refused_by_its_declared_length(server: AgentServer, path: str, length: int):
    with connected(server) as connection:
        connection.sendall(head(length, path) + b"a")
        assert status_of(connection.recv(65536)) == 413


@pytest.mark.parametrize("length", ["-1", "many", "1, 2", "0x10"])
def test_an_invalid_content_length_is_refused(server: AgentServer, length: str):
    with connected(server) as connection:
        connection.sendall(f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
        assert status_of(connection.recv(65536)) == 400


def test_a_client_that_is_still_sending_can_read_the_refusal(server: AgentServer):
    answer = httpx.post(f"{server.url}/api/chat", content=bytes(20 * MB), timeout=PATIENT)
    assert (answer.status_code, "4 MB" in answer.json()["error"]) == (413, True)


@pytest.mark.parametrize("path", ["/api/conversations", "/api/import", "/api/conversations/x/turns", "/api/chat"])
@pytest.mark.parametrize("unit", [b"[],", b"0,", b'{"a":1},'])
def test_json_of_millions_of_values_is_refused_before_it_is_parsed(server: AgentServer, path: str, unit: bytes):
    body = b"[%b0]" % (unit * (3 * MB // len(unit)))
    answer = httpx.post(
        f"{server.url}{path}",
        content=body,
        headers={"Content-Type": "application/json", "Cookie": new_learner(server.url)},
        timeout=PATIENT,
    )
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


# Health


@pytest.mark.parametrize("host", ["localhost", "10.1.2.3", "somewhere.example", "a b", ""])
def test_healthz_accepts_any_host(server: AgentServer, host: str):
    with connected(server) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = until_closed(connection)
    assert status_of(answer) == 200
    assert answer.endswith(b'{"status": "ok"}')


def test_healthz_allows_only_get_and_head(server: AgentServer):
    assert httpx.head(f"{server.url}/healthz", timeout=PATIENT).content == b""
    answer = httpx.post(f"{server.url}/healthz", content=b"a", timeout=PATIENT)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
