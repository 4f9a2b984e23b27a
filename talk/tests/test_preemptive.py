"""A preemptive reply is adopted, or dropped without effect."""

import asyncio
from collections.abc import AsyncGenerator

from engines.interface import Event, Heard, Words
from talk.moderated_reply import Judged
from talk.preemptive import PreemptiveReply


async def waiting(*events: Event, closed: asyncio.Event) -> AsyncGenerator[Event, None]:
    try:
        for event in events:
            yield event
        await asyncio.Event().wait()
    finally:
        closed.set()


async def everything(preemptive: PreemptiveReply) -> list[Event | Judged]:
    async with asyncio.timeout(60):
        return [event async for event in preemptive]


async def test_a_stopped_opening_ends_at_once():
    closed = asyncio.Event()
    preemptive = PreemptiveReply(waiting(closed=closed), hears=False)
    await preemptive.under_way()
    preemptive.stop()
    assert await everything(preemptive) == []
    assert closed.is_set()


async def test_a_reply_that_is_stopped_before_it_begins_ends():
    preemptive = PreemptiveReply(waiting(closed=asyncio.Event()), hears=False)
    preemptive.stop()
    assert await everything(preemptive) == []


async def test_a_stopped_reply_still_reports_the_transcript():
    preemptive = PreemptiveReply(waiting(Words("Well,"), Heard("Hi."), closed=asyncio.Event()))
    preemptive.stop()
    assert await everything(preemptive) == [Heard("Hi.")]
