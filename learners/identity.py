"""Check whether a learner cookie is valid. The database of accounts answers, and the cache keeps the answer.

A cookie with a device is valid while that device is signed in, and a cookie without one while the learner belongs to no
account. While the accounts cannot be reached, every signed cookie is valid: an outage must not lock learners out.
"""

import contextlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import caches
from django.db import Error
from django.utils import timezone

from core import cloud
from core.threads import in_thread
from learners import cookie
from learners.cookie import CookieClaim
from learners.models import Account, Device

ACCOUNTS = "default"
# Seconds that an answer is kept. A revoked device is refused after this time at the latest.
KEPT = 60
# Seconds until the accounts are asked again after a failure, and seconds to wait for their answer.
KEPT_IN_OUTAGE, WITHIN = 5, 1.5
SEEN_EVERY = timedelta(hours=1)
_UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Identity:
    """Hold the learner of a request, and if the browser is signed in, its device and the name of the account."""

    learner: uuid.UUID
    device: uuid.UUID | None = None
    name: str = ""


def of_cookie(value: str | None) -> Identity | None:
    """Return the identity that a cookie proves. Return None without a valid cookie."""
    claim = cookie.claim(value)
    if claim is None:
        return None
    name = caches["memory"].get(_key(claim), _UNKNOWN)
    return _identity(claim, _look_up(claim) if name == _UNKNOWN else name)


async def aof_cookie(value: str | None, *, anew: bool = False) -> Identity | None:
    """Return the same as `of_cookie`, for async code. With `anew`, ask the accounts even if an answer is kept."""
    claim = cookie.claim(value)
    if claim is None:
        return None
    name = _UNKNOWN if anew else caches["memory"].get(_key(claim), _UNKNOWN)
    return _identity(claim, await in_thread(_look_up, claim) if name == _UNKNOWN else name)


def forget(claims: Iterable[CookieClaim]) -> None:
    """Drop the answers about these cookies, so that they are asked for again."""
    caches["memory"].delete_many([_key(claim) for claim in claims])


def _identity(claim: CookieClaim, name: str | None) -> Identity | None:
    return None if name is None else Identity(claim.learner, claim.device, name)


def _key(claim: CookieClaim) -> str:
    return f"identity:{claim.learner.hex}:{claim.device.hex if claim.device else ''}"


def _look_up(claim: CookieClaim) -> str | None:
    """Return the account's name, "" without an account, or None for a cookie that is not valid. Keep the answer."""
    name: str | None = ""
    kept = KEPT_IN_OUTAGE
    if not cloud.database.shuts_out(ACCOUNTS):
        with contextlib.suppress(Error), cloud.within(WITHIN):
            name, kept = _ask(claim), KEPT
    caches["memory"].set(_key(claim), name, kept)
    return name


def _ask(claim: CookieClaim) -> str | None:
    if claim.device is None:
        return None if Account.objects.filter(learner=claim.learner).exists() else ""
    alive = Device.objects.filter(pk=claim.device, account__learner=claim.learner, account__user__is_active=True)
    device = alive.select_related("account__user").first()
    if device is None:
        return None
    now = timezone.now()
    if device.last_seen_at < now - SEEN_EVERY:
        # A full disk must not lock out those who can still read.
        with contextlib.suppress(Error):
            Device.objects.filter(pk=device.pk).update(last_seen_at=now)
    return device.account.name
