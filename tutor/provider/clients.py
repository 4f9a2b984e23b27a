"""The clients of the OpenAI-compatible servers: one for each address and key, so that connections are reused."""

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx2
import openai
from django.conf import settings
from openai import AsyncOpenAI, DefaultAioHttpClient

from tutor.provider.errors import translated
from tutor.provider.loops import PerLoop

WITHIN, CONNECT_WITHIN = 30.0, 2.0  # seconds; a talk has a patience of its own, which is shorter
TIMEOUT = httpx2.Timeout(WITHIN, connect=CONNECT_WITHIN)
KEPT = 120.0  # seconds that an idle connection is kept: a turn may be long, and the client's own 5 would end before it
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=KEPT)
NO_KEY = "none"  # many servers of one's own ask for no key; the client wants one
SPARE = 1  # connections more than stages: the next clause is asked for while the present one still comes

Address = tuple[str, str]  # URL and key


@dataclass(slots=True)
class _Clients:
    by_address: dict[Address, AsyncOpenAI] = field(default_factory=dict)
    warm_until: dict[Address, float] = field(default_factory=dict)  # of time.monotonic()

    async def close(self) -> None:
        while self.by_address:
            await self.by_address.popitem()[1].close()


_clients = PerLoop(_Clients, _Clients.close)


def client(stage: str) -> AsyncOpenAI:
    """For a stage of settings.OPENAI: transcription, chat, speech or realtime. It never retries: whoever asks knows how long
    a learner may wait."""
    clients = _clients.here().by_address
    url, key = address = _address(stage)
    if address not in clients:
        # aiohttp sends what httpx's own transport does in half the time: 1 ms of a learner's waiting for each stage.
        http = DefaultAioHttpClient(timeout=TIMEOUT, limits=LIMITS, event_hooks={"request": [_in_one_piece]})
        clients[address] = AsyncOpenAI(
            api_key=key or NO_KEY, base_url=url, max_retries=0, timeout=TIMEOUT, http_client=http
        )
    return clients[address]


def model(stage: str) -> str:
    return str(settings.OPENAI[stage]["model"])


async def warm(*stages: str) -> None:
    """Open a connection for each of these stages and a spare one, so that no turn pays for the handshakes. Whatever a server
    answers, it is there; raises EngineError if one is not."""
    warm_until, now = _clients.here().warm_until, time.monotonic()
    wanted = Counter(_address(stage) for stage in stages)
    cold = {address: count for address, count in wanted.items() if warm_until.get(address, 0.0) < now}
    by_address = {_address(stage): stage for stage in stages}
    await asyncio.gather(*(_open(by_address[address]) for address, count in cold.items() for _ in range(count + SPARE)))
    warm_until.update(dict.fromkeys(cold, now + KEPT / 2))


async def close() -> None:
    """Close all connections of this event loop. The next request opens new ones."""
    await _clients.close()


async def _open(stage: str) -> None:
    server = client(stage)
    for _ in (server.chat.completions, server.audio.speech, server.audio.transcriptions, server.realtime):
        """The client imports these when they are first used."""
    # Some servers have no list of models, some keys may not read it.
    with translated(f"the connection for {stage}"), contextlib.suppress(openai.APIStatusError):
        await server.get("/models", cast_to=httpx2.Response)


async def _in_one_piece(request: httpx2.Request) -> None:
    """A form would go out in four writes for each field, and the provider be woken by each: 3 ms of a learner's waiting."""
    await request.aread()


def _address(stage: str) -> Address:
    chosen = settings.OPENAI[stage]
    return chosen["url"], chosen["key"]
