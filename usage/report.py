"""Report the time, the usage of providers and the estimated cost of answers, by day and by engine.

The report covers the newest messages of the local database, and those of the cloud's database unless it is down.
"""

import math
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from django.conf import settings

from conversations import outbox
from conversations.changes import message_key
from conversations.models import Message
from core import cloud
from core.cloud import LOCAL
from usage.metering import TOKENS, is_amount

# Messages: about 5,000 answers, and the turns that they answer.
LATEST = 10_000
# Seconds. Sorting a million rows takes some of them.
PATIENCE = 20.0
MOMENTS = {"heard_ms": "heard", "thought_ms": "thought", "first_audio_ms": "first audio", "saved_ms": "saved"}
# Characters of an engine's name.
LONGEST_NAME = 40
# The time of a message, and its `measured`.
Kept = tuple[datetime, Mapping[str, object]]


@dataclass(slots=True)
class Took:
    """Add up the usage of some messages. `dollars` leaves out the `unpriced` ones, whose cost is unknown."""

    answers: int = 0
    # Seconds of audio, as the provider counts them.
    seconds: float = 0.0
    tokens: int = 0
    dollars: float = 0.0
    unpriced: int = 0

    def add(self, measured: Mapping[str, object]) -> None:
        usage = measured.get("usage")
        calls = [call for call in usage if isinstance(call, dict)] if isinstance(usage, list) else []
        self.answers += number(measured.get("first_audio_ms")) is not None
        self.seconds += sum(number(call.get("seconds")) or 0 for call in calls)
        self.tokens += sum(int(number(call.get(name)) or 0) for call in calls for name in TOKENS)
        cost = number(measured.get("cost"))
        self.dollars += cost or 0.0
        self.unpriced += cost is None


@dataclass(slots=True)
class Span:
    """Hold percentiles of one moment of an answer, in milliseconds.

    They count from the end of the learner's turn. The moment "saved" counts from when the turn was handed to the saver.
    """

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
    """Hold the figures of the report.

    `days` goes by day, the oldest first, and by engine. `since` is the time of the oldest message in the report, None
    if there are no older ones. `unseen` names the cloud database if it is down: its messages are then missing. It is ""
    otherwise.
    """

    engines: list[OfEngine]
    days: dict[date, dict[str, Took]]
    total: Took
    since: datetime | None
    unseen: str


def usage(limit: int = LATEST) -> Usage:
    messages, unseen = _newest(limit)
    kept = [(at, measured) for at, measured in messages if isinstance(measured, dict) and measured]
    days: dict[date, dict[str, Took]] = defaultdict(lambda: defaultdict(Took))
    engines: dict[str, OfEngine] = {}
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    total = Took()
    for at, measured in kept:
        name = engine_of(measured)
        engines.setdefault(name, OfEngine(name)).took.add(measured)
        days[at.astimezone(UTC).date()][name].add(measured)
        total.add(measured)
        for moment in MOMENTS:
            if (ms := number(measured.get(moment))) is not None:
                times[name, moment].append(ms)
    for name, engine in engines.items():
        for moment, words in MOMENTS.items():
            if values := sorted(times[name, moment]):
                engine.spans.append(Span(words, len(values), percentile(values, 0.5), percentile(values, 0.95)))
    since = messages[-1][0] if len(messages) == limit else None
    return Usage([engines[name] for name in sorted(engines)], dict(sorted(days.items())), total, since, unseen)


def number(value: object) -> float | None:
    """Return the value if it is an amount, else None. Values from an archive may be anything."""
    return value if is_amount(value) else None


def engine_of(measured: Mapping[str, object]) -> str:
    """Return the engine's name in a form that can be shown. JSON may hold characters that UTF-8 cannot encode."""
    name = measured.get("engine")
    shown = name[:LONGEST_NAME].encode(errors="replace").decode() if isinstance(name, str) else ""
    return shown.strip() or "unknown"


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that at least this share of them does not exceed. `share` goes from 0 to 1."""
    return sorted_values[max(0, math.ceil(share * len(sorted_values)) - 1)]


def _newest(limit: int) -> tuple[list[Kept], str]:
    """Return up to `limit` messages, the newest first, and the name of the cloud database if it is down, else ""."""
    there, unseen = dict[uuid.UUID, Kept](), ""
    here = _read(LOCAL, limit)
    if cloud.database.on:
        try:
            with cloud.patience(PATIENCE), cloud.database.use():
                there = _read(settings.CLOUD_DATABASE, limit)
        except cloud.Unavailable:
            unseen = cloud.database.name
    # While a message is on its way to the cloud, a pending change may lack `measured`. The cloud's row then counts.
    known = there | {key: kept for key, kept in (here | _pending(limit)).items() if kept[1] or key not in there}
    return sorted(known.values(), key=lambda kept: kept[0], reverse=True)[:limit], unseen


def _read(using: str, limit: int) -> dict[uuid.UUID, Kept]:
    found = Message.objects.using(using).filter(deleted_at=None, erased=False).order_by("-timestamp")
    return {key: (at, measured) for key, at, measured in found.values_list("pk", "timestamp", "measured")[:limit]}


def _pending(limit: int) -> dict[uuid.UUID, Kept]:
    """Return the same of the messages that wait in the outbox."""
    found: dict[uuid.UUID, Kept] = {}
    for change in outbox.changes_of(outbox.pending().order_by("-pk")[:limit]):
        for sent in change.messages:
            columns = sent.columns
            if "timestamp" in columns and not columns.get("deleted_at"):
                key = sent.pk or message_key(change.key, sent.id)
                found.setdefault(key, (columns["timestamp"], columns.get("measured", {})))
    return found
