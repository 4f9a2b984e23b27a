"""Asking the engines for something beside a talk: the preferred one first, and the next where one fails or has no means."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from talking_agent import metrics
from tutor import spending
from tutor.engines import engines
from tutor.engines.base import CannotDo, Engine, EngineError, Unusable
from tutor.relay import TOO_LONG, is_resting

logger = logging.getLogger(__name__)

WITHIN = 30.0  # seconds

T = TypeVar("T")


async def ask(
    verb: Callable[[Engine], Awaitable[T]], *, within: float = WITHIN, patience: float | None = None
) -> tuple[T, Engine]:
    """What comes of it, and the engine that did it. Those that rest are asked last. One that fails here does not rest: it may
    need other models for this than for a talk, and others talk with it.
    `within`: seconds that an engine may take, `patience`: fewer, while there is another that could be asked.

    Raises Unusable if it could not do this one thing, CannotDo if none of them has the means, else the first EngineError.
    """
    cannot: CannotDo | None = None
    failure: EngineError | None = None
    candidates = sorted(engines(), key=is_resting)
    for engine in candidates:
        seconds = within if patience is None or engine is candidates[-1] else min(patience, within)
        try:
            with spending.counted(engine.name):
                async with asyncio.timeout(seconds):
                    return await verb(engine), engine
        except CannotDo as error:
            cannot = error
        except Unusable:  # another engine's answer would not be the one that was asked for
            raise
        except (EngineError, TimeoutError) as error:
            failed = error if isinstance(error, EngineError) else _too_slow()
            logger.error("The engine %s could not do something beside a talk: %s", engine.name, failed.detail)
            metrics.engine_failed(engine.name)
            failure = failure or failed
    raise failure or cannot or EngineError(TOO_LONG)


def _too_slow() -> EngineError:
    return EngineError(TOO_LONG, retryable=True, detail="no answer in time.")
