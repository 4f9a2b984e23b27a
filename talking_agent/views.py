"""What machines ask: is the process alive, has it what it needs, what has it counted, what are its calls?"""

import ipaddress
import secrets
import tempfile

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from prometheus_client import REGISTRY, exposition

from learners.authentication import is_staff
from talking_agent import cloud

# Any of them says that a proxy stands between: its address, on this machine or not, is not that of who asks.
PROXIED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")
FORBIDDEN = "The metrics are for staff, for who sends METRICS_TOKEN as a bearer token, and for this machine itself."


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


def metrics(request: HttpRequest) -> HttpResponse:
    """What has been counted, for Prometheus."""
    if not (_has_token(request) or _is_from_here(request) or is_staff(request)):
        return JsonResponse({"error": FORBIDDEN}, status=403)
    encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(REGISTRY), content_type=content_type, headers={"Cache-Control": "no-store"})


class Schema(SpectacularAPIView):
    """`GET /api/schema`: YAML, or JSON for who accepts that or asks for ?format=json."""


class Docs(SpectacularSwaggerSplitView):
    """`GET /api/docs`. Its script is an address of its own: the Content-Security-Policy allows none inside a page."""

    template_name = "api.html"
    url_name = "api-schema"


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given, wanted = token.strip().encode(errors="surrogateescape"), settings.METRICS_TOKEN.encode()
    return bool(wanted) and scheme.lower() == "bearer" and secrets.compare_digest(given, wanted)


def _is_from_here(request: HttpRequest) -> bool:
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback and not any(name in request.headers for name in PROXIED)


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
