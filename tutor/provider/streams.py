"""What a provider sends piece by piece: asked for once more where that may help, and not waited for without end."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

import openai
from django.conf import settings

from tutor.engines.base import EngineError
from tutor.provider.errors import translated

BACKOFF = (0.2, 0.4)  # seconds, from and to: those that failed together do not come back together

Piece = TypeVar("Piece", str, bytes)


async def patiently(
    ask: Callable[[], AsyncGenerator[Piece, None]], *, what: str, model: str
) -> AsyncGenerator[Piece, None]:
    """The pieces of what `ask` streams. If that fails before the first of them it is asked once more, as long as a learner has
    patience; once they come, a pause longer than that patience is a failure. `what`, `model`: for operators. Raises EngineError.
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
            pause = _pause(error)
            is_in_time = time.monotonic() - began + pause < settings.ENGINE_PATIENCE / 1000
            if has_begun or not (may_retry and error.retryable and is_in_time):
                raise
        may_retry = False
        await asyncio.sleep(pause)


async def _next(pieces: AsyncGenerator[Piece, None], *, limited: bool) -> Piece | None:
    if not limited:
        return await anext(pieces, None)
    async with asyncio.timeout(settings.ENGINE_PATIENCE / 1000):
        return await anext(pieces, None)


def _pause(error: EngineError) -> float:
    """Seconds until asking again makes sense: none where only the connection was lost."""
    cause = error.__cause__
    if not isinstance(cause, openai.APIStatusError):
        return 0.0
    try:
        return float(cause.response.headers.get("retry-after", ""))
    except ValueError:  # none, or a date
        return random.uniform(*BACKOFF)
