"""Identify the visitor that a request counts for: a learner with a cookie or token, or else the client's address."""

import uuid
from collections.abc import Hashable
from dataclasses import dataclass

from django.http.cookie import parse_cookie

from core import site_limits
from learners import address, cookie, tokens
from learners.requests import LearnerRequest
from learners.throttling import Limit

# Without a cookie every request comes from a new learner. An address may then use a learner's limit divided by this.
ALONE = 2


@dataclass(frozen=True, slots=True)
class Visitor:
    """Name a visitor. `learner` is None for a client without the cookie, which is known by its address alone."""

    learner: uuid.UUID | None
    address: str

    @property
    def own(self) -> str:
        """Return the key of what the visitor itself does. All clients of an address without a cookie share one."""
        return f"learner:{self.learner}" if self.learner else f"no-cookie:{self.address}"

    @property
    def shared(self) -> str:
        """Return the key of what all visitors of the address do together."""
        return f"address:{self.address}"

    @classmethod
    def of_request(cls, request: LearnerRequest) -> "Visitor":
        return cls(None if request.learner_is_new else request.learner, address.of_request(request))


def visitor_of(scope: address.Scope) -> Hashable:
    """Return the key to count the requests of this ASGI connection by, and note it in the scope."""
    headers = dict(scope["headers"])
    if secret := tokens.secret_in({"Authorization": headers.get(b"authorization", b"").decode("latin-1")}):
        known = tokens.cached_learner(secret)
    else:
        found = parse_cookie(headers.get(b"cookie", b"").decode("latin-1")).get(cookie.NAME)
        known = cookie.unseal(found) if found else None
    scope["visitor"] = visitor = known or address.of_scope(scope)
    return visitor


def visitor_of_request(request: LearnerRequest) -> Hashable:
    """Return the same as `visitor_of` for a request. Outside the server, where none is noted, return the learner."""
    return getattr(request, "scope", {}).get("visitor") or request.learner


def limits_of(visitor: Visitor, scope: str, setting: str, seconds: int, unit: int = 1) -> tuple[Limit, Limit]:
    """Return the limits of a visitor in a span of time: its own, and that of its address, which a class may share.

    `setting` names one of `core.site_limits`, counted in units of `unit`.
    """
    own = site_limits.value(setting) * unit
    if visitor.learner is None:
        own = max(1, own // ALONE)
    of_address = site_limits.of_address(setting) * unit
    return Limit(scope, visitor.own, own, seconds), Limit(scope, visitor.shared, of_address, seconds)
