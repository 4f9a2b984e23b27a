"""What answers took, by day and by engine: time, what of a provider, and about how much money. Of the newest messages that are in
reach: in the shelter, and in the cloud's database unless that is down."""

import math
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings

from conversations.models import Message
from talking_agent import cloud

LOCAL = "local"
LATEST = 10_000  # messages: about 5,000 answers, and the turns that they answer
PATIENCE = 20.0  # seconds: sorting a million rows takes some
MOMENTS = {"heard_ms": "heard", "thought_ms": "thought", "first_audio_ms": "first audio", "saved_ms": "saved"}
TOKENS = ("text_in", "audio_in", "cached_in", "text_out", "audio_out")
MOST = 1e12  # what no turn takes: of milliseconds, tokens or dollars
LONGEST_NAME = 40  # characters of an engine's
Kept = tuple[datetime, Mapping[str, Any]]  # when a message was said, and what was measured of it


@dataclass(slots=True)
class Took:
    """What some messages took. `dollars` leaves out the `unpriced` ones, whose cost is not known."""

    answers: int = 0
    seconds: float = 0.0  # of audio, as a provider counts it
    tokens: int = 0
    dollars: float = 0.0
    unpriced: int = 0

    def add(self, measured: Mapping[str, Any]) -> None:
        calls = [call for call in _list(measured.get("usage")) if isinstance(call, dict)]
        self.answers += number(measured.get("first_audio_ms")) is not None
        self.seconds += sum(number(call.get("seconds")) or 0 for call in calls)
        self.tokens += sum(int(number(call.get(name)) or 0) for call in calls for name in TOKENS)
        cost = number(measured.get("cost"))
        self.dollars += cost or 0.0
        self.unpriced += cost is None


@dataclass(slots=True)
class Span:
    """Milliseconds from the end of the learner's turn; of "saved", from when it was handed over."""

    name: str
    count: int
    p50: float
    p95: float


@dataclass(slots=True)
class OfEngine:
    name: str
    took: Took = field(default_factory=Took)
    spans: list[Span] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Usage:
    """`days`: by day, the oldest first, and by engine. `since`: when the oldest message that was looked at was said, if there
    are more. `unseen` names the half of the cloud that is down: what it has is not in the figures."""

    engines: list[OfEngine]
    days: dict[date, dict[str, Took]]
    total: Took
    since: datetime | None
    unseen: str


def usage(limit: int = LATEST) -> Usage:
    messages, unseen = _newest(limit)
    kept = [(at, measured) for at, measured in messages if isinstance(measured, dict) and measured]
    days: dict[date, dict[str, Took]] = defaultdict(lambda: defaultdict(Took))
    by_engine: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    total = Took()
    for at, measured in kept:
        engine = engine_of(measured)
        by_engine[engine].append(measured)
        days[at.astimezone(UTC).date()][engine].add(measured)
        total.add(measured)
    engines = [_of_engine(name, by_engine[name]) for name in sorted(by_engine)]
    since = messages[-1][0] if len(messages) == limit else None
    return Usage(engines, dict(sorted(days.items())), total, since, unseen)


def number(value: Any) -> float | None:
    """What is kept may have come from an archive: whatever is no amount that a turn can take is not known."""
    is_amount = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MOST
    return value if is_amount else None


def engine_of(measured: Mapping[str, Any]) -> str:
    """A name that can be shown: JSON may hold what UTF-8 cannot."""
    name = measured.get("engine")
    shown = name[:LONGEST_NAME].encode(errors="replace").decode() if isinstance(name, str) else ""
    return shown.strip() or "unknown"


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    return sorted_values[max(0, math.ceil(share * len(sorted_values)) - 1)]


def _of_engine(name: str, kept: Iterable[Mapping[str, Any]]) -> OfEngine:
    found = OfEngine(name)
    times: dict[str, list[float]] = {moment: [] for moment in MOMENTS}
    for measured in kept:
        found.took.add(measured)
        for moment in MOMENTS:
            if (ms := number(measured.get(moment))) is not None:
                times[moment].append(ms)
    for moment, values in times.items():
        if values:
            values.sort()
            found.spans.append(Span(MOMENTS[moment], len(values), percentile(values, 0.5), percentile(values, 0.95)))
    return found


def _newest(limit: int) -> tuple[list[Kept], str]:
    """The newest first."""
    there, unseen = dict[uuid.UUID, Kept](), ""
    here = _read(LOCAL, limit)
    if cloud.database.on:
        try:
            with cloud.patience(PATIENCE), cloud.database.use():
                there = _read(settings.CLOUD_DATABASE, limit)
        except cloud.Unavailable:
            unseen = cloud.database.name
    # Of a message that is on its way to the cloud the shelter may know a part only.
    known = there | {key: kept for key, kept in here.items() if kept[1] or key not in there}
    return sorted(known.values(), key=lambda kept: kept[0], reverse=True)[:limit], unseen


def _read(using: str, limit: int) -> dict[uuid.UUID, Kept]:
    found = Message.objects.using(using).filter(deleted_at=None, erased=False).order_by("-timestamp")
    return {key: (at, measured) for key, at, measured in found.values_list("pk", "timestamp", "measured")[:limit]}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
