"""Speak sentences of the talk's own, which do not come from the engine's session."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence

from engines.interface import Engine, Event, Speech, Spoken, Words
from tutor.domain import EngineError

logger = logging.getLogger(__name__)

SENTENCE_WITHIN_S = 30.0


async def spoken_lines(engine: Engine | None, said: Sequence[str], speed: float) -> AsyncGenerator[Event, None]:
    """Speak the sentences. Give only the words if the engine fails, or is None."""
    for sentence in said:
        yield Words(sentence)
        if engine is None:
            continue
        try:
            async with asyncio.timeout(SENTENCE_WITHIN_S):
                async for pcm in engine.speak(sentence, speed=speed):
                    yield Speech(pcm)
        except (EngineError, TimeoutError) as error:
            logger.warning("A sentence was given without sound: %s", getattr(error, "detail", "no answer in time."))
    yield Spoken()
