import asyncio
import gc

from openai import AsyncOpenAI

from bench.provider import Provider
from tutor.provider import clients


async def warmed() -> AsyncOpenAI:
    await clients.warm("chat")
    return clients.client("chat")


def test_the_end_of_an_event_loop_closes_its_connections(openai_configured: Provider):
    with asyncio.Runner() as loop:
        client = loop.run(warmed())
        assert not client.is_closed()
    assert client.is_closed()


async def test_who_has_closed_them_gets_new_ones(openai_configured: Provider):
    old = await warmed()
    await clients.close()
    assert old.is_closed()
    new = await warmed()
    gc.collect()  # what was to close the old ones at the end is gone, and closes nothing else
    await asyncio.sleep(0)
    assert not new.is_closed()
