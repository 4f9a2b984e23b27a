"""Stream a provider's answer piece by piece, with one retry where that may help, and with a time limit."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeVar

import openai
from django.conf import settings

from engines.openai.clients import model
from engines.openai.error_translation import retry_after, translated
from tutor.domain import EngineError
from tutor.transcripts import Transcript

# Seconds, from and to. The range keeps requests that failed together from coming back together.
BACKOFF = (0.2, 0.4)

Piece = TypeVar("Piece", str, bytes, Transcript)


async def patiently(stage: str, attempts: Sequence[AsyncGenerator[Piece, None]]) -> AsyncGenerator[Piece, None]:
    """Yield the pieces that the first of these attempts streams.

    If it fails before its first piece, the next one follows, as long as ENGINE_PATIENCE allows. Once pieces arrive, a
    longer pause than that is a failure. Raises EngineError.
    """
    patience = settings.ENGINE_PATIENCE / 1000
    began, has_begun = time.monotonic(), False
    for attempt in attempts:
        try:
            with translated(stage, model(stage)):
                async with aclosing(attempt) as pieces:
                    while True:
                        async with asyncio.timeout(patience if has_begun else None):
                            piece = await anext(pieces, None)
                        if piece is None:
                            return
                        has_begun = True
                        yield piece
        except EngineError as error:
            pause = retry_after(error)
            if pause is None:
                # A lost connection is opened again at once.
                pause = random.uniform(*BACKOFF) if isinstance(error.__cause__, openai.APIStatusError) else 0.0
            is_in_time = time.monotonic() - began + pause < patience
            if has_begun or attempt is attempts[-1] or not (error.retryable and is_in_time):
                raise
        await asyncio.sleep(pause)
