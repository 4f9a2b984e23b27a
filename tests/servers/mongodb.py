"""Run SecantusDB, a server that speaks MongoDB's protocol, with authorisation. See secantus_server.py."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pymongo
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from tests.servers.process import ServerProcess

DATABASE = "talking-agent"
SYSTEM = ("admin", "config", "local")


class MongoServer(ServerProcess):
    """Run the server. It has no `missing()`, because MongoDB creates a missing database on the first write."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.env = self._env("password")
        self.env_with_wrong_secret = self._env("wrong")

    @staticmethod
    def available() -> bool:
        return find_spec("secantus") is not None

    def _env(self, password: str) -> dict[str, str]:
        url = f"mongodb://user:{password}@127.0.0.1:{self.port}/{DATABASE}?authSource=admin&directConnection=true"
        return {"USE_CLOUD_STORAGE": "true", "DATABASE_TYPE": "mongodb", "MONGODB_URI": url}

    def command(self) -> list[str]:
        program = Path(__file__).with_name("secantus_server.py")
        return [sys.executable, str(program), str(self.port), str(self.folder / "data")]

    def answers(self) -> bool:
        try:
            with pymongo.timeout(2):
                self.client.admin.command("ping")
        except PyMongoError:
            return False
        return True

    @cached_property
    def client(self) -> MongoClient[dict[str, Any]]:
        """Return the administrator's client."""
        return MongoClient(
            f"mongodb://admin:admin@127.0.0.1:{self.port}/?directConnection=true",
            serverSelectionTimeoutMS=60_000,
            socketTimeoutMS=60_000,
        )

    def database(self) -> Database[dict[str, Any]]:
        return self.client[DATABASE]

    def empty(self) -> None:
        """Drop every database."""
        for name in self.client.list_database_names():
            if name not in SYSTEM:
                self.client.drop_database(name)

    def restore(self) -> None:
        """Restore the server's initial state, after any change by a test."""
        if self.running:
            self.thaw()
        self.start()
        self._change_user(roles=["root"], pwd="password")
        self.empty()

    def end_sessions(self) -> None:
        """Close the application's connections. Here, unlike in mongod, open connections keep their rights."""
        for operation in self.client.admin.command("currentOp")["inprog"]:
            if {"user": "user", "db": "admin"} in operation["effectiveUsers"]:
                self.client.admin.command("killOp", op=operation["opid"])

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Refuse writes (code 13, Unauthorized)."""
        self._change_user(roles=["readAnyDatabase"])
        try:
            yield
        finally:
            self._change_user(roles=["root"])

    @contextmanager
    def wrong_credentials(self) -> Iterator[None]:
        """Change the application's password (code 18), and close its connections.

        A refused client tries again with its next heartbeat, by default after 10 s.
        """
        self._change_user(pwd="changed")
        try:
            yield
        finally:
            self._change_user(pwd="password")

    def _change_user(self, **change: Any) -> None:
        self.client.admin.command("updateUser", "user", **change)
        self.end_sessions()
