"""Serve machines: readiness and metrics. Also serve the icon."""

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static
from prometheus_client import REGISTRY, exposition

from learners import address
from staff.permissions import SEE_USAGE, may
from talking_agent import readiness

# Any of these headers means that the request came through a proxy. Then the connection's address is the proxy's.
PROXIED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")
FORBIDDEN = "The metrics are for operators, for a bearer token (METRICS_TOKEN), and for the addresses of METRICS_ALLOW."


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Redirect clients that request the icon without having read a page, which names it."""
    return HttpResponseRedirect(static("icons/favicon.svg"))


def readyz(request: HttpRequest) -> JsonResponse:
    """Report each part as "ok" or with its problem. Answer 503 only if learners cannot be served, else at most "degraded"."""
    parts = readiness.parts(request)
    if any(parts[name] != readiness.OK for name in readiness.needed()):
        return JsonResponse({"status": "not ready", "parts": parts}, status=503)
    return JsonResponse({"status": "ok" if set(parts.values()) == {readiness.OK} else "degraded", "parts": parts})


def metrics(request: HttpRequest) -> HttpResponse:
    """Serve the metrics for Prometheus."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given, wanted = token.strip().encode(errors="surrogateescape"), settings.METRICS_TOKEN.encode()
    has_token = wanted and scheme.lower() == "bearer" and secrets.compare_digest(given, wanted)
    if not (has_token or _is_allowed_address(request) or may(request, SEE_USAGE)):
        return JsonResponse({"error": FORBIDDEN}, status=403)
    encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(REGISTRY), content_type=content_type, headers={"Cache-Control": "no-store"})


def _is_allowed_address(request: HttpRequest) -> bool:
    """Return whether METRICS_ALLOW names the connection's own address.

    A proxy may not identify itself: a bare `proxy_pass` adds no header, and its clients come from the proxy's address.
    So this machine's own address counts only if it is named, and never with TRUST_PROXY.
    """
    peer = address.parse(request.META.get("REMOTE_ADDR", ""))
    if peer is None or any(name in request.headers for name in PROXIED):
        return False
    if peer.is_loopback and settings.TRUST_PROXY:
        return False
    return address.is_in(peer, settings.METRICS_ALLOW)
