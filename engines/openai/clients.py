"""Hold the clients of the OpenAI-compatible servers, one for each address and key, so that connections are reused."""

import asyncio
import contextlib
import time

import httpx2
import openai
from django.conf import settings
from openai import AsyncOpenAI, DefaultAioHttpClient

from engines.openai.error_translation import translated

# Seconds. A talk has a shorter timeout of its own.
WITHIN, CONNECT_WITHIN = 30.0, 2.0
TIMEOUT = httpx2.Timeout(WITHIN, connect=CONNECT_WITHIN)
# Seconds that an idle connection is kept. A turn may be long, and the client's own 5 s would end before it.
KEPT = 120.0
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=KEPT)
# Many self-hosted servers need no key, but the client requires one.
NO_KEY = "none"

Address = tuple[str, str]  # URL and key

# All clients belong to the server's event loop.
_clients: dict[Address, AsyncOpenAI] = {}
_warm_until: dict[Address, float] = {}  # of time.monotonic()


def client(stage: str) -> AsyncOpenAI:
    """Return the client for a stage of settings.OPENAI: transcription, chat, speech or realtime.

    It never retries, because only the caller knows how long a learner may wait.
    """
    url, key = address = _address(stage)
    if address not in _clients:
        # A form is read into memory before it is sent. Otherwise it would go out in four writes for each field, each of
        # which wakes the provider. That costs a learner 3 ms.
        hooks = {"request": [httpx2.Request.aread]}
        # aiohttp sends a request in half the time of httpx's own transport. That saves a learner 1 ms of waiting per stage.
        http = DefaultAioHttpClient(timeout=TIMEOUT, limits=LIMITS, event_hooks=hooks)
        _clients[address] = AsyncOpenAI(
            api_key=key or NO_KEY, base_url=url, max_retries=0, timeout=TIMEOUT, http_client=http
        )
    return _clients[address]


def model(stage: str) -> str:
    return str(settings.OPENAI[stage]["model"])


async def warm(*stages: str) -> None:
    """Open a connection for each of these stages, so that no turn pays for the handshakes.

    Each address gets a spare one, because the next clause is requested while the current one still arrives. Any response
    counts, even an HTTP error. Raises EngineError if a server cannot be reached.
    """
    now = time.monotonic()
    cold = [stage for stage in stages if _warm_until.get(_address(stage), 0.0) < now]
    spare = {_address(stage): stage for stage in cold}
    await asyncio.gather(*map(_open, (*cold, *spare.values())))
    _warm_until.update(dict.fromkeys(spare, now + KEPT / 2))


async def close() -> None:
    """Close all connections. The next request opens new ones."""
    _warm_until.clear()
    while _clients:
        await _clients.popitem()[1].close()


async def _open(stage: str) -> None:
    server = client(stage)
    for _ in (server.chat.completions, server.audio.speech, server.audio.transcriptions, server.realtime):
        """The client imports these when they are first used."""
    # Some servers have no list of models, and some keys may not read it.
    with translated(f"the connection for {stage}"), contextlib.suppress(openai.APIStatusError):
        await server.get("/models", cast_to=httpx2.Response)


def _address(stage: str) -> Address:
    chosen = settings.OPENAI[stage]
    return chosen["url"], chosen["key"]
