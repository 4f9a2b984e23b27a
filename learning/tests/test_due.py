"""A card is due on a day of the learner, whatever the clock and the time zone do."""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from learning import due
from learning.models import Card
from learning.tests.talks import AT

pytestmark = pytest.mark.django_db(databases=["default", "local"])
LEARNER = uuid.uuid4()
HANOI, BERLIN, NEW_YORK = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def card(at: datetime, reviewed: datetime | None) -> Card:
    return Card.objects.using("local").create(
        id=uuid.uuid4(),
        learner=LEARNER,
        message=uuid.uuid4(),
        due=at,
        reviewed_at=reviewed,
        stability=1.0 if reviewed else None,
        mistakes=1,
        first_at=AT,
        last_at=AT,
    )


def is_due(one: Card, zone: ZoneInfo, now: datetime) -> bool:
    return one in due.due_cards(LEARNER, "local", zone, now)


@pytest.mark.parametrize("zone", [HANOI, BERLIN, NEW_YORK, ZoneInfo("UTC")])
def test_what_is_due_later_today_is_due_all_day(zone: ZoneInfo) -> None:
    """A review at eight in the evening comes back the next day, also in the morning, and once."""
    reviewed = datetime(2026, 6, 1, 20, tzinfo=zone)
    one = card((reviewed + timedelta(days=1)).astimezone(UTC), reviewed.astimezone(UTC))
    hours = {hour: is_due(one, zone, reviewed + timedelta(hours=hour)) for hour in (1, 3, 12, 24, 40)}
    assert hours == {1: False, 3: False, 12: True, 24: True, 40: True}


def test_a_review_just_before_midnight_is_not_repeated_just_after_it() -> None:
    reviewed = datetime(2026, 6, 1, 23, 58, tzinfo=BERLIN)
    one = card((reviewed + timedelta(days=1)).astimezone(UTC), reviewed.astimezone(UTC))
    assert not is_due(one, BERLIN, reviewed + timedelta(minutes=4))
    assert is_due(one, BERLIN, reviewed + timedelta(hours=9))


@pytest.mark.parametrize(
    ("now", "end"),
    [
        # 23 and 25 hours.
        (datetime(2026, 3, 29, 0, 30, tzinfo=BERLIN), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=BERLIN), datetime(2026, 10, 25, 23, tzinfo=UTC)),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), datetime(2026, 10, 25, 23, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=HANOI), datetime(2026, 12, 31, 17, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_day_follows_daylight_saving(now: datetime, end: datetime) -> None:
    assert due.end_of_day(now, now.tzinfo) == end  # type: ignore[arg-type]


@pytest.mark.parametrize("day", [datetime(2026, 3, 28, 19, tzinfo=BERLIN), datetime(2026, 10, 24, 19, tzinfo=BERLIN)])
def test_a_daily_review_is_due_once_on_each_day_around_the_change_of_the_clock(day: datetime) -> None:
    """The learner comes every day at seven by the clock on the wall, and the interval is a day."""
    for number in range(3):
        now = day + timedelta(days=number)
        one = card((now.astimezone(UTC) + timedelta(days=1)), now.astimezone(UTC))
        tomorrow = day + timedelta(days=number + 1)
        assert not is_due(one, BERLIN, now + timedelta(hours=1))
        assert is_due(one, BERLIN, tomorrow)


def test_a_reported_card_is_never_due() -> None:
    one = card(AT, None)
    assert is_due(one, BERLIN, AT)
    Card.objects.using("local").filter(pk=one.pk).update(reported_at=AT)
    assert not is_due(one, BERLIN, AT)
