"""Receive browsers' reports about violations of the Content-Security-Policy: one line in the log each, and a metric.

Anybody may send anything here. So the log gets only words of the policy, routes of this site and names of other sites: no path
that may name a learner or a conversation, no query, no text of the report.
"""

import logging
import re
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.urls import Resolver404, resolve
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError, Throttled
from rest_framework.request import Request
from rest_framework.views import APIView

from core import metrics
from core.doors import door
from core.json_types import Json
from core.method_first import MethodFirst
from core.parsers import StrictJSONParser
from learners import address, throttling
from learners.throttling import Limit

# Bytes. A browser collects some reports in one body.
MOST = 64 * 1024
# Reports of one body that are logged and counted.
MOST_IN_BODY = 10
# Reports in a minute. A violation on a page of a class reports from each browser.
OF_ADDRESS, OF_SITE = 30, 300
DIRECTIVES = {
    *(
        "default-src",
        "script-src",
        "script-src-elem",
        "script-src-attr",
        "style-src",
        "style-src-elem",
        "style-src-attr",
    ),
    *("img-src", "media-src", "font-src", "connect-src", "worker-src", "manifest-src", "child-src", "frame-src"),
    *("object-src", "base-uri", "form-action", "frame-ancestors"),
}
# What a report names instead of an address.
KEYWORDS = {"inline", "eval", "wasm-eval", "data", "blob", "self"}
UNKNOWN = "unknown"

logger = logging.getLogger(__name__)


class CspReportParser(StrictJSONParser):
    """Parse the body of `report-uri`."""

    media_type = "application/csp-report"


class ReportsParser(StrictJSONParser):
    """Parse the body of the Reporting API, `report-to`."""

    media_type = "application/reports+json"


@extend_schema(exclude=True)
class CspReportView(MethodFirst, APIView):
    authentication_classes = []
    parser_classes = [CspReportParser, ReportsParser]
    http_method_names = ["post"]

    @door(most=MOST)
    def post(self, request: Request) -> HttpResponse:
        reports = _violations(request.data)[:MOST_IN_BODY]
        limits = (
            Limit("csp-reports", address.of_request(request), OF_ADDRESS, throttling.MINUTE),
            Limit("all-csp-reports", "site", OF_SITE, throttling.MINUTE),
        )
        try:
            throttling.spend(*limits, amount=max(1, len(reports)))
        except throttling.Exceeded as exceeded:
            raise Throttled(exceeded.wait_s) from None
        for report in reports:
            host = request.get_host()
            directive = _directive(report)
            blocked = _shortened(_either(report, "blockedURL", "blocked-uri"), host)
            page = _shortened(_either(report, "documentURL", "document-uri"), host)
            metrics.CSP_REPORTS.labels(directive).inc()
            logger.warning(
                "A browser reports a violation of the policy: %s blocked %s on %s.", directive, blocked, page
            )
        return HttpResponse(status=204)


def _violations(body: object) -> list[Json]:
    """Return the reports of either kind of body. Raises ParseError."""
    match body:
        case {"csp-report": dict() as report}:
            return [report]
        case list():
            return [each["body"] for each in body if _is_violation(each)]
    raise ParseError("This is no report of a violation.")


def _is_violation(each: object) -> bool:
    match each:
        case {"type": "csp-violation", "body": dict()}:
            return True
    return False


def _either(report: Json, *names: str) -> str:
    return next((value for name in names if isinstance(value := report.get(name), str)), "")


def _directive(report: Json) -> str:
    # Older browsers send the directive with its sources.
    named = _either(report, "effectiveDirective", "effective-directive", "violated-directive").partition(" ")[0]
    return named if named in DIRECTIVES else UNKNOWN


def _shortened(url: str, host: str) -> str:
    """Return the route of an address of this site, the origin of another one, a keyword of the policy, or "unknown"."""
    if url in KEYWORDS:
        return url
    try:
        parts = urlsplit(url)
        name = parts.hostname or ""
    except ValueError:
        return UNKNOWN
    if parts.scheme not in ("http", "https", "ws", "wss") or not re.fullmatch(r"[\w.:-]{1,253}", name, re.ASCII):
        return UNKNOWN
    if parts.netloc != host:
        return f"{parts.scheme}://{name}"
    try:
        return f"/{resolve(parts.path).route}"
    except Resolver404:
        return "another page"
