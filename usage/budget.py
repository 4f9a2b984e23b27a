"""Limit the cost of providers in a day (UTC), for all learners together, to DAILY_SPENDING_LIMIT.

Over the limit only the embedded engine answers. A process counts in memory, which costs no query, and adds its count to
a row in the accounts' database every few seconds. So the count survives a restart, and several servers share it.
"""

import threading
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db.models import F

# The engine that calls no provider.
EMBEDDED = "local"
ENOUGH = "It is enough for today: the budget for the usual partner is used up. A new day begins at midnight (UTC)."
GOES_ON = "The embedded partner goes on."

_counting = threading.Lock()
_pending: defaultdict[date, float] = defaultdict(float)
_stored: dict[date, float] = {}


def add(dollars: float) -> None:
    with _counting:
        _pending[_today()] += dollars


def spent() -> float:
    """Return the estimated cost of today's calls in dollars, as far as this process knows."""
    today = _today()
    return _stored.get(today, 0.0) + _pending.get(today, 0.0)


def any_left() -> bool:
    return spent() < settings.DAILY_SPENDING_LIMIT


def allows(engine: str) -> bool:
    """Return whether this engine may be used now."""
    return engine == EMBEDDED or any_left()


def seconds_until_tomorrow() -> int:
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
    return int((midnight - now).total_seconds()) + 1


def store() -> None:
    """Add the pending dollars to the database, and read all servers' sum. Raises DatabaseError. Then they stay pending."""
    from usage.models import Spending

    today = _today()
    with _counting:
        pending = {day: dollars for day, dollars in _pending.items() if dollars}
    for day, dollars in pending.items():
        Spending.objects.get_or_create(day=day)
        Spending.objects.filter(day=day).update(dollars=F("dollars") + dollars)
        with _counting:
            _pending[day] -= dollars
            _stored[day] = _stored.get(day, 0.0) + dollars
    total = Spending.objects.filter(day=today).values_list("dollars", flat=True).first() or 0.0
    with _counting:
        _stored.clear()
        _stored[today] = total
        for day in [day for day in _pending if day != today and not _pending[day]]:
            del _pending[day]


def forget() -> None:
    """Forget all counts, as a restart does."""
    with _counting:
        _pending.clear()
        _stored.clear()


def _today() -> date:
    return datetime.now(UTC).date()
