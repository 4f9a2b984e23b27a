"""Bound the work that is in progress at once.

Each door of the server has `Slots`: a total weight at work, a number of places for one visitor, and a bounded queue
with a time limit. A request that does not fit is refused at once, with a message and the time to come back after. Use
it in the event loop's thread only.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core import metrics

# Seconds for which the rest of a refused request is read and discarded, so that the client can read the refusal.
LINGER_S = 2.0

TOO_MANY = "You have too much under way here already. Wait until that is done, then try again."
BUSY = "The server is busy at the moment. Nothing is lost; try again in some seconds."


class RequestRefused(Exception):
    """Report that a request is refused with this HTTP status. `retry_after` is in seconds, and 0 if waiting does not help."""

    def __init__(self, message: str, *, status: int, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class AtCapacity(RequestRefused):
    """Report that there is no room. `status` is 429 if the visitor itself is the cause, else 503."""


@dataclass(eq=False, slots=True)
class Slot:
    """Hold one visitor's place in the slots, or in their queue."""

    slots: "Slots"
    who: Hashable
    weight: int
    admitted: asyncio.Future[None] | None = None

    def leave(self) -> None:
        """Give the place back. Call it exactly once."""
        self.slots._release(self.weight, self.who)

    def move(self, slots: "Slots") -> None:
        """Count the place in other slots from now on, even in full ones. Work in progress goes on, and newcomers are refused."""
        if slots is not self.slots:
            self.slots._release(self.weight, self.who)
            self.slots = slots
            slots._admit(self)

    def shrink(self, weight: int) -> None:
        """Give back the weight beyond `weight`, which turned out not to be needed."""
        spare, self.weight = max(0, self.weight - weight), min(self.weight, weight)
        self.slots._release(spare)


@dataclass(eq=False)
class Slots:
    """Admit work up to a limit, and queue the rest.

    `total` is the weight that may be at work at once, `each` the number of places of one visitor. `waiting` may wait
    for room, `waiting_each` of one visitor, for `patience` seconds.
    """

    name: str
    total: int
    each: int
    waiting: int = 0
    waiting_each: int = 0
    patience: float = 30.0
    too_many: str = TOO_MANY
    busy: str = BUSY
    retry_after: int = 5
    used: int = 0
    _at_work: Counter[Hashable] = field(default_factory=Counter)
    _queue: deque[Slot] = field(default_factory=deque)

    def __post_init__(self) -> None:
        metrics.AT_WORK.labels(self.name).set_function(lambda: sum(self._at_work.values()))
        metrics.WAITING.labels(self.name).set_function(lambda: len(self._queue))

    @asynccontextmanager
    async def taken(self, who: Hashable, weight: int = 1) -> AsyncIterator[Slot]:
        """Hold a place while the block runs. Raises AtCapacity."""
        place = await self.enter(who, weight)
        try:
            yield place
        finally:
            place.leave()

    async def enter(self, who: Hashable, weight: int = 1) -> Slot:
        """Return a place, waiting for it if allowed. Its `leave` gives it back. Raises AtCapacity."""
        place = Slot(self, who, min(weight, self.total))
        if self._fits(place) and not any(self._has_room(other) for other in self._queue):
            self._admit(place)
            return place
        mine = sum(other.who == who for other in self._queue)
        if (self._at_work[who] >= self.each or mine) and mine >= self.waiting_each:
            raise self._full(self.too_many, 429)
        if len(self._queue) >= self.waiting:
            raise self._full(self.busy, 503)
        place.admitted = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            async with asyncio.timeout(self.patience):
                await place.admitted
        except BaseException as error:
            if place in self._queue:
                self._queue.remove(place)
            else:
                # It was admitted at the moment when the wait ended.
                place.leave()
            if isinstance(error, TimeoutError):
                raise self._full(self.busy, 503) from None
            raise
        return place

    def _release(self, weight: int, who: Hashable | None = None) -> None:
        self.used -= weight
        if who is not None:
            self._at_work[who] -= 1
            if not self._at_work[who]:
                del self._at_work[who]
        # Admit waiting places in order. Skip visitors with no free place, but let no light place pass a heavy one.
        for place in tuple(self._queue):
            assert place.admitted
            # A future that is done was cancelled a moment ago.
            if place.admitted.done() or not self._has_room(place):
                continue
            if not self._fits(place):
                return
            self._queue.remove(place)
            self._admit(place)
            place.admitted.set_result(None)

    def _fits(self, place: Slot) -> bool:
        return self._has_room(place) and self.used + place.weight <= self.total

    def _has_room(self, place: Slot) -> bool:
        """Return whether the visitor may have another place."""
        return self._at_work[place.who] < self.each

    def _admit(self, place: Slot) -> None:
        self.used += place.weight
        self._at_work[place.who] += 1

    def _full(self, message: str, status: int) -> AtCapacity:
        metrics.TURNED_AWAY.labels(self.name, str(status)).inc()
        return AtCapacity(message, status=status, retry_after=self.retry_after)
