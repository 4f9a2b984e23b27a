"""Is a request from our own pages? Clients of the contract send no CSRF token, so the browser's own word is taken."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings


def is_foreign(headers: Mapping[str, str], host: str) -> bool:
    """True if a browser says that another site sent this. `host` is the Host it was sent to; no browser, no word: False."""
    if headers.get("Sec-Fetch-Site", "none") in ("cross-site", "same-site"):
        return True
    origin = headers.get("Origin")
    if origin is None:
        return False
    try:
        return origin != settings.APP_URL and urlsplit(origin).netloc != host
    except ValueError:
        return True
