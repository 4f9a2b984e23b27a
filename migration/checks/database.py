"""Check the cloud's database, and that of the accounts if it is a server."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from conversations.changes import now_after
from conversations.models import Conversation
from core.database_urls import POOL
from core.findings import CheckFailed, NotConfigured, Probe, Warned
from migration.checks.database_errors import in_words
from migration.checks.database_servers import KINDS, DatabaseServer, DriverConnection, host_of
from migration.checks.migrations import check_applied
from migration.checks.runner import known

GROUP, ACCOUNTS, OTHER = "database", "accounts", "other database"
REACHABLE = "reachable"
MARK = "probe"


def probes() -> list[Probe]:
    """Return the checks of every configured server, also while the cloud is off, so that it can be checked before."""
    there = [alias for alias in ("default", "mongodb") if alias in connections and connections[alias].vendor in KINDS]
    found: list[Probe] = []
    for alias in there:
        group = OTHER if alias == "mongodb" else ACCOUNTS
        if alias == settings.CLOUD_DATABASE or len(there) == 1:
            group = GROUP
        found += probes_of(connections.create_connection(alias), group)
    if not any(probe.group == GROUP for probe in found):
        nowhere = NotConfigured(
            "No database is named: conversations are kept on this machine.",
            "Set MONGODB_URI or DATABASE_URL, if they are not to be.",
        )
        found.append(Probe(GROUP, REACHABLE, known(nowhere)))
    return found


def probes_of(wrapper: BaseDatabaseWrapper, group: str = GROUP) -> list[Probe]:
    lines = {REACHABLE: _reach, "version": _version, "migrations": _migrations, "connections": _room}
    if group != ACCOUNTS:
        lines["write, read, delete"] = _write_read_delete
    server = KINDS[wrapper.vendor](wrapper)
    return [Probe(group, name, partial(look, server)) for name, look in lines.items()]


def _reach(server: DatabaseServer) -> str:
    try:
        with server.connected():
            return f"{host_of(server)} answers, and accepts user and password."
    except server.failures as error:
        raise CheckFailed(*in_words(error, server.wrapper)) from error


@contextmanager
def _connection(server: DatabaseServer) -> Iterator[DriverConnection]:
    """Connect for another check than `_reach`. Raises Warned if that fails, CheckFailed for errors in the block."""
    connected = False
    try:
        with server.connected() as connection:
            connected = True
            yield connection
    except server.failures as error:
        if not connected:
            raise Warned("Not looked at.", f"Put “{REACHABLE}” right first.") from error
        raise CheckFailed(*in_words(error, server.wrapper)) from error


def _version(server: DatabaseServer) -> str:
    with _connection(server) as connection:
        version = server.version(connection)
    least = server.wrapper.features.minimum_database_version or ()
    found = f"{server.wrapper.display_name} {'.'.join(map(str, version))}"
    if version < least:
        needed = ".".join(map(str, least))
        raise CheckFailed(f"{found} is too old.", f"Move to {server.wrapper.display_name} {needed} or newer.")
    return f"{found}."


def _migrations(server: DatabaseServer) -> str:
    with _connection(server) as connection:
        return check_applied(server.applied(connection))


def _write_read_delete(server: DatabaseServer) -> str:
    """Write, read and delete a conversation's tombstone. It is never shown, even if an interruption leaves it there."""
    moment = now_after()
    stamps = {"created_at": moment, "updated_at": moment, "timestamp": moment, "deleted_at": moment}
    tombstone = Conversation(id=uuid.uuid4(), learner=uuid.uuid4(), wire_id=MARK, erased=True, **stamps)
    row = {
        each.column: each.get_db_prep_save(getattr(tombstone, each.attname), connection=server.wrapper)
        for each in Conversation._meta.concrete_fields
    }
    table, key = Conversation._meta.db_table, row["_id"]
    with _connection(server) as connection:
        if not any(app == "conversations" for app, _ in server.applied(connection)):
            raise Warned("Not looked at: its tables are not there yet.", "Put “migrations” right first.")
        server.write(connection, table, row)
        read = server.read(connection, table, key)
        server.delete(connection, table, key)
        if read != MARK or server.read(connection, table, key):
            raise CheckFailed(
                "What was written did not come back, or could not be deleted.", "Look into the database's own log."
            )
    return "A row was written, read and deleted."


def _room(server: DatabaseServer) -> str:
    with _connection(server) as connection:
        used, free = server.room(connection)
    found = f"Connections in use: {used}; room for {free} more."
    most = POOL["max_size"]
    if free < most:
        do = f"Each server process takes up to {most}: {server.more_room}."
        raise Warned(found, do)
    return found
