"""Identify the learner by a cookie: a signed UUID, which needs no session. Programs use `tokens` instead.

A browser that is signed in to an account has a second UUID in it, that of the device. `identity` checks whether the
cookie is still valid.
"""

import uuid
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.http import HttpResponseBase

from learners import erased

NAME = "learner"
# Seconds. Browsers keep no cookie longer.
MAX_AGE = 400 * 24 * 3600

_signer = signing.Signer(salt="learners.cookie")


class CookieClaim(NamedTuple):
    """Hold what a cookie with a valid signature says: a learner, and for a signed-in browser its device."""

    learner: uuid.UUID
    device: uuid.UUID | None = None


def seal(learner: uuid.UUID, device: uuid.UUID | None = None) -> str:
    return _signer.sign(f"{learner.hex}.{device.hex}" if device else learner.hex)


def claim(value: str | None) -> CookieClaim | None:
    """Return what a cookie says. Return None without a cookie, with a wrong signature, or after an erasure."""
    try:
        learner, *device = _signer.unsign(value or "").split(".")
        found = CookieClaim(uuid.UUID(learner), *map(uuid.UUID, device))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return None if erased.is_erased(found.learner) else found


def unseal(value: str | None) -> uuid.UUID | None:
    """Return the learner that a cookie names, whether or not its device is still signed in. Use it only to count visitors."""
    found = claim(value)
    return found.learner if found else None


def attach(response: HttpResponseBase, learner: uuid.UUID, device: uuid.UUID | None = None) -> None:
    # A shared cache must not give the cookie to another visitor.
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.set_cookie(
        NAME,
        seal(learner, device),
        max_age=MAX_AGE,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
