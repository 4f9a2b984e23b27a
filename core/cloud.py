"""Track whether the cloud is on and up, with one breaker for each half: the database and the bucket.

The state is known in advance, so requests need not discover it. A breaker opens at the first failure, probes in the
background, and closes when the half answers again.
"""

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
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connections

from core import metrics
from core.causes import NO_ANSWER, cause_of

# The alias of the local database.
LOCAL = "local"
# Seconds that one request waits for the cloud, for all its operations together.
PATIENCE = 2.0
# Seconds for a query that no breaker guards, such as one of the admin's.
PATIENCE_ELSEWHERE = 10.0
PROBE_EVERY = 1.0
# Characters of an error in a log.
LONGEST_SENTENCE = 600

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Unavailable(Exception):
    """Report that this half of the cloud is down, or took longer than the request may wait."""


@dataclass(slots=True)
class Patience:
    """Hold how long one request may still wait for the cloud."""

    left: float  # seconds
    # The halves that the request went without, with the cause.
    missed: dict[str, str] = field(default_factory=dict)


_patience: ContextVar[Patience | None] = ContextVar("patience", default=None)
# The deadline of the current operation.
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_impatient: ContextVar[bool] = ContextVar("impatient", default=False)
_regardless: ContextVar[bool] = ContextVar("regardless", default=False)


@contextlib.contextmanager
def _set(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Set a variable for the block."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def patience(seconds: float = PATIENCE) -> contextlib.AbstractContextManager[None]:
    """Limit the time that the block waits for the cloud to `seconds` in total."""
    return _set(_patience, Patience(seconds))


def begin_request() -> None:
    """Start the limit of `patience` for callers that cannot use a block."""
    _patience.set(Patience(PATIENCE))


def end_request() -> float:
    """End the limit. Return the seconds that the request waited for the cloud in total."""
    patience = _patience.get()
    _patience.set(None)
    return PATIENCE - patience.left if patience else 0.0


def seconds_left() -> float | None:
    """Return the seconds that the current operation may still wait. None means no limit, as for a schema migration."""
    if (deadline := _deadline.get()) is not None:
        return max(0.0, deadline - time.monotonic())
    return PATIENCE_ELSEWHERE if _patience.get() or _impatient.get() else None


@contextlib.contextmanager
def impatiently() -> Iterator[None]:
    """Outside a request, limit queries of the block that no breaker guards as a request would."""
    with _set(_impatient, True):
        yield


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit the block's operations on any database to `seconds` in total. No breaker notices their failures."""
    with _set(_deadline, time.monotonic() + seconds), _mongo_limit(seconds):
        yield


def regardless() -> contextlib.AbstractContextManager[None]:
    """Let the operations of the block through to a database that is known to be down: they may bring it up."""
    return _set(_regardless, True)


class Breaker:
    """Guard one half of the cloud. `probe` raises unless that half can be read and written."""

    def __init__(
        self, name: str, is_on: Callable[[], bool], failures: Callable[[], tuple[type[Exception], ...]]
    ) -> None:
        self.name = name
        self.failures = failures
        # Set by the app that owns this half.
        self.probe: Callable[[], None] = lambda: None
        self.up = True
        self.since = datetime.now(UTC)
        # For operators and the log.
        self.reason = ""
        self._cause = ""
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
        """Return why it is down, in words for the public, without a host or a name."""
        return "" if self.up else self._cause

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """Wrap an operation on this half. Raises Unavailable.

        Raises at once if the half is off or down. If the operation fails, or takes longer than the request's patience,
        opens the breaker first. Errors of the caller pass through.
        """
        patience = _patience.get() or Patience(PATIENCE)
        if not self.usable or patience.left <= 0:
            if self.on:
                metrics.stored(self.name, "skipped")
                patience.missed.setdefault(self.name, self.cause or NO_ANSWER)
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
                patience.missed.setdefault(self.name, cause_of(error, sentence(error)))
                self.trip(error)
            raise Unavailable(self.name) from error
        finally:
            metrics.stored(self.name, outcome, time.perf_counter() - began)

    def trip(self, error: Exception) -> None:
        with self._lock:
            if not self.up:
                return
            self._note(error)
            self.up, self.since = False, datetime.now(UTC)
        logger.warning("The %s cannot be used: %s What is said is kept locally until it can.", self.name, self.reason)
        threading.Thread(target=self._watch, name=f"{self.name}-probe", daemon=True).start()

    def check(self) -> None:
        """Probe now, whatever the known state. Open the breaker if the probe fails."""
        try:
            self._ask()
        # Any error of a probe means that the half is down.
        except Exception as error:  # noqa: BLE001
            self.trip(error)

    def shuts_out(self, alias: str) -> bool:
        """Return whether a query to this database must fail at once, because it is known to be down.

        The queries of probes are let through.
        """
        let_through = _deadline.get() is not None or _regardless.get()
        return self.on and not self.up and alias == settings.CLOUD_DATABASE and not let_through

    @contextlib.contextmanager
    def _limited(self, patience: Patience) -> Iterator[None]:
        began, outer = time.monotonic(), _deadline.get()
        deadline = min(began + patience.left, outer or math.inf)
        try:
            with _set(_deadline, deadline), _mongo_limit(max(0.0, deadline - began)):
                yield
        finally:
            if outer is None:
                # In a nested operation, the outer one subtracts the time.
                patience.left -= time.monotonic() - began

    def _ask(self) -> None:
        try:
            with self._limited(Patience(PATIENCE)):
                self.probe()
        finally:
            # Closes the connections of this thread.
            connections.close_all()

    def _note(self, error: Exception) -> None:
        self.reason = sentence(error)
        self._cause = cause_of(error, self.reason)

    def _watch(self) -> None:
        while not self.up:
            time.sleep(PROBE_EVERY)
            try:
                self._ask()
            # After any error, the next probe follows.
            except Exception as error:  # noqa: BLE001
                self._note(error)
            else:
                away = (datetime.now(UTC) - self.since).total_seconds()
                self.since = datetime.now(UTC)
                self.up = True
                logger.warning("The %s is back after %.0f s.", self.name, away)
                # If it has failed again meanwhile, another thread is probing.
                return


def _mongo_limit(seconds: float) -> contextlib.AbstractContextManager[None]:
    if settings.CLOUD_DATABASE != "mongodb":
        return contextlib.nullcontext()
    # Imported here, because it takes 20 MB.
    import pymongo
    from pymongo.common import MIN_HEARTBEAT_INTERVAL

    # pymongo waits for a server in steps of half a second, and looks at the clock after each.
    return pymongo.timeout(max(0.1, seconds - MIN_HEARTBEAT_INTERVAL))


def sentence(error: BaseException) -> str:
    """Return an error's first line, for operators and the log."""
    # Take the first line only. The rest is the SDK's advice, a cluster's topology, or the refused row, and MongoDB's
    # driver puts these into the same line. Translated errors may have no text.
    line = re.split(r", (?:full error|Timeout|Topology Description):|\n", str(error), maxsplit=1)[0]
    line = " ".join(line.split())[:LONGEST_SENTENCE]
    if not line and error.__cause__:
        return sentence(error.__cause__)
    line = line or type(error).__name__
    return line if line.endswith(".") else f"{line}."


def _database_failures() -> tuple[type[Exception], ...]:
    if settings.CLOUD_DATABASE != "mongodb":
        return (DatabaseError, InterfaceError)
    # The backend does not translate all of them.
    from pymongo.errors import PyMongoError

    return (DatabaseError, InterfaceError, PyMongoError)


database = Breaker("database", lambda: bool(settings.CLOUD_DATABASE), _database_failures)
bucket = Breaker("audio bucket", lambda: settings.CLOUD_AUDIO, lambda: (OSError,))
halves = (database, bucket)


def down() -> dict[str, str]:
    """Return the halves that are on and down, with the cause in words for the public.

    In a request, include the halves that it went without: its answer lacks their data. They may be back by now, or may
    only have been too slow.
    """
    request = _patience.get()
    missed = request.missed if request else {}
    return {
        each.name: each.cause or missed[each.name]
        for each in halves
        if each.on and (not each.up or each.name in missed)
    }
