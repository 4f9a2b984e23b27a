"""Show operators how much of the daily limits is used."""

from dataclasses import dataclass

from core import site_limits
from usage import ledger
from usage.ledger import SITE
from usage.models import DailyUse
from usage.report_page import dollars

# Visitors and addresses in each table.
TOP = 10
SHORT_ID = 8


@dataclass(frozen=True, slots=True)
class UseOfToday:
    """Hold what a visitor or an address has used, and its limit, as text. `is_over`: the limit is reached."""

    who: str
    used: str
    limit: str
    is_over: bool


def use_of_today() -> dict[str, object]:
    """Return the context of the page's section about today. It has no words of learners."""
    today = DailyUse.objects.filter(day=ledger.today())
    speech = [_minutes(row) for row in today.filter(seconds__gt=0).order_by("-seconds")[:TOP]]
    money = [_dollars(row) for row in today.filter(dollars__gt=0).order_by("-dollars")[:TOP]]
    limit = site_limits.dollars("DAILY_SPENDING_LIMIT")
    spent = ledger.used(SITE).dollars
    return {
        "site": UseOfToday("all learners", dollars(spent), dollars(limit), spent >= limit),
        "tables": [
            {"id": "speech", "title": "Who has spoken most today", "used": "Minutes", "rows": speech},
            {"id": "money", "title": "Who has cost most today", "used": "Estimated cost", "rows": money},
        ],
    }


def _minutes(row: DailyUse) -> UseOfToday:
    limit = _of(row, site_limits.value("SPEECH_MINUTES_PER_DAY"))
    return UseOfToday(_name(row), f"{row.seconds / 60:.1f}", f"{limit:g}", row.seconds >= limit * 60)


def _dollars(row: DailyUse) -> UseOfToday:
    limit = _of(row, site_limits.dollars("LEARNER_SPENDING_LIMIT"))
    return UseOfToday(_name(row), dollars(row.dollars), dollars(limit), row.dollars >= limit)


def _of(row: DailyUse, of_learner: float) -> float:
    """Return the limit of the row, which is an address's or a visitor's own."""
    is_address = row.who.startswith("address:")
    return of_learner * site_limits.value("LEARNERS_PER_ADDRESS") if is_address else of_learner


def _name(row: DailyUse) -> str:
    kind, _, name = row.who.partition(":")
    if kind == "learner":
        return f"learner {name[:SHORT_ID]}"
    return f"address {name}" if kind == "address" else f"clients without a cookie at {name}"
