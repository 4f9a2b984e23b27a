"""Limit the cost of providers in a day (UTC): of all learners together, of an address, and of one learner.

The estimated cost of a call is reserved before it begins, and what it really cost is counted as soon as that is known. So the
limits hold however many calls are in progress. Above a limit only the embedded engine answers.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date

from core import site_limits
from usage import ledger, payer
from usage.ledger import SITE, Amount, counting

# The engine that calls no provider.
EMBEDDED = "local"
NEW_DAY = "A new day begins at midnight (UTC)."
ENOUGH = f"That is enough for today: the budget for the usual partner is used up. {NEW_DAY}"
ENOUGH_FOR_YOU = f"That is enough for today: your share of the budget for the usual partner is used up. {NEW_DAY}"
GOES_ON = "The embedded partner goes on."

# By key: dollars that calls in progress may still cost.
_reserved: defaultdict[str, float] = defaultdict(float)
# By key: the day and the limit under which a call was refused. Later calls are refused, too, even if they would fit: otherwise
# talks would change between two engines again and again.
_closed: dict[str, tuple[date, float]] = {}


class Exhausted(Exception):
    """Report that a call was not begun, because it might pass a limit. The message is for the learner."""


class Reservation:
    """Hold dollars for a call of the current payer, without a look at the limits. Call `release` at its end.

    With `whole`, the dollars are a part of those that the whole turn has reserved.
    """

    def __init__(self, dollars: float, whole: "Reservation | None" = None) -> None:
        self.left, self._keys, self._whole, self._is_open = dollars, tuple(_limits()), whole, True
        if whole:
            whole.left -= dollars
        else:
            self._hold(dollars)

    def charge(self, dollars: float) -> None:
        """Count what the call has cost so far, and reserve that much less."""
        with counting:
            ledger.add(self._keys, Amount(dollars=dollars))
            self._hold(-min(dollars, self.left))
            self.left = max(0.0, self.left - dollars)

    def release(self) -> None:
        with counting:
            if self._whole and self._whole._is_open:
                self._whole.left += self.left
            else:
                self._hold(-self.left)
            self.left, self._is_open = 0.0, False

    def _hold(self, dollars: float) -> None:
        for key in self._keys:
            _reserved[key] += dollars
            # The rest of rounding.
            if _reserved[key] < 1e-9:
                del _reserved[key]


# What was reserved for all calls of a turn.
_whole: ContextVar[Reservation | None] = ContextVar("whole", default=None)


def reserve(dollars: float) -> Reservation:
    """Reserve the estimated cost of a call of the current payer. Raises Exhausted."""
    with counting:
        whole = _whole.get()
        if whole and whole.left >= dollars:
            return Reservation(dollars, whole)
        for key, limit in _limits().items():
            if _is_closed(key, limit) or ledger.used(key).dollars + _reserved.get(key, 0.0) + dollars > limit:
                for old in [each for each, (day, _) in _closed.items() if day != ledger.today()]:
                    del _closed[old]
                _closed[key] = ledger.today(), limit
                raise Exhausted(_sentence(key))
        return Reservation(dollars)


@contextmanager
def reserved_for_all(dollars: float) -> Iterator[None]:
    """Reserve once for all calls inside the block, so that none of them is refused half-way. Raises Exhausted."""
    whole = reserve(dollars)
    token = _whole.set(whole)
    try:
        yield
    finally:
        _whole.reset(token)
        whole.release()


def why_not(engine: str) -> str:
    """Return "" if this engine may be used now for the current payer, else a sentence for the learner."""
    if engine == EMBEDDED:
        return ""
    with counting:
        return next((_sentence(key) for key, limit in _limits().items() if _is_closed(key, limit)), "")


def allows(engine: str) -> bool:
    """Return whether this engine may be used now for the current payer."""
    return not why_not(engine)


def spent(key: str = SITE) -> float:
    """Return the estimated cost of today's calls in dollars, as far as this process knows."""
    return ledger.used(key).dollars


def forget() -> None:
    """Forget all counts, as a restart does."""
    with counting:
        ledger.forget()
        _reserved.clear()
        _closed.clear()


def _limits() -> dict[str, float]:
    """Return the dollars that may be spent today under each key that the current payer's calls count towards."""
    limits = {SITE: site_limits.dollars("DAILY_SPENDING_LIMIT")}
    if visitor := payer.current():
        own = site_limits.dollars("LEARNER_SPENDING_LIMIT")
        limits[visitor.shared] = own * site_limits.value("LEARNERS_PER_ADDRESS")
        limits[visitor.own] = own
    return limits


def _is_closed(key: str, limit: float) -> bool:
    """Return whether the limit is reached, or was too near for a call, today and since an operator has last raised it."""
    return ledger.used(key).dollars >= limit or (
        key in _closed and _closed[key][0] == ledger.today() and _closed[key][1] >= limit
    )


def _sentence(key: str) -> str:
    return ENOUGH if key == SITE else ENOUGH_FOR_YOU
