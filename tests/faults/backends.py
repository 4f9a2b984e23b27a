"""Run the cloud of a fault test, and the server that uses it. Tests break, repair and read it without the application."""

import contextlib
import signal
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, LiteralString, TypeAlias

import httpx

from audio.s3 import PROBES
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server

Database: TypeAlias = PostgresServer | MongoServer
Row: TypeAlias = dict[str, Any]

KINDS = ("killed", "frozen", "refused", "wrong credentials", "missing", "read-only")
# The parts of the cloud, by the names that answers of the API use.
DATABASE, BUCKET = "database", "audio bucket"
# Seconds. A loaded machine may stall.
NOTICED_WITHIN = 60.0
MOVED_WITHIN = 120.0
TABLES: dict[str, LiteralString] = {
    "conversations_conversation": "SELECT to_jsonb(it) FROM conversations_conversation it",
    "conversations_message": "SELECT to_jsonb(it) FROM conversations_message it",
    "audio_recording": "SELECT to_jsonb(it) FROM audio_recording it",
}
UUIDS = ("_id", "learner", "conversation_id", "conversation", "message")
SHELTERED = ("conversations_conversation", "conversations_message", "conversations_pendingchange", "audio_recording")


class Backends:
    """Hold a database, a bucket and the application."""

    def __init__(self, database: Database, s3: S3Server, agent: AgentServer) -> None:
        self.database, self.s3, self.agent = database, s3, agent

    # Their content

    def rows(self, table: str) -> list[Row]:
        """Return the rows of the database, with UUIDs, and `timestamp` in ms."""
        if isinstance(self.database, PostgresServer):
            return [_plain(row) for (row,) in self.database.execute(TABLES[table])]
        return [_plain(row) for row in self.database.database()[table].find()]

    def objects(self) -> dict[str, bytes]:
        return {key: data for key, data in self.s3.objects().items() if not key.startswith(PROBES)}

    def waiting(self) -> dict[str, int]:
        """Return the number of rows of each table in the shelter."""
        with contextlib.closing(
            sqlite3.connect(f"file:{self.agent.data_dir}/shelter.sqlite3?mode=ro", uri=True)
        ) as file:
            counts = {table: file.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in SHELTERED}
        return {table: count for table, count in counts.items() if count}

    def leftovers(self) -> list[str]:
        """Describe what is left in the shelter, which should be empty."""
        return [f"The shelter still has {count} rows of {table}" for table, count in self.waiting().items()]

    def files(self) -> list[str]:
        """Return the recordings in the shelter."""
        folder = self.agent.data_dir / "recordings"
        return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]

    # Their health

    def down(self) -> dict[str, str]:
        """Return what the application counts as down, with the causes."""
        body = httpx.get(f"{self.agent.url}/api/conversations", timeout=60).raise_for_status().json()
        down: dict[str, str] = body.get("down", {})
        assert body.get("degraded", False) == bool(down), body
        return down

    def readiness(self) -> tuple[int, str]:
        answer = httpx.get(f"{self.agent.url}/readyz", timeout=60)
        return answer.status_code, answer.json()["status"]

    def recovered(self, within: float = NOTICED_WITHIN) -> float:
        """Wait until the application reports that nothing is down. Return the seconds."""
        return wait(lambda: not self.down(), within, lambda: f"Still down: {self.down()}\n{self.log()}")

    def noticed(self, half: str, within: float = NOTICED_WITHIN) -> float:
        """Wait until the application reports this half as down."""
        return wait(lambda: half in self.down(), within, lambda: f"Not noticed: the {half}.\n{self.log()}")

    def down_because(self, causes: dict[str, tuple[str, ...]], within: float = NOTICED_WITHIN) -> None:
        """Wait until exactly these halves are down, each for one of the given causes.

        An ended session gives a less precise cause than the next attempt to open one.
        """

        def so() -> bool:
            down = self.down()
            return down.keys() == causes.keys() and all(down[half] in causes[half] for half in causes)

        wait(so, within, lambda: f"{self.down()} instead of {causes}\n{self.log()}")

    def moved(self, within: float = MOVED_WITHIN) -> float:
        """Wait until the shelter is empty."""
        return wait(lambda: not self.waiting(), within, lambda: f"Still waits: {self.waiting()}\n{self.log()}")

    def log(self) -> str:
        return self.agent.log.read_text(errors="replace")[-6000:]

    def repair(self) -> None:
        """Start all stopped servers, and continue all frozen ones."""
        for server in (self.database, self.s3, self.agent):
            if server.running:
                server.thaw()
            server.start()

    # Breaking them

    def server(self, half: str) -> Database | S3Server:
        return self.database if half == DATABASE else self.s3

    def broken(self, half: str, kind: str) -> contextlib.AbstractContextManager[None]:
        """Break the database or the bucket in one of KINDS while the block runs."""
        server = self.server(half)
        if kind == "missing":
            assert not isinstance(server, MongoServer), "a database of MongoDB's appears when it is written to"
            return server.missing()
        ways: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
            "killed": partial(_killed, server),
            "frozen": partial(_frozen, server),
            "refused": partial(_refused, server),
            "wrong credentials": server.wrong_credentials,
            "read-only": server.read_only,
        }
        return ways[kind]()


@contextmanager
def _killed(server: Database | S3Server) -> Iterator[None]:
    server.kill()
    try:
        yield
    finally:
        server.start()


@contextmanager
def _frozen(server: Database | S3Server) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@contextmanager
def _refused(server: Database | S3Server) -> Iterator[None]:
    """Stop the server cleanly. With the usual signal, PostgreSQL would wait for its clients to disconnect."""
    if isinstance(server, PostgresServer):
        server.stop_signal = signal.SIGINT
    server.stop()
    try:
        yield
    finally:
        server.start()


def _plain(row: Row) -> Row:
    row = {name: uuid.UUID(value) if name in UUIDS and value else value for name, value in row.items()}
    if moment := row.get("timestamp"):
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        row["timestamp"] = round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    return row


def wait(until: Callable[[], object], within: float = NOTICED_WITHIN, otherwise: Callable[[], str] = str) -> float:
    """Wait until the condition is true. Return the seconds. Fail after `within` with this message."""
    began = time.monotonic()
    while not until():
        assert time.monotonic() - began < within, otherwise()
        time.sleep(0.05)
    return time.monotonic() - began
