"""A preemptive reply is adopted, or dropped without effect."""

import asyncio
from collections.abc import AsyncGenerator

from engines.interface import Event, Heard, Words
from talk.preemptive import PreemptiveReply


async def waiting(*events: Event, closed: asyncio.Event) -> AsyncGenerator[Event, None]:
    try:
        for event in events:
            yield event
        await asyncio.Event().wait()
    finally:
        closed.set()


async def everything(preemptive: PreemptiveReply) -> list[Event]:
    async with asyncio.timeout(60):
        return [event async for event in preemptive]


async def test_an_opening_that_is_stopped_is_not_waited_for():
    closed = asyncio.Event()
    preemptive = PreemptiveReply(waiting(closed=closed), hears=False)
    await preemptive.under_way()
    preemptive.stop()
    assert await everything(preemptive) == []
    assert closed.is_set()


async def test_what_is_stopped_before_it_began_is_over():
    preemptive = PreemptiveReply(waiting(closed=asyncio.Event()), hears=False)
    preemptive.stop()
    assert await everything(preemptive) == []


async def test_a_stopped_answer_still_tells_what_was_heard():
    preemptive = PreemptiveReply(waiting(Words("Well,"), Heard("Hi."), closed=asyncio.Event()))
    preemptive.stop()
    assert await everything(preemptive) == [Heard("Hi.")]
