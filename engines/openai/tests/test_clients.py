from openai import AsyncOpenAI

import engines
from engines.openai import clients
from simulators.openai import Provider


async def warmed() -> AsyncOpenAI:
    await clients.warm("chat")
    return clients.client("chat")


async def test_stopping_the_server_closes_the_clients(openai_configured: Provider):
    await engines.engine("openai_pipeline").warm()
    client = clients.client("chat")
    assert not client.is_closed()
    await engines.close()
    assert client.is_closed()
    assert not openai_configured.seen()["under_way"]


async def test_new_clients_follow_closed_ones(openai_configured: Provider):
    old = await warmed()
    await clients.close()
    assert old.is_closed()
    new = await warmed()
    assert not new.is_closed()
