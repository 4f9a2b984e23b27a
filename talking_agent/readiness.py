"""Check whether learners can be served, by trying the same pages, databases and folders that they need."""

import threading
import time
from pathlib import Path

from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template

from core import cloud, data_folders, files
from talking_agent.staticfiles import ModuleManifestStorage

OK = "ok"
LONGEST_LOOK = 8.0  # seconds

_looking = threading.Lock()
# The start of the latest check, and its result.
_latest: tuple[float, dict[str, str]] = (0.0, {})


def parts(request: HttpRequest) -> dict[str, str]:
    """Return each part that the server needs, by name: "ok", or the problem. Concurrent callers share the next check."""
    global _latest
    asked = time.monotonic()
    if not _looking.acquire(timeout=LONGEST_LOOK):
        return dict.fromkeys(needed(), f"not known after {LONGEST_LOOK:.0f} s: a disk or a database hangs")
    try:
        began, found = _latest
        if began < asked:
            began = time.monotonic()
            found = {
                "pages": pages(request),
                "local storage": database("local"),
                "accounts": database("default"),
                **{name: place(folder) for name, folder in data_folders.folders().items()},
            }
            for half in cloud.halves:
                if half.on:
                    found[half.name] = OK if half.up else f"down: {files.unusable(half.reason) or half.cause}"
            if trouble := getattr(cache, "trouble", ""):
                found["counters"] = f"degraded: {trouble}; each process counts by itself"
            _latest = began, found
        return found
    finally:
        _looking.release()


def needed() -> set[str]:
    """Return the names of the parts without which no learner can be served. The others are optional."""
    needed = {"pages", "local storage", "data directory", "recordings"}
    # SQLite is a file on this machine. A server may be down, and learners can still be served.
    return needed | {"accounts"} if connections["default"].vendor == "sqlite" else needed


def place(folder: Path) -> str:
    try:
        data_folders.try_writing(folder)
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror}"
    return OK


def database(alias: str) -> str:
    if cloud.database.shuts_out(alias):
        return f"down: {cloud.database.cause}"
    connection = connections[alias]
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return files.unusable(cloud.sentence(error)) or "cannot be reached"
    if waiting:
        return f"{len(waiting)} migrations wait: run make setup, or manage.py migrate"
    if connection.vendor == "sqlite":
        try:
            data_folders.try_writing_database(Path(connection.settings_dict["NAME"]))
        except OSError as error:
            return f"cannot be written: {error.strerror}"
    return OK


def pages(request: HttpRequest) -> str:
    """Render the pages that learners see, and check that the static files they name exist."""
    from talk.pages import templates

    try:
        for name in templates():
            get_template(name).render({}, request)
    except (TemplateDoesNotExist, TemplateSyntaxError, ValueError, OSError) as error:
        return f"cannot be shown: {cloud.sentence(error)} Run make setup"
    return static_files()


def static_files() -> str:
    storage: object = staticfiles_storage
    if not isinstance(storage, ModuleManifestStorage):
        return OK
    try:
        there, _ = storage.load_manifest()
    except (ValueError, OSError) as error:
        return f"the list of static files cannot be read: {cloud.sentence(error)} Run make setup"
    if not there or not all(storage.exists(name) for name in there.values()):
        return "static files are missing: run make setup"
    if there != storage.hashed_files:
        return "the static files are those of another version: restart the server"
    return OK
