"""Keep Django's cache in an SQLite file of its own, so that counters survive a restart and processes share them.

Django's own DatabaseCache takes several statements for what is one here, and `incr` of it is not atomic.
"""

import pickle
import sqlite3
import threading
import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

TABLE = "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value, expires REAL) WITHOUT ROWID"
INDEX = "CREATE INDEX IF NOT EXISTS expires ON entries (expires)"
# A power loss may undo the last seconds of counting, which is no harm. A killed process loses nothing.
PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"
LOCKED_FOR_S = 1.0
# Writes between two searches for expired entries.
PRUNE_EVERY = 1000

# An entry that has expired counts as missing.
GET = "SELECT value FROM entries WHERE key = :key AND (expires IS NULL OR expires > :now)"
SET = """INSERT INTO entries VALUES (:key, :value, :expires)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires"""
ADD = f"{SET} WHERE entries.expires <= :now"
TOUCH = "UPDATE entries SET expires = :expires WHERE key = :key AND (expires IS NULL OR expires > :now)"
INCREMENT = """UPDATE entries SET value = value + :value
    WHERE key = :key AND (expires IS NULL OR expires > :now) RETURNING value"""
COUNT = """INSERT INTO entries VALUES (:key, :value, :expires) ON CONFLICT (key) DO UPDATE SET
    value = iif(entries.expires <= :now, 0, entries.value) + excluded.value, expires = excluded.expires RETURNING value"""
PRUNE = "DELETE FROM entries WHERE expires <= :now"
# Delete the entries that expire first.
CULL = """DELETE FROM entries WHERE key IN (
    SELECT key FROM entries ORDER BY expires LIMIT (SELECT max(0, count(*) - :most) FROM entries))"""


class SQLiteCache(BaseCache):
    """Store whole numbers as they are, so that SQL can add to them, and other values pickled. Raises sqlite3.Error."""

    def __init__(self, file: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._file = file
        self._thread = threading.local()
        self._writes = 0

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        row = self._run(GET, key, version=version).fetchone()
        if row is None:
            return default
        return pickle.loads(row[0]) if isinstance(row[0], bytes) else row[0]

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._write(SET, key, value, timeout, version)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._write(ADD, key, value, timeout, version).rowcount == 1

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._write(TOUCH, key, None, timeout, version).rowcount == 1

    def delete(self, key: str, version: int | None = None) -> bool:
        deleted = "DELETE FROM entries WHERE key = :key AND (expires IS NULL OR expires > :now)"
        return self._run(deleted, key, version=version).rowcount == 1

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        row = self._run(INCREMENT, key, version=version, value=delta).fetchone()
        if row is None:
            raise ValueError(f"Key {key!r} not found")
        return int(row[0])

    def count(self, key: str, amount: int, timeout: int) -> int:
        """Add to a counter, which begins at 0 and ends `timeout` seconds after the last call. Return the sum."""
        return int(self._write(COUNT, key, amount, timeout, None).fetchone()[0])

    def clear(self) -> None:
        self._connection().execute("DELETE FROM entries")

    def _write(self, statement: str, key: str, value: Any, timeout: Any, version: int | None) -> sqlite3.Cursor:
        stored = value if type(value) is int else pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        expires = self.get_backend_timeout(timeout)
        self._writes += 1
        if self._writes % PRUNE_EVERY == 0:
            connection = self._connection()
            connection.execute(PRUNE, {"now": time.time()})
            connection.execute(CULL, {"most": self._max_entries})
        return self._run(statement, key, version=version, value=stored, expires=expires)

    def _run(self, statement: str, key: str, *, version: int | None, **values: Any) -> sqlite3.Cursor:
        made = self.make_and_validate_key(key, version=version)
        return self._connection().execute(statement, {"key": made, "now": time.time(), **values})

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection. SQLite closes it when the thread ends."""
        found: sqlite3.Connection | None = getattr(self._thread, "connection", None)
        if found is None:
            # Without transactions, each statement is one by itself.
            found = sqlite3.connect(self._file, timeout=LOCKED_FOR_S, isolation_level=None)
            try:
                found.executescript(PRAGMAS)
                found.execute(TABLE)
                found.execute(INDEX)
            except sqlite3.Error:
                found.close()
                raise
            self._thread.connection = found
        return found
