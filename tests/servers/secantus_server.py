"""Run SecantusDB, a server that speaks MongoDB's protocol.

    python secantus_server.py PORT FOLDER

No package registry has a genuine mongod. SecantusDB differs from mongod's documented behaviour in three points that
django-mongodb-backend needs. They are patched here before it starts: a nested document in $project, $addFields and $set
means dotted paths ({a: {b: 1}} is {"a.b": 1}), $type of a missing $getField is "missing", and an index serves
conditions inside of $and.
"""

import functools
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from secantus import aggregate, expressions
from secantus.auth import SCRAM_SHA_256, derive_credentials
from secantus.server import SecantusDBServer
from secantus.storage import Storage

FLATTENED_STAGES = ("$project", "$addFields", "$set")
# Seconds. mongod's transactionLifetimeLimitSeconds is 60 by default. The documents of a killed client stay locked this long.
TRANSACTION_LIFETIME = 5.0
PASSWORDS = {"admin": "admin", "user": "password"}

type_as_shipped = expressions._op_type
lookup_as_shipped = Storage._try_index_id_keys


def dotted(spec: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[Any, Any]]:
    for key, value in spec.items():
        if isinstance(value, Mapping) and value and not any(str(name).startswith("$") for name in value):
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield (f"{prefix}{key}" if prefix else key), value


def flattening(stage: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(stage, functools.partial):
        return functools.partial(flattening(stage.func), *stage.args, **stage.keywords)

    @functools.wraps(stage)
    def flattened(spec: Any, *args: Any, **kwargs: Any) -> Any:
        return stage(dict(dotted(spec)) if isinstance(spec, Mapping) else spec, *args, **kwargs)

    return flattened


def type_or_missing(argument: Any, context: Any) -> Any:
    if not isinstance(argument, Mapping):
        return type_as_shipped(argument, context)
    value = expressions._eval_field_value(argument, context)
    return "missing" if value is expressions.MISSING else expressions._type_name(value)


def conditions(filter_: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the conditions on single fields that must hold.

    The server matches the whole filter against the documents that an index finds by them.
    """
    for name, condition in filter_.items():
        if name == "$and":
            for part in condition:
                yield from conditions(part)
        elif not name.startswith("$"):
            yield name, condition


def lookup_inside_and(self: Storage, db: str, coll: str, filter: dict[str, Any], **options: Any) -> list[bytes] | None:
    return lookup_as_shipped(self, db, coll, dict(conditions(filter)), **options)


def dispatch_tables(module: Any) -> list[dict[Any, Any]]:
    return [table for table in vars(module).values() if isinstance(table, dict)]


def repair() -> int:
    """Apply the patches. Return the number of patched entries."""
    repaired = 0
    Storage._try_index_id_keys = lookup_inside_and
    for table in dispatch_tables(aggregate):
        for name in FLATTENED_STAGES:
            if callable(table.get(name)) and not isinstance(table[name], type):
                table[name] = flattening(table[name])
                repaired += 1
    for table in dispatch_tables(expressions):
        if table.get("$type") is type_as_shipped:
            table["$type"] = type_or_missing
            repaired += 1
    return repaired


def add_users(server: SecantusDBServer) -> None:
    """Add missing users, and leave existing ones unchanged."""
    for name, password in PASSWORDS.items():
        record = {
            "_id": f"admin.{name}",
            "user": name,
            "db": "admin",
            "credentials": derive_credentials(password, mechanism=SCRAM_SHA_256, username=name).to_doc(),
            "roles": [{"role": "root", "db": "admin"}],
            "mechanisms": [SCRAM_SHA_256],
        }
        server.storage.add_user("admin", name, record, replace=False)


def main(port: str, folder: str) -> None:
    if not repair():
        sys.exit("There was nothing to repair: this is another version of SecantusDB than the one that is pinned.")
    # Without sync_on_commit, SIGKILL loses the last writes, because they are still in the process.
    server = SecantusDBServer(
        port=int(port),
        storage_path=folder,
        require_auth=True,
        sync_on_commit=True,
        transaction_lifetime_seconds=TRANSACTION_LIFETIME,
    )
    add_users(server)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    server.start()
    server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
