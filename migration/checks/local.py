"""Check this machine, where everything is kept without the cloud, and while it is down."""

import contextlib
import shutil
import sqlite3
import time
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connections
from django.template.defaultfilters import filesizeformat

from core import cloud, data_folders
from core.cloud import Breaker
from core.findings import CheckFailed, NotConfigured, Probe, Warned
from migration.checks.migrations import applied_to, check_applied
from migration.waiting import counts

GROUP = "this machine"
FEW, TOO_FEW = 1024**3, 100 * 1024**2  # bytes
# Seconds to read through a database.
QUICK_ENOUGH = 3.0
MAKE_ROOM = (
    "Make room on this disk, or point DATA_DIR to a larger one: when it is full, nothing that is said can be kept."
)
SHELTER, ACCOUNTS = "local conversations", "accounts"


def probes() -> list[Probe]:
    folder = Path(settings.DATA_DIR)
    found = [
        *(Probe(GROUP, name, partial(writable, place)) for name, place in data_folders.folders().items()),
        Probe(GROUP, "disk space", partial(disk_space, folder)),
        Probe(GROUP, "waiting for the cloud", waiting),
    ]
    for alias, name in (("local", SHELTER), ("default", ACCOUNTS)):
        if connections[alias].vendor == "sqlite":
            path = Path(connections[alias].settings_dict["NAME"])
            found += [
                Probe(GROUP, name, partial(integrity, path)),
                Probe(GROUP, f"{name}: writing", partial(writable_database, path)),
                Probe(GROUP, f"{name}: migrations", partial(migrations, alias)),
            ]
    return found + [Probe(GROUP, f"{half.name} in use", partial(breaker, half)) for half in cloud.halves]


def writable(folder: Path) -> str:
    try:
        data_folders.try_writing(folder)
    except OSError as error:
        do = f"Let the account that runs the server write to it, and see whether the disk is full: df -h {folder}."
        raise CheckFailed(f"{folder} cannot be written: {error.strerror}.", do) from error
    return f"{folder} can be written."


def writable_database(path: Path) -> str:
    try:
        data_folders.try_writing_database(path)
    except OSError as error:
        do = f"Let the account that runs the server write to {path} and its folder, and see whether the disk is full."
        raise CheckFailed(f"{path.name} cannot be written: {error.strerror}.", do) from error
    return f"{path.name} can be written."


def disk_space(folder: Path, *, few: int = FEW, too_few: int = TOO_FEW) -> str:
    free = shutil.disk_usage(folder).free
    found = f"{_size(free)} are free where {folder} is."
    if free < too_few:
        raise CheckFailed(found, MAKE_ROOM)
    if free < few:
        raise Warned(found, MAKE_ROOM)
    return found


def waiting() -> str:
    try:
        pending = counts()
    except DatabaseError as error:
        line = f"{SHELTER}: migrations"
        raise Warned("Not looked at: the tables are not there yet.", f"Put “{line}” right first.") from error
    if not (pending.conversations or pending.recordings):
        return "Nothing waits for the cloud."
    count = (
        f"Conversations that wait: {pending.conversations}; recordings: {pending.recordings} ({_size(pending.bytes)})."
    )
    do = "They move by themselves while the server runs and the cloud is up. Do not delete DATA_DIR meanwhile."
    raise Warned(count, do)


def integrity(path: Path) -> str:
    """Read a SQLite database through. Raises CheckFailed if it is damaged, Warned if it takes longer than QUICK_ENOUGH."""
    if not path.exists():
        raise CheckFailed(f"{path} does not exist.", "Run manage.py migrate.")
    until = time.monotonic() + QUICK_ENOUGH
    read_only = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)
    with contextlib.closing(read_only) as database:
        database.set_progress_handler(lambda: time.monotonic() > until, 10_000)
        try:
            found = [row[0] for row in database.execute("PRAGMA quick_check(3)")]
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise CheckFailed(f"{path.name} cannot be read: {error}.", _restore(path)) from error
            size = _size(path.stat().st_size)
            raise Warned(
                f"{path.name} has {size}: too much to be read through here.",
                f"Ask SQLite itself, when there is time: sqlite3 {path} 'PRAGMA quick_check'.",
            ) from error
        except sqlite3.DatabaseError as error:
            raise CheckFailed(f"{path.name} is damaged: {error}.", _restore(path)) from error
    if found != ["ok"]:
        raise CheckFailed(f"{path.name} is damaged: {found[0].splitlines()[0]}.", _restore(path))
    return f"{path.name} is whole."


def breaker(half: Breaker) -> str:
    """Report the state of a half as this process knows it. A command does not know what the server's process knows."""
    if not half.on:
        raise NotConfigured(f"The {half.name} is off.")
    since = f"{half.since:%Y-%m-%d %H:%M:%S} UTC"
    if not half.up:
        raise CheckFailed(
            f"Down since {since}: {half.reason}",
            "It is asked every second and used again when it answers. What is said meanwhile is kept on this machine.",
        )
    return f"Up, as far as this process knows (since {since})."


def migrations(alias: str) -> str:
    try:
        return check_applied(applied_to(connections[alias]))
    except DatabaseError as error:
        raise CheckFailed(f"They cannot be read: {error}.", "See what the line above says of the file.") from error


def _restore(path: Path) -> str:
    return f"Stop the server, keep a copy of {path} and its -wal file, and restore it from a backup."


def _size(bytes: int) -> str:
    return str(filesizeformat(bytes)).replace("\xa0", " ")
