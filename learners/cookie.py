"""The learner cookie: a UUID, signed. It is all that says who is asking, and costs no database read."""

import uuid

from django.conf import settings
from django.core import signing
from django.http import HttpResponseBase

NAME = "learner"
MAX_AGE = 400 * 24 * 3600  # seconds; browsers keep no cookie longer

_signer = signing.Signer(salt="learners.cookie")


def seal(learner: uuid.UUID) -> str:
    return _signer.sign(learner.hex)


def unseal(value: str | None) -> uuid.UUID | None:
    """The learner a cookie names; None if there is none, or it is not ours."""
    try:
        return uuid.UUID(_signer.unsign(value or ""))
    except (signing.BadSignature, ValueError):
        return None


def attach(response: HttpResponseBase, learner: uuid.UUID) -> None:
    response.headers.setdefault("Cache-Control", "private, no-cache")  # no cache may hand it to somebody else
    response.set_cookie(
        NAME, seal(learner), max_age=MAX_AGE, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
