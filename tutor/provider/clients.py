"""The clients of the OpenAI-compatible servers: one for each address and key, so that connections are reused."""

import asyncio
from weakref import WeakKeyDictionary

import httpx2
from django.conf import settings
from openai import AsyncOpenAI

TIMEOUT = httpx2.Timeout(30.0, connect=2.0)  # a talk has a patience of its own, which is shorter
NO_KEY = "none"  # many servers of one's own ask for no key; the client wants one

_Clients = dict[tuple[str, str], AsyncOpenAI]
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = WeakKeyDictionary()


def client(stage: str) -> AsyncOpenAI:
    """For a stage of settings.OPENAI: transcription, chat, speech or realtime. It never retries: whoever asks knows how long
    a learner may wait."""
    chosen = settings.OPENAI[stage]
    of_loop = _clients.setdefault(asyncio.get_running_loop(), {})
    key = (chosen["url"], chosen["key"])
    if key not in of_loop:
        of_loop[key] = AsyncOpenAI(
            api_key=chosen["key"] or NO_KEY, base_url=chosen["url"], max_retries=0, timeout=TIMEOUT
        )
    return of_loop[key]


def model(stage: str) -> str:
    return str(settings.OPENAI[stage]["model"])
