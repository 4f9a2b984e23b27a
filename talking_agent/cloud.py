"""Is the cloud on, is it up? Each half, the database and the bucket, has a breaker: its state is known, and not discovered
by each request. A breaker opens at the first failure, asks in the background, and closes when the half answers again."""

import contextlib
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connections

from talking_agent import metrics

PATIENCE = 2.0  # seconds that one request waits for the cloud, for all its operations together
PATIENCE_ELSEWHERE = 10.0  # for a query that no breaker guards, such as one of the admin's
PROBE_EVERY = 1.0
SLOW = "timed out"

logger = logging.getLogger(__name__)


class Unavailable(Exception):
    """This half of the cloud is down, or took longer than the request may wait."""


@dataclass(slots=True)
class Patience:
    """Of one request."""

    left: float  # seconds
    missed: dict[str, str] = field(default_factory=dict)  # halves it went without, and why


_patience: ContextVar[Patience | None] = ContextVar("patience", default=None)
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)  # of the operation under way
_impatient: ContextVar[bool] = ContextVar("impatient", default=False)
_regardless: ContextVar[bool] = ContextVar("regardless", default=False)


@contextlib.contextmanager
def patience(seconds: float = PATIENCE) -> Iterator[None]:
    """What is done inside waits for the cloud no longer than this, in all."""
    token = _patience.set(Patience(seconds))
    try:
        yield
    finally:
        _patience.reset(token)


def begin_request() -> None:
    """As `patience`, for whoever has no block to put it around."""
    _patience.set(Patience(PATIENCE))


def end_request() -> float:
    """Returns how many seconds the request waited for the cloud, in all."""
    patience = _patience.get()
    _patience.set(None)
    return PATIENCE - patience.left if patience else 0.0


def seconds_left() -> float | None:
    """How long the operation under way may still wait; None: as long as it takes (a migration of the schema)."""
    if (deadline := _deadline.get()) is not None:
        return max(0.0, deadline - time.monotonic())
    return PATIENCE_ELSEWHERE if _patience.get() or _impatient.get() else None


@contextlib.contextmanager
def impatiently() -> Iterator[None]:
    """Outside of a request: a query inside that no breaker guards waits no longer than one in a request would."""
    token = _impatient.set(True)
    try:
        yield
    finally:
        _impatient.reset(token)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is asked inside of a database, any of them, waits no longer than this, in all. No breaker hears of it."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        with _mongo_limit(seconds):
            yield
    finally:
        _deadline.reset(token)


@contextlib.contextmanager
def regardless() -> Iterator[None]:
    """What is done inside is let through to a database that is known to be down: it may be what brings it up."""
    token = _regardless.set(True)
    try:
        yield
    finally:
        _regardless.reset(token)


class Breaker:
    """One half of the cloud. `probe` proves that it can be read and written, or raises."""

    def __init__(
        self, name: str, is_on: Callable[[], bool], failures: Callable[[], tuple[type[Exception], ...]]
    ) -> None:
        self.name = name
        self.failures = failures
        self.probe: Callable[[], None] = lambda: None  # set by the app that knows how
        self.up = True
        self.since = datetime.now(UTC)
        self.reason = ""  # for operators and the log
        self._is_on = is_on
        self._lock = threading.Lock()

    @property
    def on(self) -> bool:
        return self._is_on()

    @property
    def usable(self) -> bool:
        return self.on and self.up

    @property
    def cause(self) -> str:
        """Why it is down, in words that anybody may read: no host, no name."""
        return "" if self.up else cause_of(self.reason)

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """Around an operation on this half. Raises Unavailable: where it is off or down, at once; where it fails, or takes
        longer than the request's patience, having opened the breaker. What the caller did wrong passes through."""
        patience = _patience.get() or Patience(PATIENCE)
        if not self.usable or patience.left <= 0:
            if self.on:
                metrics.stored(self.name, "skipped")
                patience.missed.setdefault(self.name, self.cause or cause_of(SLOW))
            raise Unavailable(self.name)
        began, outcome = time.perf_counter(), "ok"
        try:
            with self._limited(patience):
                yield
        except (IntegrityError, FileNotFoundError):
            raise
        except self.failures() as error:
            outcome = "failed"
            if not isinstance(error, DataError):
                patience.missed.setdefault(self.name, cause_of(sentence(error)))
                self.trip(error)
            raise Unavailable(self.name) from error
        finally:
            metrics.stored(self.name, outcome, time.perf_counter() - began)

    def trip(self, error: Exception) -> None:
        with self._lock:
            if not self.up:
                return
            self.up, self.since, self.reason = False, datetime.now(UTC), sentence(error)
        logger.warning("The %s cannot be used: %s What is said is kept locally until it can.", self.name, self.reason)
        threading.Thread(target=self._watch, name=f"{self.name}-probe", daemon=True).start()

    def check(self) -> None:
        """Ask now, whatever is known; opens the breaker if it fails."""
        try:
            self._ask()
        except Exception as error:  # noqa: BLE001  # whatever a probe finds is the answer
            self.trip(error)

    def shuts_out(self, alias: str) -> bool:
        """Must a query to this database fail at once, for it is known to be down? Not that of the probe."""
        let_through = _deadline.get() is not None or _regardless.get()
        return self.on and not self.up and alias == settings.CLOUD_DATABASE and not let_through

    @contextlib.contextmanager
    def _limited(self, patience: Patience) -> Iterator[None]:
        began, outer = time.monotonic(), _deadline.get()
        deadline = min(began + patience.left, outer or math.inf)
        token = _deadline.set(deadline)
        try:
            with _mongo_limit(max(0.0, deadline - began)):
                yield
        finally:
            _deadline.reset(token)
            if outer is None:  # else the operation around this one pays
                patience.left -= time.monotonic() - began

    def _ask(self) -> None:
        try:
            with self._limited(Patience(PATIENCE)):
                self.probe()
        finally:
            connections.close_all()  # this thread's

    def _watch(self) -> None:
        while not self.up:
            time.sleep(PROBE_EVERY)
            try:
                self._ask()
            except Exception as error:  # noqa: BLE001  # whatever a probe finds, it is asked again
                self.reason = sentence(error)
            else:
                away = (datetime.now(UTC) - self.since).total_seconds()
                self.since = datetime.now(UTC)
                self.up = True
                logger.warning("The %s is back after %.0f s.", self.name, away)
                return  # if it has gone again already, somebody else is asking


def _mongo_limit(seconds: float) -> contextlib.AbstractContextManager[None]:
    if settings.CLOUD_DATABASE != "mongodb":
        return contextlib.nullcontext()
    import pymongo  # 20 MB that nobody else needs
    from pymongo.common import MIN_HEARTBEAT_INTERVAL

    # It waits for a server in steps of half a second, and looks at the clock after each.
    return pymongo.timeout(max(0.1, seconds - MIN_HEARTBEAT_INTERVAL))


def cause_of(reason: str) -> str:
    """In words that anybody may read: no host, no name."""
    return next(words for pattern, words in CAUSES if re.search(pattern, reason, re.I))


def sentence(error: BaseException) -> str:
    """An error's first line, for operators and the log."""
    # The first line: what follows is the SDK's advice, the topology of a cluster, or the row that was refused, which MongoDB's
    # driver tells in the same line. Translated errors may have no words.
    line = " ".join(str(error).split("\n")[0].partition(", full error:")[0].split())[:300]
    if not line and error.__cause__:
        return sentence(error.__cause__)
    line = line or type(error).__name__
    return line if line.endswith(".") else f"{line}."


CAUSES = (
    # First: MongoDB's driver tells its timeouts in every message.
    (r"refused|reset|closed|terminat|shut(ting)? ?down|starting up|recovery mode", "the connection is refused"),
    (r"time[d ]?[- ]?out|in time|get a connection|No replica set members|ServerSelectionTimeout", "it does not answer"),
    (r"password|authenticat|credential|signature|access ?key|role .* does not", "the credentials are refused"),
    (r"does not exist|no such|missing|waiting to be applied", "it does not exist"),
    (r"read-?only|denied|not (allowed|authorized)|permission|not ?master|NotWritable", "writing is refused"),
    (r"", "it fails"),
)


def _database_failures() -> tuple[type[Exception], ...]:
    if settings.CLOUD_DATABASE != "mongodb":
        return (DatabaseError, InterfaceError)
    from pymongo.errors import PyMongoError  # not all of them are translated by the backend

    return (DatabaseError, InterfaceError, PyMongoError)


database = Breaker("database", lambda: bool(settings.CLOUD_DATABASE), _database_failures)
bucket = Breaker("audio bucket", lambda: settings.CLOUD_AUDIO, lambda: (OSError,))
halves = (database, bucket)


def down() -> dict[str, str]:
    """The halves that are on and down, and why, in words that anybody may read. In a request also those that it went without,
    though they may be back by now, or may only have been too slow for it: its answer lacks what they have."""
    request = _patience.get()
    missed = request.missed if request else {}
    return {
        each.name: each.cause or missed[each.name]
        for each in halves
        if each.on and (not each.up or each.name in missed)
    }
