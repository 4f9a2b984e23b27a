"""Stream a provider's answer piece by piece, with one retry where that may help, and with a time limit."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

import openai
from django.conf import settings

from engines.openai.error_translation import retry_after, translated
from tutor.domain import EngineError
from tutor.transcripts import Transcript

# Seconds, from and to. The range keeps requests that failed together from coming back together.
BACKOFF = (0.2, 0.4)

Piece = TypeVar("Piece", str, bytes, Transcript)


async def patiently(
    ask: Callable[[], AsyncGenerator[Piece, None]], *, what: str, model: str
) -> AsyncGenerator[Piece, None]:
    """Yield the pieces that `ask` streams.

    If it fails before the first piece, it is called once more, as long as ENGINE_PATIENCE allows. Once pieces arrive, a
    longer pause than that is a failure. `what` and `model` are for operators. Raises EngineError.
    """
    began = time.monotonic()
    may_retry, has_begun = True, False
    while True:
        try:
            with translated(what, model):
                async with aclosing(ask()) as pieces:
                    while (piece := await _next(pieces, limited=has_begun)) is not None:
                        has_begun = True
                        yield piece
            return
        except EngineError as error:
            pause = retry_after(error)
            if pause is None:
                # A lost connection is opened again at once.
                pause = random.uniform(*BACKOFF) if isinstance(error.__cause__, openai.APIStatusError) else 0.0
            is_in_time = time.monotonic() - began + pause < settings.ENGINE_PATIENCE / 1000
            if has_begun or not (may_retry and error.retryable and is_in_time):
                raise
        may_retry = False
        await asyncio.sleep(pause)


async def _next(pieces: AsyncGenerator[Piece, None], *, limited: bool) -> Piece | None:
    async with asyncio.timeout(settings.ENGINE_PATIENCE / 1000 if limited else None):
        return await anext(pieces, None)
