"""What is stored, how it grew, and what it costs a month. Counted by the databases: no row is loaded, and the bucket is not
asked, for the rows say how much is in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.utils import timezone

from audio.models import Recording
from conversations.models import Conversation, Message
from talking_agent import cloud

LOCAL = "local"
PATIENCE = 60.0  # seconds for all counting: a million rows take some
MONTHS = 12
GB = 10**9
PER_RECORDING = 2  # requests: it is kept once, and listened to once


@dataclass(frozen=True, slots=True)
class Stored:
    """What is in one place; deleted conversations and messages are not counted."""

    conversations: int = 0
    messages: int = 0
    recordings: int = 0
    bytes: int = 0  # of the recordings
    minutes: float = 0.0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(
            self.conversations + other.conversations,
            self.messages + other.messages,
            self.recordings + other.recordings,
            self.bytes + other.bytes,
            self.minutes + other.minutes,
        )


@dataclass(frozen=True, slots=True)
class Month:
    """What is stored now of what was added in this month (`month`: "2026-01", in UTC)."""

    month: str
    conversations: int
    recordings: int
    bytes: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Prices:
    """In dollars. Where the cloud has no database of ours, it costs nothing."""

    storage: float  # a GB and month
    requests: float  # a thousand
    database: tuple[float, float]  # a month: from, to


@dataclass(frozen=True, slots=True)
class Bill:
    """Dollars a month."""

    storage: float
    requests: float
    database: tuple[float, float]

    @property
    def total(self) -> tuple[float, float]:
        low, high = self.database
        return self.storage + self.requests + low, self.storage + self.requests + high


@dataclass(frozen=True, slots=True)
class Costs:
    """`unseen` names the half of the cloud that is down: what it has is not in the figures."""

    cloud: Stored
    local: Stored
    months: list[Month]  # the oldest first, the last one is under way
    prices: Prices
    bill: Bill
    unseen: str = ""


def costs(*, now: datetime | None = None) -> Costs:
    now = (now or timezone.now()).astimezone(UTC)
    begins = list(_beginnings(now))
    here = _Counted.of(LOCAL, begins)
    there, unseen = _Counted.nothing(begins), ""
    if cloud.database.on:
        try:
            with cloud.patience(PATIENCE), cloud.database.use():
                there = _Counted.of(settings.CLOUD_DATABASE, begins)
        except cloud.Unavailable:
            unseen = cloud.database.name
    far, near = Recording.Place.CLOUD, Recording.Place.LOCAL
    in_cloud = there.rows + here.sound[far] + there.sound[far]
    in_local = here.rows + here.sound[near] + there.sound[near]
    months = [_added(first, second) for first, second in zip(here.months, there.months, strict=True)]
    prices = configured_prices()
    return Costs(in_cloud, in_local, months, prices, _bill(in_cloud, months, prices), unseen)


def configured_prices() -> Prices:
    return Prices(settings.PRICE_STORAGE, settings.PRICE_REQUESTS, settings.PRICE_DATABASE)


@dataclass(frozen=True, slots=True)
class _Counted:
    """What one database knows: its rows, the recordings by where their bytes are, and what was added month by month."""

    rows: Stored
    sound: Mapping[str, Stored]
    months: list[Month]

    @classmethod
    def nothing(cls, begins: list[datetime]) -> "_Counted":
        return cls(Stored(), _by_place({}), [Month(f"{begin:%Y-%m}", 0, 0, 0, 0.0) for begin in begins])

    @classmethod
    def of(cls, using: str, begins: list[datetime]) -> "_Counted":
        conversations = Conversation.objects.using(using).filter(deleted_at=None).order_by()
        messages = Message.objects.using(using).filter(deleted_at=None, erased=False).order_by()
        sound = Recording.objects.using(using).order_by()
        totals = sound.values("place").annotate(count=Count("pk"), size=Sum("size"), seconds=Sum("duration"))
        return cls(
            Stored(conversations.count(), messages.count()),
            _by_place({row["place"]: row for row in totals}),
            _by_month(begins, conversations, sound),
        )


def _by_place(totals: Mapping[str, Mapping[str, Any]]) -> dict[str, Stored]:
    def stored(row: Mapping[str, Any]) -> Stored:
        return Stored(recordings=row["count"], bytes=row["size"] or 0, minutes=(row["seconds"] or 0.0) / 60)

    return {place: stored(totals[place]) if place in totals else Stored() for place in Recording.Place.values}


def _by_month(begins: list[datetime], conversations: Any, sound: Any) -> list[Month]:
    """In one query for each table, without functions of dates, which SQLite calls in Python for every row."""
    ends = [*begins[1:], datetime.max.replace(tzinfo=UTC)]
    within = [Q(created_at__gte=begin, created_at__lt=end) for begin, end in zip(begins, ends, strict=True)]
    since = {"created_at__gte": begins[0]}
    counted: dict[str, Any] = {}
    for number, month in enumerate(within):
        counted[f"count_{number}"] = Count("pk", filter=month)
    talks = conversations.filter(**since).aggregate(**counted)
    for number, month in enumerate(within):
        counted[f"size_{number}"] = Sum("size", filter=month)
        counted[f"seconds_{number}"] = Sum("duration", filter=month)
    voices = sound.filter(**since).aggregate(**counted)
    return [
        Month(
            f"{begin:%Y-%m}",
            talks[f"count_{number}"] or 0,
            voices[f"count_{number}"] or 0,
            voices[f"size_{number}"] or 0,
            (voices[f"seconds_{number}"] or 0.0) / 60,
        )
        for number, begin in enumerate(begins)
    ]


def _beginnings(now: datetime) -> Iterator[datetime]:
    last = now.year * 12 + now.month - 1
    for month in range(last - MONTHS + 1, last + 1):
        yield datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _added(first: Month, second: Month) -> Month:
    return Month(
        first.month,
        first.conversations + second.conversations,
        first.recordings + second.recordings,
        first.bytes + second.bytes,
        first.minutes + second.minutes,
    )


def _bill(stored: Stored, months: list[Month], prices: Prices) -> Bill:
    """Requests are those of the busier of the last two months: the one that is under way has only begun."""
    busy = max(month.recordings for month in months[-2:]) if settings.CLOUD_AUDIO else 0
    return Bill(
        stored.bytes / GB * prices.storage,
        busy * PER_RECORDING / 1000 * prices.requests,
        prices.database if cloud.database.on else (0.0, 0.0),
    )
