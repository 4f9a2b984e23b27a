"""A reply that is begun, and may not be wanted any more."""

import asyncio
from collections.abc import AsyncGenerator

from tutor.attempt import Attempt
from tutor.engines.base import Event, Heard, Words


async def waiting(*events: Event, closed: asyncio.Event) -> AsyncGenerator[Event, None]:
    try:
        for event in events:
            yield event
        await asyncio.Event().wait()
    finally:
        closed.set()


async def everything(attempt: Attempt) -> list[Event]:
    async with asyncio.timeout(60):
        return [event async for event in attempt]


async def test_an_opening_that_is_stopped_is_not_waited_for():
    closed = asyncio.Event()
    attempt = Attempt(waiting(closed=closed), hears=False)
    await attempt.under_way()
    attempt.stop()
    assert await everything(attempt) == []
    assert closed.is_set()


async def test_what_is_stopped_before_it_began_is_over():
    attempt = Attempt(waiting(closed=asyncio.Event()), hears=False)
    attempt.stop()
    assert await everything(attempt) == []


async def test_a_stopped_answer_still_tells_what_was_heard():
    attempt = Attempt(waiting(Words("Well,"), Heard("Hi."), closed=asyncio.Event()))
    attempt.stop()
    assert await everything(attempt) == [Heard("Hi.")]
