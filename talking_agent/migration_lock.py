"""Let one process at a time migrate a database. Two that create the same table at once would fail."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections

# Seconds to wait for another process, and between two tries.
WAIT, PAUSE = 60.0, 0.1
# The name of the lock in a PostgreSQL database: any number that other applications do not use.
KEY = int.from_bytes(b"talking", "big")


def migration_lock(alias: str) -> AbstractContextManager[None]:
    """Hold the lock of a database. It is also released if the process ends.

    On PostgreSQL, this is an advisory lock, so that it works between machines. Otherwise it is a lock on DATA_DIR. Raises
    CommandError if another process has it for WAIT seconds, and DatabaseError.
    """
    return _in_postgresql(alias) if connections[alias].vendor == "postgresql" else _in_data_dir(alias)


@contextmanager
def _in_postgresql(alias: str) -> Iterator[None]:
    # Imported here because it loads psycopg, which a server without PostgreSQL does not need.
    from core.postgresql.base import Connection

    wrapper = connections[alias]
    with wrapper.wrap_database_errors:
        # The lock belongs to a transaction, because a pooler may run the next transaction in another session.
        connection = Connection.connect(**wrapper.get_connection_params())
        # A server may end transactions that are idle for long, as this one is while the migrations run.
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    with closing(connection):
        for _ in _tries(alias):
            with wrapper.wrap_database_errors:
                row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [KEY]).fetchone()
            if row and row[0]:
                break
        yield


@contextmanager
def _in_data_dir(alias: str) -> Iterator[None]:
    # Lock the folder itself, because a full disk has no room for a lock file.
    folder = os.open(settings.DATA_DIR, os.O_RDONLY)
    try:
        for _ in _tries(alias):
            with suppress(BlockingIOError):
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        yield
    finally:
        os.close(folder)


def _tries(alias: str) -> Iterator[None]:
    """Yield at each time to try to take the lock. Raise CommandError after WAIT seconds."""
    end = time.monotonic() + WAIT
    yield
    while time.monotonic() <= end:
        time.sleep(PAUSE)
        yield
    raise CommandError(
        f"Another process has been migrating the database {alias!r} for {WAIT:.0f} s. Wait until it has finished, "
        "or end it. Then try again."
    )
