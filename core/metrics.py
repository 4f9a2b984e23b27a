"""Define the metrics shown at /metrics. A label takes one of a few known words, never a person or anything that was said."""

import contextlib
import time
from collections.abc import Iterator, Mapping

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from prometheus_client import Counter, Gauge, Histogram

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER = "other"
SHELTER = "shelter"

REQUESTS = Histogram(
    "talking_agent_request_seconds",
    "Requests: how many, and how long until the answer began. The route is the URL's pattern.",
    ["route", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
TALKS = Gauge("talking_agent_talks_open", "Talks that are open on a WebSocket.")
OPERATIONS = Histogram(
    "talking_agent_store_operation_seconds",
    "Operations on the database and bucket, and local writes instead of them (shelter). Skipped: it was known to be down.",
    ["backend", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
RECONCILED = Counter("talking_agent_reconciled", "Moved from the local database to the cloud.", ["what"])
RECONCILED_BYTES = Counter(
    "talking_agent_reconciled_bytes", "Bytes of recordings moved from the local folder to the bucket."
)
RECONCILE_FAILURES = Counter(
    "talking_agent_reconcile_failures",
    "What could not be moved to the cloud, each counted when it is first reported.",
)
ERASURES = Gauge("talking_agent_erasures_waiting", "Erasures of learners that wait for a store that is down.")
STAGES = Histogram(
    "talking_agent_turn_seconds",
    "A learner's turn, from its end until it was heard, thought about and answered with the first audio; "
    "and saved, from when it was handed over.",
    ["engine", "stage"],
    buckets=(0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10),
)

ENGINE_FAILURES = Counter(
    "talking_agent_engine_failures", "Failures of an engine after which the next one went on.", ["engine"]
)
PROVIDER_SECONDS = Counter(
    "talking_agent_provider_seconds", "Seconds of audio that a provider took.", ["engine", "stage"]
)
PROVIDER_TOKENS = Counter(
    "talking_agent_provider_tokens", "Tokens that a provider counted.", ["engine", "stage", "kind"]
)
PROVIDER_DOLLARS = Counter(
    "talking_agent_provider_dollars", "About how much money that is, by the prices that are set.", ["engine", "stage"]
)
PROVIDER_UNPRICED = Counter(
    "talking_agent_provider_unpriced", "Calls of a provider whose price is not known.", ["engine", "stage"]
)
THROWN_AWAY = Counter(
    "talking_agent_replies_thrown_away", "Replies begun in a short pause, after which the learner went on.", ["engine"]
)

AT_WORK = Gauge("talking_agent_at_work", "Requests and talks that have a place at a door.", ["door"])
WAITING = Gauge("talking_agent_waiting", "Requests that wait for a place at a door.", ["door"])
TURNED_AWAY = Counter("talking_agent_turned_away", "Turned away at a door because it was full.", ["door", "status"])
CSP_REPORTS = Counter(
    "talking_agent_csp_reports", "Violations of the Content-Security-Policy that browsers reported.", ["directive"]
)
CONNECTIONS_CLOSED = Counter(
    "talking_agent_connections_closed", "Connections that the server closed because they took too much.", ["why"]
)


def requested(request: HttpRequest, status: int, seconds: float) -> None:
    """Record a request by the pattern that its path matched. Without a view, by the static prefix or "other"."""
    route = settings.STATIC_URL if request.path.startswith(settings.STATIC_URL) else OTHER
    if request.resolver_match:
        route = f"/{request.resolver_match.route}"
    method = request.method if request.method in METHODS else OTHER
    REQUESTS.labels(route, method, status).observe(seconds)


def stored(backend: str, outcome: str, seconds: float = 0.0) -> None:
    """Record an operation of the store. `outcome`: ok, failed, or skipped because the backend is down."""
    OPERATIONS.labels(backend, outcome).observe(seconds)


@contextlib.contextmanager
def sheltered() -> Iterator[None]:
    """Record a write to the local database or storage, instead of the cloud."""
    began, outcome = time.perf_counter(), "ok"
    try:
        yield
    except (DatabaseError, OSError):
        outcome = "failed"
        raise
    finally:
        stored(SHELTER, outcome, time.perf_counter() - began)


def answered(engine: str, timing: Mapping[str, int | None]) -> None:
    """Record the timing of an answer, in milliseconds from the end of the turn. None was not measured."""
    stages = {"heard": "heard_ms", "thought": "thought_ms", "first audio": "first_audio_ms"}
    for stage, name in stages.items():
        if (milliseconds := timing[name]) is not None:
            STAGES.labels(engine, stage).observe(milliseconds / 1000)


def used(engine: str, stage: str, *, seconds: float, tokens: Mapping[str, int], dollars: float | None) -> None:
    """Record one call of a provider. `dollars` is None if the price is not known."""
    PROVIDER_SECONDS.labels(engine, stage).inc(seconds)
    for kind, number in tokens.items():
        if number:
            PROVIDER_TOKENS.labels(engine, stage, kind).inc(number)
    if dollars is None:
        PROVIDER_UNPRICED.labels(engine, stage).inc()
    else:
        PROVIDER_DOLLARS.labels(engine, stage).inc(dollars)


def thrown_away(engine: str) -> None:
    THROWN_AWAY.labels(engine).inc()


def saved(engine: str, seconds: float) -> None:
    """Record that a turn of the learner is durable, after so many seconds."""
    STAGES.labels(engine, "saved").observe(seconds)


def engine_failed(engine: str) -> None:
    ENGINE_FAILURES.labels(engine).inc()
