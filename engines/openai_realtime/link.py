"""Decide when to open another session at the provider, so that a talk has one for as long as it lasts."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engines.openai_realtime.connection import RealtimeConnection
from tutor.domain import EngineError

# Seconds before each retry. After the last one the link gives up until a session is wanted again.
PAUSES = (0.0, 0.2, 0.5)
# Seconds. A session that lasted longer resets the count of failures.
STABLE = 10.0
# Seconds. A session that expires sooner counts as a failure.
SHORTEST = 1.0
TRIED_AGAIN_AFTER = 2.0  # seconds
# Seconds. By then the operator may have fixed the key.
REFUSED_FOR = 10.0


class Link:
    """Hold the connection to the provider, None unless a session is ready, and count the failures to keep it."""

    def __init__(self) -> None:
        self.connection: RealtimeConnection | None = None
        # The number of failures in a row.
        self._failures = 0
        self._wanted = asyncio.Event()
        # The error after which a retry would not help.
        self._refused: EngineError | None = None
        self._tried_at = 0.0

    def want(self, *, at_once: bool = False) -> EngineError | None:
        """Try again, if the link has given up. With `at_once`, returns the provider's refusal if it is a recent one."""
        if self._refused and time.monotonic() < self._tried_at + REFUSED_FOR:
            return self._refused if at_once else None
        if at_once or time.monotonic() > self._tried_at + TRIED_AGAIN_AFTER:
            self._wanted.set()
        return None

    async def wanted(self) -> None:
        """Return when a session is wanted again, after the link has given up."""
        await self._wanted.wait()
        self._refused, self._failures = None, 0

    def failed(self, error: EngineError) -> float | None:
        """Count the failure of a session. Returns the seconds until the next one, or None if the link gives up."""
        self._failures += 1
        if error.retryable and self._failures <= len(PAUSES):
            return PAUSES[self._failures - 1]
        self._refused = None if error.retryable else error
        self._tried_at = time.monotonic()
        self._wanted.clear()
        return None

    @contextmanager
    def serving(self, connection: RealtimeConnection) -> Iterator[None]:
        """Hold the connection of a session that is ready, until the end of the block."""
        began = time.monotonic()
        self.connection = connection
        try:
            yield
        finally:
            self.connection = None
            lasted = time.monotonic() - began
            if connection.proved or connection.renews or lasted > (SHORTEST if connection.expired else STABLE):
                self._failures = 0
