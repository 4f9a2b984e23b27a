"""Find the days on which a learner practised, in the learner's own time zone.

Moments are counted in quarters of an hour since 1970 in UTC, because every time zone differs from UTC by whole quarters. A day is
then what the learner's calendar says, so a change to daylight saving time neither doubles nor loses one.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo

# Seconds.
QUARTER = 900
WEEK = 7


def week(now: datetime, zone: tzinfo) -> list[date]:
    """Return the last seven days of the calendar, today last."""
    today = now.astimezone(zone).date()
    return [today - timedelta(days=back) for back in reversed(range(WEEK))]


def practised(quarters: Iterable[int], zone: tzinfo) -> set[date]:
    """Return the days of these quarters of an hour."""
    return {datetime.fromtimestamp(each * QUARTER, UTC).astimezone(zone).date() for each in quarters}
