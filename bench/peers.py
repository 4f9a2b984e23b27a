"""Read and write the same rows with plain drivers, psycopg and pymongo, on one connection each, as a baseline."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.servers import MongoServer, PostgresServer

CONVERSATIONS, MESSAGES = "conversations_conversation", "conversations_message"
BATCH = 5_000
NEWEST = datetime(2026, 1, 1, tzinfo=UTC)


class Peer(Protocol):
    learner: uuid.UUID

    def take_as_example(self, wire_id: str) -> None:
        """Use this conversation, which the API has saved, as the model of all rows."""

    def save(self) -> None:
        """Save one more conversation with its messages."""

    def get(self) -> object:
        """Return the model conversation with its messages."""

    def newest(self, learner: uuid.UUID, limit: int) -> object:
        """Return the learner's newest conversations with their messages."""

    def fill(self, learner: uuid.UUID, count: int) -> None:
        """Create `count` conversations of two messages each."""


class PlainPostgres:
    def __init__(self, server: PostgresServer) -> None:
        self._connection: psycopg.Connection[Any] = psycopg.connect(
            server.env["DATABASE_URL"].partition("?")[0], row_factory=dict_row, autocommit=True
        )

    def take_as_example(self, wire_id: str) -> None:
        self._example = self._rows(CONVERSATIONS, "wire_id", [wire_id])[0]
        self._said = self._rows(MESSAGES, "conversation_id", [self._example["_id"]])
        self.learner = self._example["learner"]

    def save(self) -> None:
        key = uuid.uuid4()
        with self._connection.transaction():
            self._insert(CONVERSATIONS, [self._example | {"_id": key}])
            self._insert(MESSAGES, [row | {"_id": uuid.uuid4(), "conversation_id": key} for row in self._said])

    def get(self) -> object:
        return self._rows(CONVERSATIONS, "_id", [self._example["_id"]]), self._rows(
            MESSAGES, "conversation_id", [self._example["_id"]]
        )

    def newest(self, learner: uuid.UUID, limit: int) -> object:
        found = self._connection.execute(
            f"SELECT * FROM {CONVERSATIONS} WHERE learner = %s AND deleted_at IS NULL "
            "ORDER BY timestamp DESC, _id DESC LIMIT %s",
            [learner, limit],
        ).fetchall()
        return found, self._rows(MESSAGES, "conversation_id", [row["_id"] for row in found])

    def fill(self, learner: uuid.UUID, count: int) -> None:
        given = {
            "_id": "gen_random_uuid()",
            "learner": "%(learner)s",
            "timestamp": "%(newest)s - n * interval '1 minute'",
        }
        columns = ", ".join(f'"{name}"' for name in self._example)
        values = ", ".join(given.get(name, f't."{name}"') for name in self._example)
        self._connection.execute(
            f"INSERT INTO {CONVERSATIONS} ({columns}) SELECT {values} FROM {CONVERSATIONS} t, generate_series(1, %(count)s) n "
            "WHERE t._id = %(example)s",
            {"learner": learner, "newest": NEWEST, "count": count, "example": self._example["_id"]},
        )
        given = {"_id": "gen_random_uuid()", "learner": "c.learner", "conversation_id": "c._id"}
        columns = ", ".join(f'"{name}"' for name in self._said[0])
        values = ", ".join(given.get(name, f't."{name}"') for name in self._said[0])
        self._connection.execute(
            f"INSERT INTO {MESSAGES} ({columns}) SELECT {values} FROM {MESSAGES} t, {CONVERSATIONS} c "
            "WHERE t._id = ANY(%s) AND c.learner = %s",
            [[row["_id"] for row in self._said[:2]], learner],
        )
        self._connection.execute("VACUUM ANALYZE")

    def _rows(self, table: str, column: str, values: list[Any]) -> list[dict[str, Any]]:
        query = sql.SQL("SELECT * FROM {} WHERE {} = ANY(%s)").format(sql.Identifier(table), sql.Identifier(column))
        return self._connection.execute(query, [values]).fetchall()

    def _insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        names = list(rows[0])
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        )
        with self._connection.cursor() as cursor:
            cursor.executemany(query, [[_adapted(row[name]) for name in names] for row in rows])


class PlainMongo:
    def __init__(self, server: MongoServer) -> None:
        database = server.database()
        self._conversations, self._messages = database[CONVERSATIONS], database[MESSAGES]

    def take_as_example(self, wire_id: str) -> None:
        self._example = self._conversations.find_one({"wire_id": wire_id}) or {}
        self._said = list(self._messages.find({"conversation_id": self._example["_id"]}))
        self.learner = uuid.UUID(self._example["learner"])

    def save(self) -> None:
        key = uuid.uuid4().hex
        self._conversations.insert_one(self._example | {"_id": key})
        self._messages.insert_many([row | {"_id": uuid.uuid4().hex, "conversation_id": key} for row in self._said])

    def get(self) -> object:
        key = self._example["_id"]
        return self._conversations.find_one({"_id": key}), list(self._messages.find({"conversation_id": key}))

    def newest(self, learner: uuid.UUID, limit: int) -> object:
        mine = {"learner": learner.hex, "deleted_at": None}
        found = list(self._conversations.find(mine).sort([("timestamp", -1), ("_id", -1)]).limit(limit))
        return found, list(self._messages.find({"conversation_id": {"$in": [row["_id"] for row in found]}}))

    def fill(self, learner: uuid.UUID, count: int) -> None:
        for start in range(0, count, BATCH):
            numbers = range(start, min(start + BATCH, count))
            rows = [
                self._example
                | {"_id": uuid.uuid4().hex, "learner": learner.hex, "timestamp": NEWEST - timedelta(minutes=number)}
                for number in numbers
            ]
            self._conversations.insert_many(rows, ordered=False)
            said = [
                message | {"_id": uuid.uuid4().hex, "learner": learner.hex, "conversation_id": row["_id"]}
                for row in rows
                for message in self._said[:2]
            ]
            self._messages.insert_many(said, ordered=False)


def _adapted(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list) else value
