"""Count what was used today (UTC): dollars for providers and seconds of speech, of the site, of addresses and of visitors.

A process counts in memory, which costs no query and never blocks, and adds its counts to rows in the accounts' database
every few seconds. So the counts survive a restart, and several servers share them, a few seconds late.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from django.db import transaction
from django.db.models import F

# The key of what all visitors have used together.
SITE = "site"
# Days that the counts of visitors and addresses are kept. The sum of the site is kept for ever.
KEPT_DAYS = 1


@dataclass(slots=True)
class Amount:
    dollars: float = 0.0
    seconds: float = 0.0

    def add(self, other: "Amount") -> None:
        self.dollars += other.dollars
        self.seconds += other.seconds


# By key.
Amounts = defaultdict[str, Amount]

counting = threading.RLock()
_pending: defaultdict[date, Amounts] = defaultdict(lambda: defaultdict(Amount))
_stored: defaultdict[date, Amounts] = defaultdict(lambda: defaultdict(Amount))


def add(keys: Iterable[str], amount: Amount) -> None:
    with counting:
        for key in keys:
            _pending[today()][key].add(amount)


def used(key: str) -> Amount:
    """Return what was used today under this key, as far as this process knows."""
    total, day = Amount(), today()
    with counting:
        for counts in (_pending, _stored):
            if day in counts and key in counts[day]:
                total.add(counts[day][key])
    return total


def today() -> date:
    return datetime.now(UTC).date()


def seconds_until_tomorrow() -> int:
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
    return int((midnight - now).total_seconds()) + 1


def store() -> None:
    """Add the pending counts to the database, and read those of all servers. Raises DatabaseError. Then they stay pending."""
    from usage.models import DailyUse, Spending

    day = today()
    with counting:
        moved = [(of, key, replace(each)) for of, counts in _pending.items() for key, each in counts.items()]
        # In one order on all servers: otherwise two that update the same rows could block each other.
        moved.sort(key=lambda each: each[:2])
        is_first = day not in _stored
    with transaction.atomic():
        for of, key, amount in moved:
            _add_to_row(of, key, amount)
        if is_first:
            DailyUse.objects.filter(day__lt=day - timedelta(days=KEPT_DAYS)).delete()
    # At the start, read the counts of all visitors, then only of those that this server has counted.
    rows = DailyUse.objects.filter(day=day)
    if not is_first:
        rows = rows.filter(who__in=[key for of, key, _ in moved if of == day])
    found = {who: Amount(dollars, seconds) for who, dollars, seconds in rows.values_list("who", "dollars", "seconds")}
    found[SITE] = Amount(Spending.objects.filter(day=day).values_list("dollars", flat=True).first() or 0.0)
    with counting:
        for of, key, amount in moved:
            _pending[of][key].add(Amount(-amount.dollars, -amount.seconds))
            if _pending[of][key] == Amount():
                del _pending[of][key]
        _stored[day].update(found)
        for of in {*_pending, *_stored} - {day}:
            _stored.pop(of, None)
            if not _pending[of]:
                del _pending[of]


def _add_to_row(day: date, key: str, amount: Amount) -> None:
    from usage.models import DailyUse, Spending

    if key == SITE:
        Spending.objects.get_or_create(day=day)
        Spending.objects.filter(day=day).update(dollars=F("dollars") + amount.dollars)
        return
    row, _ = DailyUse.objects.get_or_create(day=day, who=key)
    DailyUse.objects.filter(pk=row.pk).update(
        dollars=F("dollars") + amount.dollars, seconds=F("seconds") + amount.seconds
    )


def forget() -> None:
    """Forget all counts, as a restart does."""
    with counting:
        _pending.clear()
        _stored.clear()
