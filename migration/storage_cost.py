"""Count what is stored, how it grew, and what it costs a month.

The databases do the counting, and no row is loaded. The bucket is not asked, because the rows say how much is in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Aggregate, Count, Q, QuerySet, Sum
from django.utils import timezone

from audio.models import Recording
from conversations.models import Conversation, Message
from core import cloud
from core.cloud import LOCAL

# Seconds for all counting. A million rows take some.
PATIENCE = 60.0
MONTHS = 12
GB = 10**9
# Requests for one recording: it is saved once, and played once.
PER_RECORDING = 2


@dataclass(frozen=True, slots=True)
class StoredCounts:
    """Count what is in one place, without deleted conversations and messages."""

    conversations: int = 0
    messages: int = 0
    recordings: int = 0
    bytes: int = 0  # of the recordings
    minutes: float = 0.0

    def __add__(self, other: "StoredCounts") -> "StoredCounts":
        return StoredCounts(
            self.conversations + other.conversations,
            self.messages + other.messages,
            self.recordings + other.recordings,
            self.bytes + other.bytes,
            self.minutes + other.minutes,
        )


@dataclass(frozen=True, slots=True)
class Month:
    """Count what was added in one month and is still stored. `month` is in UTC, such as "2026-01"."""

    month: str
    conversations: int
    recordings: int
    bytes: int
    minutes: float

    def __add__(self, other: "Month") -> "Month":
        return Month(
            self.month,
            self.conversations + other.conversations,
            self.recordings + other.recordings,
            self.bytes + other.bytes,
            self.minutes + other.minutes,
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """Hold the prices in dollars. The database costs nothing if the cloud's database is off."""

    storage: float  # per GB and month
    requests: float  # per thousand
    database: tuple[float, float]  # per month: from, to


@dataclass(frozen=True, slots=True)
class Bill:
    """Hold the costs of one month in dollars."""

    storage: float
    requests: float
    database: tuple[float, float]

    @property
    def total(self) -> tuple[float, float]:
        low, high = self.database
        return self.storage + self.requests + low, self.storage + self.requests + high


@dataclass(frozen=True, slots=True)
class Costs:
    """Hold all figures. `unseen` names the half of the cloud that is down, whose data is not in them."""

    cloud: StoredCounts
    local: StoredCounts
    # The oldest first. The last one is under way.
    months: list[Month]
    prices: Prices
    bill: Bill
    unseen: str = ""


def costs(*, now: datetime | None = None) -> Costs:
    now = (now or timezone.now()).astimezone(UTC)
    this_month = now.year * 12 + now.month - 1
    months_back = range(this_month - MONTHS + 1, this_month + 1)
    begins = [datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in months_back]
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
    months = [first + second for first, second in zip(here.months, there.months, strict=True)]
    prices = configured_prices()
    # Requests are counted for the busier of the last two months, because the current one has only begun.
    busy = max(month.recordings for month in months[-2:]) if settings.CLOUD_AUDIO else 0
    bill = Bill(
        in_cloud.bytes / GB * prices.storage,
        busy * PER_RECORDING / 1000 * prices.requests,
        prices.database if cloud.database.on else (0.0, 0.0),
    )
    return Costs(in_cloud, in_local, months, prices, bill, unseen)


def dollars(low: float, high: float | None = None) -> str:
    """Write an amount, or a range of amounts."""
    if high is None or f"{low:.2f}" == f"{high:.2f}":
        return f"${low:.2f}"
    return f"${low:.2f} to ${high:.2f}"


def configured_prices() -> Prices:
    return Prices(settings.PRICE_STORAGE, settings.PRICE_REQUESTS, settings.PRICE_DATABASE)


NO_SOUND = dict.fromkeys(Recording.Place.values, StoredCounts())


@dataclass(frozen=True, slots=True)
class _Counted:
    """Hold what one database knows: its rows, recordings by the place of their bytes, and additions by month."""

    rows: StoredCounts
    sound: Mapping[str, StoredCounts]
    months: list[Month]

    @classmethod
    def nothing(cls, begins: list[datetime]) -> "_Counted":
        return cls(StoredCounts(), NO_SOUND, [Month(f"{begin:%Y-%m}", 0, 0, 0, 0.0) for begin in begins])

    @classmethod
    def of(cls, using: str, begins: list[datetime]) -> "_Counted":
        conversations = Conversation.objects.using(using).filter(deleted_at=None).order_by()
        messages = Message.objects.using(using).filter(deleted_at=None, erased=False).order_by()
        sound = Recording.objects.using(using).order_by()
        totals = sound.values("place").annotate(count=Count("pk"), size=Sum("size"), seconds=Sum("duration"))
        by_place = {
            row["place"]: StoredCounts(0, 0, row["count"], row["size"] or 0, (row["seconds"] or 0.0) / 60)
            for row in totals
        }
        return cls(
            StoredCounts(conversations.count(), messages.count()),
            NO_SOUND | by_place,
            _by_month(begins, conversations, sound),
        )


def _by_month(begins: list[datetime], conversations: QuerySet[Conversation], sound: QuerySet[Recording]) -> list[Month]:
    """Count what was added in each month, with one query for each table.

    The query uses no date functions, because SQLite calls them in Python for every row.
    """
    ends = [*begins[1:], datetime.max.replace(tzinfo=UTC)]
    within = [Q(created_at__gte=begin, created_at__lt=end) for begin, end in zip(begins, ends, strict=True)]
    since = {"created_at__gte": begins[0]}
    counted: dict[str, Aggregate] = {}
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
