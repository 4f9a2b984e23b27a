"""What belongs to one event loop, and is closed when that ends: a connection is of no use to another."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """`make` is called once in each event loop, `close` with what it made when the loop ends, or before."""

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._make, self._close = make, close
        self._kept: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None]]] = {}

    def here(self) -> T:
        """The one of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._kept:
            made = self._make()
            lasting = self._lasting(loop, made)
            self._kept[loop] = made, lasting
            with contextlib.suppress(StopIteration):  # it has begun: a loop ends whatever generator has begun in it
                lasting.__anext__().send(None)
        return self._kept[loop][0]

    async def close(self) -> None:
        """Close the one of the running loop now; `here` makes a new one then."""
        _, lasting = self._kept.get(asyncio.get_running_loop(), (None, None))
        if lasting:
            await lasting.aclose()

    async def _lasting(self, loop: asyncio.AbstractEventLoop, made: T) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            del self._kept[loop]
            await self._close(made)
