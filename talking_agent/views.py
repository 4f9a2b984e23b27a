"""What machines ask: is the process alive, has it what it needs?"""

import tempfile

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static

from talking_agent import cloud


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """For whoever asks without having read the page, which names the picture."""
    return HttpResponseRedirect(static("icons/favicon.svg"))


def readyz(request: HttpRequest) -> JsonResponse:
    """What the server needs, each part by name: "ok", or what is wrong. 503 if learners cannot be served; without the cloud, or
    the database with the accounts, they can ("degraded")."""
    needed = {"local storage": _database("local"), "data directory": _data_directory()}
    accounts = {"accounts": _database("default")}
    if connections["default"].vendor == "sqlite":  # a file here, and no server that may be away
        needed |= accounts
    parts = needed | accounts
    parts |= {half.name: f"down: {half.cause}" if not half.up else "ok" for half in cloud.halves if half.on}
    if any(state != "ok" for state in needed.values()):
        return JsonResponse({"status": "not ready", "parts": parts}, status=503)
    return JsonResponse({"status": "ok" if set(parts.values()) == {"ok"} else "degraded", "parts": parts})


def _database(alias: str) -> str:
    if cloud.database.shuts_out(alias):
        return f"down: {cloud.database.cause}"
    try:
        executor = MigrationExecutor(connections[alias])
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "cannot be reached"
    return "ok" if not waiting else f"{len(waiting)} migrations wait: run manage.py migrate"


def _data_directory() -> str:
    try:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR):
            return "ok"
    except OSError as error:
        return f"cannot be written: {error.strerror}"
