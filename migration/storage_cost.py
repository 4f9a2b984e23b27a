"""Count what is stored, how it grew, and what it costs a month.

The databases do the counting, and no row is loaded. The bucket is not asked, because the rows say how much is in it.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from operator import add

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
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
        return StoredCounts(*map(add, astuple(self), astuple(other)))


@dataclass(frozen=True, slots=True)
class Month:
    """Count what was added in one month and is still stored. `month` is in UTC, such as "2026-01"."""

    month: str
    conversations: int
    recordings: int
    bytes: int
    minutes: float

    def __add__(self, other: "Month") -> "Month":
        return Month(self.month, *map(add, astuple(self)[1:], astuple(other)[1:]))


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

    @property
    def in_words(self) -> dict[str, str]:
        costs = {"storage": dollars(self.storage), "requests": dollars(self.requests)}
        return costs | {"database": dollars(*self.database), "total": dollars(*self.total)}


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
    here, there, unseen = _count(LOCAL, begins), _Counted(), ""
    if cloud.database.on:
        try:
            with cloud.patience(PATIENCE), cloud.database.use():
                there = _count(settings.CLOUD_DATABASE, begins)
        except cloud.Unavailable:
            unseen = cloud.database.name
    far, near = Recording.Place.CLOUD, Recording.Place.LOCAL
    in_cloud = there.rows + here.recordings[far] + there.recordings[far]
    in_local = here.rows + here.recordings[near] + there.recordings[near]
    months = list(map(add, here.months, there.months)) if there.months else here.months
    prices = Prices(settings.PRICE_STORAGE, settings.PRICE_REQUESTS, settings.PRICE_DATABASE)
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


@dataclass(frozen=True, slots=True)
class _Counted:
    """Hold what one database knows: its rows, recordings by the place of their bytes, and additions by month."""

    rows: StoredCounts = StoredCounts()
    recordings: Mapping[str, StoredCounts] = field(default_factory=lambda: defaultdict(StoredCounts))
    months: list[Month] = field(default_factory=list)


def _count(using: str, begins: list[datetime]) -> _Counted:
    conversations = Conversation.objects.using(using).filter(deleted_at=None).order_by()
    messages = Message.objects.using(using).filter(deleted_at=None, erased=False).order_by()
    recordings = Recording.objects.using(using).order_by()
    by_place = defaultdict(StoredCounts)
    for row in recordings.values("place").annotate(count=Count("pk"), size=Sum("size"), seconds=Sum("duration")):
        by_place[row["place"]] = StoredCounts(0, 0, row["count"], row["size"] or 0, (row["seconds"] or 0.0) / 60)
    rows = StoredCounts(conversations.count(), messages.count())
    return _Counted(rows, by_place, _by_month(begins, conversations, recordings))


def _by_month(
    begins: list[datetime], conversations: QuerySet[Conversation], recordings: QuerySet[Recording]
) -> list[Month]:
    """Count what was added in each month, with one query for each table.

    The query uses no date functions, because SQLite calls them in Python for every row.
    """
    ends = [*begins[1:], datetime.max.replace(tzinfo=UTC)]
    counts, sizes = {}, {}
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        month = Q(created_at__gte=begin, created_at__lt=end)
        counts[f"count_{number}"] = Count("pk", filter=month)
        sizes[f"size_{number}"] = Sum("size", filter=month)
        sizes[f"seconds_{number}"] = Sum("duration", filter=month)
    added = conversations.filter(created_at__gte=begins[0]).aggregate(**counts)
    recorded = recordings.filter(created_at__gte=begins[0]).aggregate(**counts, **sizes)
    return [
        Month(
            f"{begin:%Y-%m}",
            added[f"count_{number}"] or 0,
            recorded[f"count_{number}"] or 0,
            recorded[f"size_{number}"] or 0,
            (recorded[f"seconds_{number}"] or 0.0) / 60,
        )
        for number, begin in enumerate(begins)
    ]
