"""Describe where a server keeps its data: each database, each place for audio. They are read without the server."""

import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

import httpx

from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server
from tests.servers.mongodb import DATABASE as MONGO_DATABASE
from tests.servers.postgresql import DATABASE as POSTGRES_DATABASE
from tests.servers.s3 import BUCKET

# The row that a server writes to test its database.
PROBE = "probe"
# Conversations, messages, recordings. One statement for SQLite and PostgreSQL.
COUNT = """\
SELECT (SELECT count(*) FROM conversations_conversation WHERE wire_id <> 'probe'),
       (SELECT count(*) FROM conversations_message), (SELECT count(*) FROM audio_recording)"""


def in_local_database(data_dir: Path) -> tuple[int, int, int]:
    with closing(sqlite3.connect(data_dir / "shelter.sqlite3", timeout=60)) as connection:
        conversations, messages, recordings = connection.execute(COUNT).fetchone()
    return conversations, messages, recordings


def waiting(data_dir: Path) -> int:
    """Count what waits on a server's machine: rows, and changes in the outbox."""
    with closing(sqlite3.connect(data_dir / "shelter.sqlite3", timeout=60)) as connection:
        (changes,) = connection.execute("SELECT count(*) FROM conversations_pendingchange").fetchone()
    return int(changes) + sum(in_local_database(data_dir))


def files(data_dir: Path) -> dict[str, bytes]:
    """Return the recordings in local storage, by key."""
    folder = data_dir / "recordings"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Database(ABC):
    """Hold one server's own database. `counts` counts its conversations, messages and recordings, with the deleted ones."""

    env: dict[str, str]
    # The `storage` of answers about its data.
    storage: str

    @abstractmethod
    def counts(self) -> tuple[int, int, int]: ...


class Sqlite(Database):
    storage = "local"

    def __init__(self, data_dir: Path) -> None:
        self.env = {}
        self._data_dir = data_dir

    def counts(self) -> tuple[int, int, int]:
        return in_local_database(self._data_dir)


class Postgres(Database):
    storage = "cloud"

    def __init__(self, server: PostgresServer, name: str = POSTGRES_DATABASE) -> None:
        url = server.env["DATABASE_URL"]
        self.env = server.env | {"DATABASE_URL": url.replace(f"/{POSTGRES_DATABASE}?", f"/{name}?")}
        self._server, self._name = server, name

    def counts(self) -> tuple[int, int, int]:
        [(conversations, messages, recordings)] = self._server.execute(COUNT, database=self._name)
        return conversations, messages, recordings


class Mongo(Database):
    storage = "cloud"

    def __init__(self, server: MongoServer, name: str = MONGO_DATABASE) -> None:
        uri = server.env["MONGODB_URI"]
        self.env = server.env | {"MONGODB_URI": uri.replace(f"/{MONGO_DATABASE}?", f"/{name}?")}
        self._database = server.client[name]

    def counts(self) -> tuple[int, int, int]:
        conversations = self._database["conversations_conversation"].count_documents({"wire_id": {"$ne": PROBE}})
        messages = self._database["conversations_message"].count_documents({})
        return conversations, messages, self._database["audio_recording"].count_documents({})


class Audio(ABC):
    env: dict[str, str]

    @abstractmethod
    def all_keys(self) -> list[str]: ...

    @abstractmethod
    def read(self, key: str) -> bytes: ...


class LocalAudio(Audio):
    def __init__(self, data_dir: Path) -> None:
        self.env = {}
        self._data_dir = data_dir

    def all_keys(self) -> list[str]:
        return list(files(self._data_dir))

    def read(self, key: str) -> bytes:
        return (self._data_dir / "recordings" / key).read_bytes()


class Bucket(Audio):
    def __init__(self, server: S3Server) -> None:
        self.env = server.env
        self._client = server.client()

    def all_keys(self) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="audio/")
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def read(self, key: str) -> bytes:
        data = self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert isinstance(data, bytes)
        return data


@dataclass(frozen=True)
class Census:
    """Count the rows, including deleted ones. `elsewhere` counts rows and files outside the configured place."""

    conversations: int = 0
    messages: int = 0
    recordings: int = 0
    files: int = 0
    elsewhere: int = 0

    def plus(self, *, conversations: int = 0, messages: int = 0, voices: int = 0) -> "Census":
        """Return the census with more rows. `voices` are recordings, each with its row and its file."""
        return replace(
            self,
            conversations=self.conversations + conversations,
            messages=self.messages + messages,
            recordings=self.recordings + voices,
            files=self.files + voices,
        )


@dataclass
class Place:
    """Hold a running server and its stores."""

    server: AgentServer
    database: Database
    audio: Audio

    @property
    def storage(self) -> str:
        return self.database.storage

    def census(self) -> Census:
        elsewhere = 0 if isinstance(self.database, Sqlite) else waiting(self.server.data_dir)
        if not isinstance(self.audio, LocalAudio):
            elsewhere += len(files(self.server.data_dir))
        return Census(*self.database.counts(), len(self.audio.all_keys()), elsewhere)

    def learner(self) -> httpx.Client:
        """Return a new learner's client, which keeps cookies and sends neither CSRF token nor Origin."""
        return newcomer(self.server)

    def fetch(self, url: str, **headers: str) -> httpx.Response:
        """Fetch a link without a cookie, as a player does."""
        return fetch(self.server, url, **headers)


def newcomer(server: AgentServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, timeout=60, trust_env=False, verify=False)


def fetch(server: AgentServer, url: str, **headers: str) -> httpx.Response:
    return httpx.get(urljoin(server.url, url), headers=headers, timeout=60, trust_env=False, verify=False)
