"""Provide middleware for sync and async: under ASGI no middleware should cost a hop to a thread and back."""

import re
import time
from collections.abc import Awaitable
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from core import cloud, metrics

FOR_MACHINES = ("/readyz",)
# The type of the requests. An app's own type declares the attributes that its middleware adds.
R = TypeVar("R", bound=HttpRequest)


class Middleware(Generic[R]):
    """Run `before` and `after` around each request. Neither may block. A response of `before` is the answer."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: R) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self.__acall__(request)
        response: HttpResponseBase = self.before(request) or self.get_response(request)
        self.after(request, response)
        return response

    async def __acall__(self, request: R) -> HttpResponseBase:
        response: HttpResponseBase = self.before(request) or await self.get_response(request)
        self.after(request, response)
        return response

    def before(self, request: R) -> HttpResponseBase | None:
        return None

    def after(self, request: R, response: HttpResponseBase) -> None:
        pass


def _media_sources() -> str:
    """Return the allowed sources of recordings: HTTPS, or the bucket's own server if it uses plain HTTP."""
    address = settings.AWS_S3_PUBLIC_ENDPOINT_URL or settings.AWS_S3_ENDPOINT_URL
    # Leave out the password and the path: a path in a policy allows only that very path.
    plain = re.match(r"http://(?:[^/?#]*@)?([\w.:\[\]-]+)", address)
    if not plain:
        return "https:"
    bucket = f"{settings.S3_BUCKET_NAME}." if settings.AWS_S3_ADDRESSING_STYLE == "virtual" else ""
    return f"https: http://{bucket}{plain[1]}"


def _form_targets() -> str:
    """Return where forms may lead: this site, and the OpenID provider, to which the sign-in redirects."""
    provider = urlsplit(settings.OIDC_SERVER_URL)
    return f"'self' {provider.scheme}://{provider.netloc}" if provider.netloc else "'self'"


# Browsers send reports of violations to this address: see talking_agent.csp_reports.
REPORTS = "/csp-reports"
POLICY = (
    f"default-src 'self'; img-src 'self' data:; media-src 'self' blob: {_media_sources()}; connect-src 'self'; "
    f"object-src 'none'; base-uri 'none'; form-action {_form_targets()}; frame-ancestors 'none'; "
    # Not report-to: with it, neither Chromium nor Firefox reported anything over HTTP, and both then ignore report-uri.
    f"report-uri {REPORTS}"
)
# Switch off what no page uses. The microphone, the clipboard, the screen's wake lock and passkeys are used.
UNUSED_FEATURES = (
    *("accelerometer", "browsing-topics", "camera", "display-capture", "encrypted-media", "fullscreen"),
    *("gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer", "midi", "payment"),
    *("picture-in-picture", "serial", "sync-xhr", "usb", "window-management", "xr-spatial-tracking"),
)
# Cross-Origin-Opener-Policy is Django's default. Cross-Origin-Embedder-Policy is left out: only SharedArrayBuffer needs it, and a
# browser that does not know "credentialless" would not play recordings from the bucket.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": ", ".join(["microphone=(self)", *(f"{name}=()" for name in UNUSED_FEATURES)]),
    "Cross-Origin-Resource-Policy": "same-origin",
}


class RequestTiming(Middleware[HttpRequest]):
    def before(self, request: HttpRequest) -> None:
        request.began = time.perf_counter()  # type: ignore[attr-defined]

    def after(self, request: HttpRequest, response: HttpResponseBase) -> None:
        metrics.requested(request, response.status_code, time.perf_counter() - request.began)  # type: ignore[attr-defined]


class AnyHostForMachines(Middleware[HttpRequest]):
    """Accept any Host on /readyz: load balancers check readiness by an address that no setting names."""

    def before(self, request: HttpRequest) -> None:
        if request.path_info in FOR_MACHINES:
            request.META["HTTP_HOST"] = "localhost"


class BrowserPolicies(Middleware[HttpRequest]):
    """Tell browsers what the pages load and use, and who may embed them."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)


class CloudPatience(Middleware[HttpRequest]):
    """Limit how long a request waits for the cloud, and report the wait in the header Server-Timing."""

    def before(self, request: HttpRequest) -> None:
        cloud.begin_request()

    def after(self, request: HttpRequest, response: HttpResponseBase) -> None:
        if waited := cloud.end_request():
            response.headers["Server-Timing"] = f"cloud;dur={waited * 1000:.1f}"
