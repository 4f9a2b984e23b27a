"""Slow down the guessing of passwords: after a few failures each further attempt has to wait, longer each time.

An account's failures are counted for each address they come from, and an address's failures for all accounts together.
So an attacker cannot lock others out: the right password works at once from another address and from a browser that has
signed in before, and from everywhere after a wait of at most LONGEST.
"""

import hashlib
import logging
import secrets
import threading
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from learners import address

# A class of 30 may share the address.
FREE_FOR_ACCOUNT, FREE_FOR_ADDRESS = 5, 100
SHORTEST, LONGEST = 5, 900  # seconds
# The cookie of a browser that has signed in before.
KNOWN_BROWSER, KNOWN_BROWSER_AGE = "known-browser", 400 * 24 * 3600  # seconds
# Seconds after the last failure.
REMEMBERED = 24 * 3600

logger = logging.getLogger(__name__)
_counting = threading.Lock()


@dataclass(slots=True)
class Attempt:
    """Count one try of a password for an account, from an address.

    `account` is the name or the address as it was typed. `device` is the token of a browser that has signed in to the
    account before, else empty. Call `begin`, then `fail` or `succeed`. An attempt in progress counts as failed, so
    parallel attempts bring no extra tries.
    """

    account: str
    address: str
    device: str = ""
    _before: dict[str, tuple[int, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, request: HttpRequest, account: str) -> "Attempt":
        """Return the attempt that a request makes."""
        cookie = request.get_signed_cookie(KNOWN_BROWSER, "", salt=KNOWN_BROWSER, max_age=KNOWN_BROWSER_AGE) or ""
        token, _, owner = cookie.partition(".")
        return cls(account, address.of_request(request), token if owner == _digest(account) else "")

    def begin(self) -> int:
        """Return 0 if the password may be tried, else the seconds to wait."""
        now = time.time()
        with _counting:
            counters = {key: cache.get(key, (0, 0.0)) for key in self._limits()}
            until = max(until for _, until in counters.values())
            if until > now:
                return int(until - now) + 1
            for key, free in self._limits().items():
                failures = counters[key][0] + 1
                excess = failures - free
                wait = 0 if excess < 0 else min(LONGEST, SHORTEST * 2 ** min(excess, 20))
                cache.set(key, (failures, now + wait), REMEMBERED)
            self._before = counters
        return 0

    def fail(self) -> None:
        # Log the name as it was typed, escaped, because a stranger wrote it. The password is never logged.
        logger.warning("A sign-in failed: %r from %s.", self.account[:150], self.address or "an unknown address")

    def refuse(self, wait: int) -> None:
        logger.warning(
            "A sign-in was refused for %s s, without a look at the password: %r from %s.",
            wait,
            self.account[:150],
            self.address or "unknown",
        )

    def succeed(self) -> None:
        """Forget the account's failures. Those of the address stay: otherwise the owner of one account could clear them."""
        own, address = self._limits()
        with _counting:
            cache.delete(own)
            failures, until = cache.get(address, self._before[address])
            before, until_before = self._before[address]
            # Attempts of others may have failed meanwhile. Their failures, and the wait for them, stay.
            alone = failures == before + 1
            cache.set(address, (max(0, failures - 1), until_before if alone else until), REMEMBERED)

    def _limits(self) -> dict[str, int]:
        """Return the number of free failures by counter key: first the account's, then the address's or device's."""
        who = f"device {self.device}" if self.device else f"address {self.address}"
        of_account = hashlib.sha256(f"{self.account.casefold()}\0{who}".encode(errors="replace")).hexdigest()
        whole = f"sign-in:device:{of_account}" if self.device else f"sign-in:address:{self.address}"
        return {f"sign-in:account:{of_account}": FREE_FOR_ACCOUNT, whole: FREE_FOR_ADDRESS}


def remember_browser(response: HttpResponse, account: str) -> None:
    """Set a cookie on a browser that has signed in, so that the failures of others do not count against it."""
    response.set_signed_cookie(
        KNOWN_BROWSER,
        f"{secrets.token_hex(8)}.{_digest(account)}",
        salt=KNOWN_BROWSER,
        max_age=KNOWN_BROWSER_AGE,
        path="/account/",
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _digest(account: str) -> str:
    return hashlib.sha256(account.casefold().encode(errors="replace")).hexdigest()
