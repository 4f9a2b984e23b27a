from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from learning import days
from learning.days import QUARTER

# The last days of daylight saving time and of standard time, a zone with half an hour of it, and zones far from UTC.
ZONES = [
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati"),
    *("Pacific/Pago_Pago", "America/St_Johns", "Africa/Casablanca", "Asia/Ho_Chi_Minh"),
]


def quarter(moment: datetime) -> int:
    return int(moment.timestamp()) // QUARTER


def local(zone: str, *when: int, fold: int = 0) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(zone), fold=fold)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize("name", ZONES)
def test_a_year_has_each_day_once(name: str):
    """Daylight saving time makes a day of 23 hours and one of 25, also where it begins at midnight."""
    place = ZoneInfo(name)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    quarters = [quarter(start) + number for number in range(365 * 96)]
    found = sorted(days.practised(quarters, place))
    first = start.astimezone(place).date()
    assert found == [first + timedelta(days=number) for number in range(len(found))]
    assert len(found) in (365, 366)


@pytest.mark.parametrize("name", ZONES)
def test_each_day_of_a_year_is_in_its_week(name: str):
    place, weeks = ZoneInfo(name), []
    for hour in range(24 * 365):
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        week = days.week(now, place)
        assert week[-1] == now.astimezone(place).date()
        assert len(set(week)) == 7
        weeks.append(week[-1])
    assert sorted(set(weeks)) == [weeks[0] + timedelta(days=number) for number in range(len(set(weeks)))]


def test_an_hour_that_comes_twice_is_one_day():
    # 02:30 comes twice in this night.
    twice = [local("Europe/Berlin", 2026, 10, 25, 2, 30, fold=fold) for fold in (0, 1)]
    assert twice[0].timestamp() != twice[1].timestamp()
    assert days.practised(map(quarter, twice), ZoneInfo("Europe/Berlin")) == {date(2026, 10, 25)}


def test_both_sides_of_midnight_are_two_days_in_the_learners_zone_only():
    around = [local("Asia/Kathmandu", 2026, 6, 1, 23, 50), local("Asia/Kathmandu", 2026, 6, 2, 0, 5)]
    quarters = [quarter(each) for each in around]
    assert days.practised(quarters, ZoneInfo("Asia/Kathmandu")) == {date(2026, 6, 1), date(2026, 6, 2)}
    assert days.practised(quarters, UTC) == {date(2026, 6, 1)}
