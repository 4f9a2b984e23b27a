"""Keeps a session at the provider for as long as a talk lasts, however many that takes."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from tutor.engines.base import EngineError
from tutor.engines.openai_realtime.connection import WHAT, Connection, connected
from tutor.provider.errors import translated
from tutor.provider.realtime import ServerEvent

BEGUN_WITHIN = 5.0  # seconds
PAUSES = (0.0, 0.2, 0.5)  # seconds before the next try; then it is given up until somebody wants it again
STABLE = 10.0  # seconds; a session that lasted so long was none of the failures
SHORTEST = 1.0  # seconds; a session that expires before has not been one
TRIED_AGAIN_AFTER = 2.0  # seconds
REFUSED_FOR = 10.0  # seconds; then somebody may have mended the key


class Link:
    """`begin` makes a new session ready, `follow` is given each event then. `broken`: a session ended, and another is tried.
    `given_up`: there is none. `connection` is None but while one is ready."""

    def __init__(
        self,
        *,
        begin: Callable[[Connection], Awaitable[None]],
        follow: Callable[[Connection, ServerEvent], None],
        broken: Callable[[EngineError], None],
        given_up: Callable[[EngineError], None],
    ) -> None:
        self.connection: Connection | None = None
        self._begin, self._follow, self._broken, self._given_up = begin, follow, broken, given_up
        self._failures = 0  # one after the other
        self._wanted = asyncio.Event()
        self._refused: EngineError | None = None  # trying again would not help
        self._tried_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    def want(self, *, at_once: bool = False) -> None:
        """Try again, if it was given up."""
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
        """Returns when another session is to be tried."""
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
        """One session, until it ends by this error, or is to be renewed."""
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

    async def _serve_with(self, connection: Connection) -> None:
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
