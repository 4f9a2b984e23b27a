"""The cloud's database, and that of the accounts where it is a server: asked over connections of their own, so that neither the
pool nor what the breaker knows hides anything."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import psycopg
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, sql

from conversations.changes import now_after
from conversations.models import Conversation
from migration.probes.migrations import Names, check_applied
from migration.probes.runner import Failed, NotConfigured, NotSupported, Probe, Warned
from talking_agent.cloud import patience
from talking_agent.dsn import POOL
from talking_agent.postgresql.base import Connection

GROUP, ACCOUNTS, OTHER = "database", "accounts", "other database"
REACHABLE = "reachable"
CONNECT_WITHIN = 2  # seconds
GIVEN_UP_AFTER_MS = 1500  # by pymongo, which may wait twice: it says goodbye, too
MARK = "probe"

Row: TypeAlias = dict[str, Any]  # by column, as the driver takes it

# What is wrong, by what the driver says, and what to do: {variable} is where the address is written, {host} where it leads.
TROUBLES = (
    (
        r"password|authentication|role .* does not exist",
        "The user or the password is not accepted.",
        "Check user and password in {variable}. Special characters of a password are written in percent-encoding: @ is %40.",
    ),
    (
        r"database .* does not exist|not currently accepting",
        "The server has no such database.",
        "Check the name at the end of {variable}, or create the database.",
    ),
    (r"read-?only", "The database is read-only.", "Point {variable} to the primary, or end its maintenance."),
    (
        r"not authorized|permission denied|Unauthorized|not allowed",
        "The user may not do this.",
        "Give the user of {variable} the right to read and write the database.",
    ),
    (
        r"too many (connections|clients)|remaining connection slots",
        "The server takes no more connections.",
        "Raise max_connections, or put pgbouncer in front of it.",
    ),
    (
        r"refused",
        "{host} refuses the connection.",
        "See whether the database runs, and whether host and port in {variable} are right.",
    ),
    (
        r"resolve|Name or service|nodename|getaddrinfo|DNS",
        "The host name {host} is not known.",
        "Check the host in {variable}.",
    ),
    (
        r"SSL|TLS|certificate",
        "No encrypted connection can be made to {host}.",
        "Check sslmode (or tls) in {variable}, and the certificate.",
    ),
    (r"starting up|shutting down|recovery", "The server is just starting or stopping.", "Try again in a moment."),
    (
        r"time[d ]?[- ]?out|in time|NetworkTimeout|No replica set",
        "{host} does not answer in time.",
        "See whether the database runs, and whether a firewall is in between ({variable}).",
    ),
)


class Server(Protocol):
    """A database's server, of one kind."""

    @property
    def wrapper(self) -> BaseDatabaseWrapper:
        """For what it knows without a connection."""

    @property
    def variable(self) -> str:
        """The setting with its address."""

    @property
    def more_room(self) -> str:
        """How it takes more connections."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What its driver raises."""

    def connected(self) -> AbstractContextManager[Any]:
        """A connection of its own, which has proved that it works."""

    def version(self, connection: Any) -> tuple[int, ...]: ...

    def applied(self, connection: Any) -> Names: ...

    def write(self, connection: Any, table: str, row: Row) -> None: ...

    def read(self, connection: Any, table: str, key: Any) -> str: ...

    def delete(self, connection: Any, table: str, key: Any) -> None: ...

    def room(self, connection: Any) -> tuple[int, int]:
        """How many connections there are, and for how many more there is room."""


@dataclass(frozen=True)
class PostgreSQL:
    wrapper: BaseDatabaseWrapper
    variable = "DATABASE_URL"
    more_room = "raise max_connections, or put pgbouncer in front of it"
    failures = (psycopg.Error,)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        params = self.wrapper.get_connection_params() | {"connect_timeout": CONNECT_WITHIN, "autocommit": True}
        # Patience: a wait that the runner has left behind ends, too, and gives its connection back.
        with patience(), closing(Connection.connect(**params)) as connection:
            yield connection

    def version(self, connection: Any) -> tuple[int, ...]:
        number = connection.info.server_version
        return number // 10_000, number % 100

    def applied(self, connection: Any) -> Names:
        try:
            return set(connection.execute("SELECT app, name FROM django_migrations").fetchall())
        except errors.UndefinedTable:
            return set()

    def write(self, connection: Any, table: str, row: Row) -> None:
        into = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        )
        connection.execute(into, list(row.values()))

    def read(self, connection: Any, table: str, key: Any) -> str:
        found = connection.execute(self._where("SELECT wire_id", table), (key,)).fetchone()
        return found[0] if found else ""

    def delete(self, connection: Any, table: str, key: Any) -> None:
        connection.execute(self._where("DELETE", table), (key,))

    def room(self, connection: Any) -> tuple[int, int]:
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

    @contextmanager
    def connected(self) -> Iterator[Any]:
        from pymongo import MongoClient

        limits = ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS", "timeoutMS")
        within = dict.fromkeys(limits, GIVEN_UP_AFTER_MS)
        with closing(MongoClient(**self.wrapper.get_connection_params() | within)) as client:
            database = client[self.wrapper.settings_dict["NAME"]]
            database.command("ping")
            yield database

    def version(self, connection: Any) -> tuple[int, ...]:
        return tuple(connection.client.server_info()["versionArray"])[:2]

    def applied(self, connection: Any) -> Names:
        return {(each["app"], each["name"]) for each in connection["django_migrations"].find()}

    def write(self, connection: Any, table: str, row: Row) -> None:
        connection[table].insert_one(row)

    def read(self, connection: Any, table: str, key: Any) -> str:
        return (connection[table].find_one({"_id": key}) or {}).get("wire_id", "")

    def delete(self, connection: Any, table: str, key: Any) -> None:
        connection[table].delete_one({"_id": key})

    def room(self, connection: Any) -> tuple[int, int]:
        from pymongo.errors import OperationFailure

        try:
            told = connection.client.admin.command("serverStatus")["connections"]
            return int(told["current"]), int(told["available"])
        except (OperationFailure, KeyError) as error:
            raise NotSupported("The server does not tell this user how many connections it has.") from error


KINDS: dict[str, type[PostgreSQL] | type[MongoDB]] = {"postgresql": PostgreSQL, "mongodb": MongoDB}


def probes() -> list[Probe]:
    """Of every configured server; also while the cloud is off, for whoever is about to turn it on."""
    there = [alias for alias in ("default", "mongodb") if alias in connections and connections[alias].vendor in KINDS]
    found: list[Probe] = []
    for alias in there:
        group = OTHER if alias == "mongodb" else ACCOUNTS
        if alias == settings.CLOUD_DATABASE or len(there) == 1:
            group = GROUP
        found += probes_of(connections.create_connection(alias), group)
    if not any(probe.group == GROUP for probe in found):
        found.append(Probe(GROUP, REACHABLE, _not_configured))
    return found


def probes_of(wrapper: BaseDatabaseWrapper, group: str = GROUP) -> list[Probe]:
    server = KINDS[wrapper.vendor](wrapper)
    lines: list[tuple[str, Callable[[Server, Any], str]]] = [
        ("version", _version),
        ("migrations", _migrations),
        ("connections", _room),
    ]
    if group != ACCOUNTS:
        lines.append(("write, read, delete", _write_read_delete))
    return [
        Probe(group, REACHABLE, partial(_reach, server)),
        *(Probe(group, name, partial(_look, server, look)) for name, look in lines),
    ]


def _reach(server: Server) -> str:
    try:
        with server.connected():
            return f"{_host(server)} answers, and accepts user and password."
    except server.failures as error:
        raise Failed(*_in_words(error, server)) from error


def _look(server: Server, look: Callable[[Server, Any], str]) -> str:
    connected = False
    try:
        with server.connected() as connection:
            connected = True
            return look(server, connection)
    except server.failures as error:
        if not connected:
            raise Warned("Not looked at.", f"Put “{REACHABLE}” right first.") from error
        raise Failed(*_in_words(error, server)) from error


def _version(server: Server, connection: Any) -> str:
    version = server.version(connection)
    least = server.wrapper.features.minimum_database_version or ()
    found = f"{server.wrapper.display_name} {'.'.join(map(str, version))}"
    if version < least:
        needed = ".".join(map(str, least))
        raise Failed(f"{found} is too old.", f"Move to {server.wrapper.display_name} {needed} or newer.")
    return f"{found}."


def _migrations(server: Server, connection: Any) -> str:
    return check_applied(server.applied(connection))


def _write_read_delete(server: Server, connection: Any) -> str:
    """A conversation's tombstone, which nobody is shown, whatever happens to it half-way."""
    table, row = Conversation._meta.db_table, _tombstone(server.wrapper)
    if not any(app == "conversations" for app, _ in server.applied(connection)):
        raise Warned("Not looked at: its tables are not there yet.", "Put “migrations” right first.")
    server.write(connection, table, row)
    read = server.read(connection, table, row["_id"])
    server.delete(connection, table, row["_id"])
    if read != MARK or server.read(connection, table, row["_id"]):
        raise Failed(
            "What was written did not come back, or could not be deleted.", "Look into the database's own log."
        )
    return "A row was written, read and deleted."


def _room(server: Server, connection: Any) -> str:
    used, free = server.room(connection)
    found = f"Connections in use: {used}; room for {free} more."
    most = POOL["max_size"]
    if free < most:
        do = f"Each server process takes up to {most}: {server.more_room}."
        raise Warned(found, do)
    return found


def _tombstone(wrapper: BaseDatabaseWrapper) -> Row:
    moment = now_after()
    stamps = {"created_at": moment, "updated_at": moment, "timestamp": moment, "deleted_at": moment}
    row = Conversation(id=uuid.uuid4(), learner=uuid.uuid4(), wire_id=MARK, erased=True, **stamps)
    columns = Conversation._meta.concrete_fields
    return {each.column: each.get_db_prep_save(getattr(row, each.attname), connection=wrapper) for each in columns}


def _in_words(error: Exception, server: Server) -> tuple[str, str]:
    line = " ".join(str(error).split())
    names = {"host": _host(server), "variable": server.variable}
    for pattern, what, do in TROUBLES:
        if re.search(pattern, f"{type(error).__name__}: {line}", re.I):
            return what.format(**names), do.format(**names)
    return (
        f"{names['host']} cannot be used ({type(error).__name__}).",
        f"Check {server.variable}, and the database's own log.",
    )


def _host(server: Server) -> str:
    """Without user and password, which an address may hold."""
    found = server.wrapper.settings_dict
    host = str(found["HOST"] or "the local socket")
    if "://" in host:
        host = re.split(r"[/?]", host.split("://", 1)[1].rsplit("@", 1)[-1])[0]
    return f"{host}:{found['PORT']}" if found["PORT"] and ":" not in host else host


def _not_configured() -> str:
    raise NotConfigured(
        "No database is named: conversations are kept on this machine.",
        "Set MONGODB_URI or DATABASE_URL, if they are not to be.",
    )
