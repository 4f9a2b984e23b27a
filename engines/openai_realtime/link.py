"""Keep a session at the provider open for as long as a talk lasts, however many sessions that takes."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from engines.openai.error_translation import translated
from engines.openai.realtime import ServerEvent
from engines.openai_realtime.connection import WHAT, RealtimeConnection, connected
from tutor.domain import EngineError

BEGUN_WITHIN = 5.0  # seconds
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
    """Connect to the provider, again and again.

    `begin` prepares a new session, and `follow` then receives each of its events. `broken` is called when a session
    ended and another one is tried, `given_up` when none is tried any more. `connection` is None except while a session
    is ready.
    """

    def __init__(
        self,
        *,
        begin: Callable[[RealtimeConnection], Awaitable[None]],
        follow: Callable[[RealtimeConnection, ServerEvent], None],
        broken: Callable[[EngineError], None],
        given_up: Callable[[EngineError], None],
    ) -> None:
        self.connection: RealtimeConnection | None = None
        self._begin, self._follow, self._broken, self._given_up = begin, follow, broken, given_up
        # The number of failures in a row.
        self._failures = 0
        self._wanted = asyncio.Event()
        # The error after which a retry would not help.
        self._refused: EngineError | None = None
        self._tried_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    def want(self, *, at_once: bool = False) -> None:
        """Try again, if the link has given up."""
        if self._refused and time.monotonic() < self._tried_at + REFUSED_FOR:
            if at_once:
                self._given_up(self._refused)
        elif at_once or time.monotonic() > self._tried_at + TRIED_AGAIN_AFTER:
            self._wanted.set()

    async def _run(self) -> None:
        while True:
            error = await self._serve()
            if error is not None:
                await self._recover(error)

    async def _recover(self, error: EngineError) -> None:
        """Return when another session should be tried."""
        self._failures += 1
        if error.retryable and self._failures <= len(PAUSES):
            self._broken(error)
            await asyncio.sleep(PAUSES[self._failures - 1])
            return
        self._refused = None if error.retryable else error
        self._tried_at = time.monotonic()
        self._wanted.clear()
        self._given_up(error)
        await self._wanted.wait()
        self._refused, self._failures = None, 0

    async def _serve(self) -> EngineError | None:
        """Run one session until it fails or should be renewed. Returns the error, or None for a renewal."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                with translated(WHAT):
                    async with asyncio.timeout(BEGUN_WITHIN):
                        connection = await stack.enter_async_context(connected())
                        await self._begin(connection)
                await self._serve_with(connection)
        except EngineError as error:
            return error
        return None

    async def _serve_with(self, connection: RealtimeConnection) -> None:
        began = time.monotonic()
        self.connection = connection
        try:
            while not connection.renews:
                self._follow(connection, await connection.receive())
        finally:
            self.connection = None
            lasted = time.monotonic() - began
            if connection.proved or connection.renews or lasted > (SHORTEST if connection.expired else STABLE):
                self._failures = 0
