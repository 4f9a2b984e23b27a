"""Identify the learner by a cookie: a signed UUID, which costs no database read. Programs use `tokens` instead."""

import uuid

from django.conf import settings
from django.core import signing
from django.http import HttpResponseBase

from learners import erased

NAME = "learner"
# Seconds. Browsers keep no cookie longer.
MAX_AGE = 400 * 24 * 3600

_signer = signing.Signer(salt="learners.cookie")


def seal(learner: uuid.UUID) -> str:
    return _signer.sign(learner.hex)


def unseal(value: str | None) -> uuid.UUID | None:
    """Return the learner that a cookie names. Return None without a cookie, with a wrong signature, or after an erasure."""
    try:
        learner = uuid.UUID(_signer.unsign(value or ""))
    except (signing.BadSignature, ValueError):
        return None
    return None if erased.is_erased(learner) else learner


def attach(response: HttpResponseBase, learner: uuid.UUID) -> None:
    # A shared cache must not give the cookie to another visitor.
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.set_cookie(
        NAME, seal(learner), max_age=MAX_AGE, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
