"""Adapt Django's SQLite backend so that it can still read when the disk is full.

A database in WAL mode has two files beside it, which the first connection creates. On a full disk it cannot create
them, and could not even read. Then the database is read on its own. It is complete, because the last connection left
nothing in the WAL. With room again, the next connection is an ordinary one.
"""

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

from django.db.backends.sqlite3 import base

from core.database_urls import DatabaseParameters

# SQLite's errors if the two files cannot be created.
NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


class DatabaseWrapper(base.DatabaseWrapper):
    init_commands: list[str]
    reads_alone = False

    def get_new_connection(self, conn_params: DatabaseParameters) -> sqlite3.Connection:
        self.reads_alone = False
        try:
            return super().get_new_connection(conn_params)
        except sqlite3.OperationalError as error:
            path = Path(conn_params["database"])
            # The lowest byte is the kind of error, the others are details.
            if error.sqlite_errorcode & 0xFF not in NO_ROOM or not _is_complete(path):
                raise
        self.reads_alone = True
        commands, self.init_commands = self.init_commands, []
        try:
            alone = {"database": f"file:{quote(str(path.resolve()))}?immutable=1", "uri": True}
            return super().get_new_connection(conn_params | alone)
        finally:
            self.init_commands = commands

    def close_if_unusable_or_obsolete(self) -> None:
        if self.reads_alone and not self.in_atomic_block:
            self.close()
        super().close_if_unusable_or_obsolete()

    def _start_transaction_under_autocommit(self) -> None:
        if self.reads_alone:
            # SQLite would report a read-only database instead.
            full = sqlite3.OperationalError("the disk is full, nothing can be written")
            full.sqlite_errorcode = sqlite3.SQLITE_FULL
            with self.wrap_database_errors:
                raise full
        super()._start_transaction_under_autocommit()  # type: ignore[misc]


def _is_complete(path: Path) -> bool:
    """Return whether the database exists and its WAL is empty."""
    with contextlib.suppress(FileNotFoundError):
        if Path(f"{path}-wal").stat().st_size:
            return False
    return path.is_file() and path.stat().st_size > 0
