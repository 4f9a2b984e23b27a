"""What machines ask: is the process alive, has it what it needs?"""

import tempfile

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """For whoever asks without having read the page, which names the picture."""
    return HttpResponseRedirect(static("icons/favicon.svg"))


def readyz(request: HttpRequest) -> JsonResponse:
    """What the server needs, each part by name: "ok", or what is wrong; 503 if anything is."""
    parts = {f"database {alias}": _database(alias) for alias in connections}
    parts["data directory"] = _data_directory()
    ready = all(state == "ok" for state in parts.values())
    return JsonResponse({"status": "ok" if ready else "not ready", "parts": parts}, status=200 if ready else 503)


def _database(alias: str) -> str:
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
