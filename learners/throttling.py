"""Count the actions of visitors, up to a limit in a span of time.

A process counts in memory, which never blocks, and adds its counts to Django's cache every second (`share`). So counts
survive a restart, and several servers share them, a second late.
"""

import threading
import time
from dataclasses import dataclass

from django.core.cache import cache

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
# Counters in memory. Beyond that, the oldest ones are dropped. The cache still has what was shared of them.
MOST_COUNTERS = 100_000


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

    def ends(self, now: int) -> int:
        return (now // self.seconds + 1) * self.seconds


class Exceeded(Exception):
    """Report that `limit` is reached. The visitor may come back in `wait_s` seconds."""

    def __init__(self, limit: Limit, wait_s: int) -> None:
        super().__init__(limit.scope)
        self.limit, self.wait_s = limit, wait_s


@dataclass(slots=True)
class Tally:
    """Count up to the time `ends`. `shared` is the sum of all servers when it was last shared, `pending` what came since."""

    ends: int
    shared: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """Hold an amount that was counted, and its counters."""

    counters: list[Tally]
    amount: int

    def give_back(self) -> None:
        """Subtract the amount again."""
        with _counting:
            for counter in self.counters:
                counter.pending -= self.amount


_counting = threading.Lock()
_counters: dict[str, Tally] = {}


def spend(*limits: Limit, amount: int = 1) -> Spent:
    """Count `amount` under every limit. Raises Exceeded at the first that would be passed. Then nothing is counted."""
    now = int(time.time())
    with _counting:
        if len(_counters) + len(limits) > MOST_COUNTERS:
            for key in list(_counters)[: MOST_COUNTERS // 3]:
                del _counters[key]
        counters = [_counters.setdefault(limit.key(now), Tally(limit.ends(now))) for limit in limits]
        for limit, counter in zip(limits, counters, strict=True):
            if counter.shared + counter.pending + amount > limit.most:
                raise Exceeded(limit, max(1, counter.ends - now))
        for counter in counters:
            counter.pending += amount
    return Spent(counters, amount)


def share() -> None:
    """Add the counts of this process to the cache, and read those of all servers."""
    now = int(time.time())
    with _counting:
        for key in [key for key, counter in _counters.items() if counter.ends <= now]:
            del _counters[key]
        waiting = [(key, counter, counter.pending) for key, counter in _counters.items() if counter.pending]
    for key, counter, amount in waiting:
        total = cache.count(key, amount, counter.ends - now + 1)  # type: ignore[attr-defined]  # core.caches
        with _counting:
            # A cache that was emptied meanwhile knows less than this process.
            counter.shared = max(total, counter.shared + amount)
            counter.pending -= amount


def forget() -> None:
    """Forget all counts of this process, as a restart does."""
    with _counting:
        _counters.clear()
