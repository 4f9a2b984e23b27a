"""Count the actions of visitors in Django's cache, up to a limit in a span of time."""

import contextlib
import time
from dataclasses import dataclass

from django.core.cache import cache

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
# The limit of an address is this many times a learner's, because a whole class may share it.
CLASS = 10


@dataclass(frozen=True, slots=True)
class Limit:
    """Hold a limit: `who` may spend at most `most` of `scope` in a span of `seconds`.

    Spans begin at whole multiples of `seconds`, so a counter ends by itself and an answer can say when.
    """

    scope: str
    who: str
    most: int
    seconds: int

    def key(self, now: int) -> str:
        return f"throttle:{self.scope}:{self.who}:{now // self.seconds}"


class Exceeded(Exception):
    """Report that `limit` is reached. The visitor may come back in `wait_s` seconds."""

    def __init__(self, limit: Limit, wait_s: int) -> None:
        super().__init__(limit.scope)
        self.limit, self.wait_s = limit, wait_s


@dataclass(frozen=True, slots=True)
class Spent:
    """Hold an amount that was counted, and the keys of its counters."""

    keys: list[str]
    amount: int

    def give_back(self) -> None:
        """Subtract the amount again."""
        for key in self.keys:
            # A missing counter has ended, or was evicted from a full cache.
            with contextlib.suppress(ValueError):
                cache.decr(key, self.amount)


def spend(*limits: Limit, amount: int = 1) -> Spent:
    """Count `amount` under every limit. Raises Exceeded at the first that would be passed. Then nothing is counted."""
    now = int(time.time())
    spent = Spent([], amount)
    for limit in limits:
        key = limit.key(now)
        cache.add(key, 0, timeout=limit.seconds + 1)
        try:
            total = cache.incr(key, amount)
        except ValueError:
            # It was evicted just now, from a full cache.
            continue
        spent.keys.append(key)
        if total > limit.most:
            spent.give_back()
            raise Exceeded(limit, max(1, limit.seconds - now % limit.seconds))
    return spent
