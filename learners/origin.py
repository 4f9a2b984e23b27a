"""Check that a request comes from this site's own pages. Clients send no CSRF token, so the browser's headers decide."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_foreign(headers: Mapping[str, str], host: str) -> bool:
    """Return whether a browser's headers say that another site sent this request. Other clients send none. `host` is the Host."""
    if headers.get("Sec-Fetch-Site", "none") in ("cross-site", "same-site"):
        return True
    origin = headers.get("Origin")
    if origin is None:
        return False
    try:
        return origin != settings.APP_URL and urlsplit(origin).netloc != host
    except ValueError:
        return True


def is_our_host(host: str) -> bool:
    """Return whether ALLOWED_HOSTS includes the Host that a request was sent to. For HTTP, Django checks it itself."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
