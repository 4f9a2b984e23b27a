"""Identify a visitor to count: a learner by the cookie or token, or a client without either by its address."""

from collections.abc import Hashable

from django.http.cookie import parse_cookie

from learners import address, cookie, tokens
from learners.requests import LearnerRequest
from learners.throttling import Limit

# Without a cookie every request comes from a new learner. An address may then use a learner's limit divided by this.
ALONE = 2


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


def limits_of(
    request: LearnerRequest, scope: str, of_learner: int, of_address: int, seconds: int
) -> tuple[Limit, Limit]:
    """Return the limits of a request in a span of time: the learner's, and the address's, which a class may share."""
    where = address.of_request(request)
    own = Limit(f"{scope}-by-learner", str(request.learner), of_learner, seconds)
    if request.learner_is_new:
        own = Limit(f"{scope}-without-cookie", where, max(1, of_learner // ALONE), seconds)
    return own, Limit(scope, where, of_address, seconds)
