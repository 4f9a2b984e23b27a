"""Query a database server for the checks, by connections that bypass the pool and the breaker."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, sql

from core.cloud import patience
from core.findings import NotSupported
from core.postgresql.base import Connection
from migration.checks.migrations import Names

CONNECT_WITHIN = 2  # seconds
# For pymongo, which may wait twice, because closing its client asks the server, too.
GIVEN_UP_AFTER_MS = 1500

# Values by column, as the driver takes them.
Row: TypeAlias = dict[str, object]
# A connection of psycopg, or a database of pymongo. Callers pass it back to the server that opened it.
DriverConnection: TypeAlias = Any


@dataclass(frozen=True)
class PostgreSQL:
    # For what Django knows without a connection.
    wrapper: BaseDatabaseWrapper
    # The setting with its address.
    variable = "DATABASE_URL"
    # How to have it take more connections.
    more_room = "raise max_connections, or put pgbouncer in front of it"
    # The exceptions that its driver raises.
    failures = (psycopg.Error,)

    def code(self, error: Exception) -> str | int | None:
        """Return the server's code for an error, if it gave one."""
        return getattr(error, "sqlstate", None)

    def hint(self, code: str | int | None) -> str:
        """Return a question about the address that this error suggests, or nothing."""
        return ""

    @contextmanager
    def connected(self) -> Iterator[DriverConnection]:
        """Open a connection of its own, which has proved that it works."""
        params = self.wrapper.get_connection_params() | {"connect_timeout": CONNECT_WITHIN, "autocommit": True}
        # With patience, so that a wait that the runner has abandoned also ends, and gives its connection back.
        with patience(), closing(Connection.connect(**params)) as connection:
            yield connection

    def version(self, connection: DriverConnection) -> tuple[int, ...]:
        number = connection.info.server_version
        return number // 10_000, number % 100

    def applied(self, connection: DriverConnection) -> Names:
        try:
            return set(connection.execute("SELECT app, name FROM django_migrations").fetchall())
        except errors.UndefinedTable:
            return set()

    def write(self, connection: DriverConnection, table: str, row: Row) -> None:
        into = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        )
        connection.execute(into, list(row.values()))

    def read(self, connection: DriverConnection, table: str, key: object) -> str:
        found = connection.execute(self._where("SELECT wire_id", table), (key,)).fetchone()
        return found[0] if found else ""

    def delete(self, connection: DriverConnection, table: str, key: object) -> None:
        connection.execute(self._where("DELETE", table), (key,))

    def room(self, connection: DriverConnection) -> tuple[int, int]:
        """Return how many connections there are, and for how many more there is room."""
        (used, most, reserved) = connection.execute(
            "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
            " current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int"
        ).fetchone()
        used -= 1  # this one
        return used, most - reserved - used

    def _where(self, verb: str, table: str) -> sql.Composed:
        return sql.SQL("{} FROM {} WHERE _id = %s").format(sql.SQL(verb), sql.Identifier(table))


@dataclass(frozen=True)
class MongoDB:
    wrapper: BaseDatabaseWrapper
    variable = "MONGODB_URI"
    more_room = "raise its limit (net.maxIncomingConnections; with Atlas, the size of the cluster)"

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        from pymongo.errors import PyMongoError

        return (PyMongoError,)

    def code(self, error: Exception) -> str | int | None:
        return getattr(error, "code", None)

    def hint(self, code: str | int | None) -> str:
        from pymongo.uri_parser import parse_uri

        uri = str(self.wrapper.settings_dict["HOST"])
        # The DNS names the authSource of a +srv address.
        if code != 18 or not uri.startswith("mongodb://"):
            return ""
        found = parse_uri(uri, validate=False)
        if not found["username"] or not found["database"] or "authsource" in map(str.lower, found["options"]):
            return ""
        looked_in = f"Without it the user is looked for in the database {found['database']}."
        return f"Is ?authSource=admin missing at the end of {self.variable}? {looked_in} "

    @contextmanager
    def connected(self) -> Iterator[DriverConnection]:
        from core.mongodb.base import client as new_client

        limits = ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS", "timeoutMS")
        within = dict.fromkeys(limits, GIVEN_UP_AFTER_MS)
        with closing(new_client(self.wrapper.get_connection_params() | within)) as client:
            database = client[self.wrapper.settings_dict["NAME"]]
            database.command("ping")
            yield database

    def version(self, connection: DriverConnection) -> tuple[int, ...]:
        return tuple(connection.client.server_info()["versionArray"])[:2]

    def applied(self, connection: DriverConnection) -> Names:
        return {(each["app"], each["name"]) for each in connection["django_migrations"].find()}

    def write(self, connection: DriverConnection, table: str, row: Row) -> None:
        connection[table].insert_one(row)

    def read(self, connection: DriverConnection, table: str, key: object) -> str:
        return (connection[table].find_one({"_id": key}) or {}).get("wire_id", "")

    def delete(self, connection: DriverConnection, table: str, key: object) -> None:
        connection[table].delete_one({"_id": key})

    def room(self, connection: DriverConnection) -> tuple[int, int]:
        from pymongo.errors import OperationFailure

        try:
            count = connection.client.admin.command("serverStatus")["connections"]
            return int(count["current"]), int(count["available"])
        except (OperationFailure, KeyError) as error:
            raise NotSupported("The server does not tell this user how many connections it has.") from error


DatabaseServer: TypeAlias = PostgreSQL | MongoDB
KINDS: dict[str, type[DatabaseServer]] = {"postgresql": PostgreSQL, "mongodb": MongoDB}


def host_of(server: DatabaseServer) -> str:
    """Return the server's host and port, without the user and password that an address may hold."""
    found = server.wrapper.settings_dict
    host = str(found["HOST"] or "the local socket")
    if "://" in host:
        host = re.split(r"[/?]", host.split("://", 1)[1].rsplit("@", 1)[-1])[0]
    return f"{host}:{found['PORT']}" if found["PORT"] and ":" not in host else host
