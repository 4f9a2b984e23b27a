"""Build absolute links to this server, for clients that have no page to resolve relative links against."""

from contextlib import suppress
from contextvars import ContextVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from core.middleware import Middleware

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

# The origin of the current request. Tasks and threads that the request starts inherit it.
_origin: ContextVar[str] = ContextVar("origin", default="")


def absolute(link: str) -> str:
    """Return the link with an origin, if it has none: that of the current request, else APP_URL."""
    return f"{_origin.get() or settings.APP_URL}{link}" if link.startswith("/") else link


def remember(host: str, *, secure: bool) -> None:
    """Note the address to which the current request was sent.

    A proxy that does not pass on the Host connects to a loopback address. Then clients know this server by APP_URL.
    """
    site = urlsplit(settings.APP_URL).netloc
    is_behind_proxy = _domain(host) in LOOPBACK and _domain(site) not in LOOPBACK
    if host == site or is_behind_proxy or not validate_host(_domain(host), settings.ALLOWED_HOSTS):
        _origin.set(settings.APP_URL)
    else:
        _origin.set(f"{'https' if secure else 'http'}://{host}")


def _domain(host: str) -> str:
    return split_domain_port(host)[0]


class RequestOrigin(Middleware[HttpRequest]):
    def before(self, request: HttpRequest) -> None:
        with suppress(DisallowedHost):
            remember(request.get_host(), secure=request.is_secure())
