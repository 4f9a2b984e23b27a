"""Create, look up and revoke the API tokens of learners.

A lookup is cached for CACHED seconds. While the accounts' database is down, known tokens stay valid.
"""

import hashlib
import re
import secrets
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from core import cloud
from learners import erased
from learners.models import Account, ApiToken

ACCOUNTS = "default"
# Tokens of one learner.
MOST = 20
SECRET = re.compile(r"ta_[\w-]{43}", re.ASCII)
PREFIX = "ta_"
# Browsers cannot send headers with a WebSocket, so the official client puts the key into this subprotocol.
SUBPROTOCOL = "openai-insecure-api-key."
# Seconds until a token is looked up again. `used_at` is written with each lookup.
CACHED = 60.0
# Tokens in the cache.
MOST_CACHED = 10_000
# Seconds for a lookup, and until the next one after a failure.
PATIENCE, PAUSE = 1.5, 5.0

INVALID = "This API token is wrong, has expired, or was revoked. Create another one on the page /me."
UNREACHABLE = "The database with the API tokens cannot be reached. Try again in a moment."
TOO_MANY = f"There are {MOST} tokens already. Revoke one that you do not need."


class InvalidToken(Exception):
    """Report a token that is wrong, expired or revoked."""


class TokensOutOfReach(Exception):
    """Report that a token is not in the cache, and its database is down."""


class TooManyTokens(Exception):
    """Report that the learner has MOST tokens already."""


@dataclass(slots=True)
class _Known:
    """Hold a token that was looked up. `looked_up` and the cache's times are in seconds of time.monotonic()."""

    id: uuid.UUID
    learner: uuid.UUID
    expires_at: datetime | None
    looked_up: float


_cache: OrderedDict[str, _Known] = OrderedDict()
_lock = threading.Lock()
_pause_until = 0.0
_revocations = 0


def secret_in(headers: Mapping[str, str]) -> str | None:
    """Return the token in the header `Authorization`. Return None if there is none, or if the key is not of this site."""
    scheme, _, secret = headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    return secret if scheme.lower() == "bearer" and secret.startswith(PREFIX) else None


def secret_in_subprotocols(subprotocols: list[str]) -> str | None:
    """Return the token that a browser's client sends as a subprotocol of its WebSocket, or None."""
    keys = (each.removeprefix(SUBPROTOCOL) for each in subprotocols if each.startswith(SUBPROTOCOL))
    return next((key for key in keys if key.startswith(PREFIX)), None)


def learner_of(secret: str, *, cached: float = CACHED) -> uuid.UUID:
    """Return the learner whom the token stands for. Raises InvalidToken, TokensOutOfReach.

    A lookup of the last `cached` seconds is believed. Otherwise the database is asked.
    """
    if not SECRET.fullmatch(secret):
        raise InvalidToken
    digest = _digest(secret)
    known = _cache.get(digest)
    if known is None or time.monotonic() - known.looked_up > cached:
        known = _look_up(digest, known)
    if known is None or erased.is_erased(known.learner):
        raise InvalidToken
    if known.expires_at and known.expires_at <= timezone.now():
        raise InvalidToken
    return known.learner


def cached_learner(secret: str) -> uuid.UUID | None:
    """Return the learner if the token is in the cache. It asks no database, and may be out of date."""
    known = _cache.get(_digest(secret))
    return known.learner if known else None


def create(learner: uuid.UUID, name: str, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """Create a token. Return it with its secret, which is stored nowhere. Raises TooManyTokens."""
    tokens = ApiToken.objects.using(ACCOUNTS).filter(learner=learner)
    if tokens.count() >= MOST:
        raise TooManyTokens(TOO_MANY)
    secret = PREFIX + secrets.token_urlsafe(32)
    fields = {"learner": learner, "name": name, "expires_at": expires_at, "created_at": timezone.now()}
    return ApiToken.objects.using(ACCOUNTS).create(digest=_digest(secret), **fields), secret


def of_learner(learner: uuid.UUID) -> list[ApiToken]:
    return list(ApiToken.objects.using(ACCOUNTS).filter(learner=learner))


def revoke(learner: uuid.UUID, key: uuid.UUID) -> bool:
    """Delete a token of the learner. Return False if there is none. Other processes notice within CACHED seconds."""
    global _revocations
    deleted, _ = ApiToken.objects.using(ACCOUNTS).filter(learner=learner, pk=key).delete()
    with _lock:
        _revocations += 1
        for digest in [digest for digest, known in _cache.items() if known.id == key]:
            del _cache[digest]
    return bool(deleted)


def forget() -> None:
    """Empty the cache."""
    global _pause_until
    with _lock:
        _cache.clear()
        _pause_until = 0.0


def _look_up(digest: str, known: _Known | None) -> _Known | None:
    """Read the token and cache it. While the database is down, return what was known. Raises TokensOutOfReach."""
    global _pause_until
    now, revocations = time.monotonic(), _revocations
    row = None
    is_reached = now >= _pause_until
    if is_reached:
        try:
            with cloud.within(PATIENCE):
                row = _read(digest)
        except (DatabaseError, InterfaceError):
            is_reached, _pause_until = False, time.monotonic() + PAUSE
    if not is_reached:
        if known is None:
            raise TokensOutOfReach
        return known
    with _lock:
        _cache.pop(digest, None)
        if row is None:
            return None
        found = _Known(row.pk, row.learner, row.expires_at, now)
        # After a revocation, the row that was read may be gone.
        if revocations == _revocations:
            _cache[digest] = found
        while len(_cache) > MOST_CACHED:
            _cache.popitem(last=False)
    return found


def _read(digest: str) -> ApiToken | None:
    """Read a token, and note that it is used. With SIGNUP=required, only tokens of accounts count."""
    rows = ApiToken.objects.using(ACCOUNTS).filter(digest=digest)
    row = rows.first()
    if (
        row
        and settings.SIGNUP == "required"
        and not Account.objects.using(ACCOUNTS).filter(learner=row.learner).exists()
    ):
        return None
    if row:
        # A full disk must not shut out a program.
        with suppress(DatabaseError):
            rows.update(used_at=timezone.now())
    return row


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
