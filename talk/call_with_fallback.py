"""Call an engine outside a talk: the preferred one first, then the next if one fails or does not support the call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core import metrics
from engines import engines
from engines.interface import Engine
from talk.fallback import TOO_LONG, is_resting
from tutor.domain import CannotDo, EngineError, EnoughForToday, UnusableAnswer
from usage import budget, spending

logger = logging.getLogger(__name__)

CALL_WITHIN_S = 30.0

T = TypeVar("T")


async def ask(
    verb: Callable[[Engine], Awaitable[T]], *, within: float = CALL_WITHIN_S, patience: float | None = None
) -> tuple[T, Engine]:
    """Return the result of the call, and the engine that made it.

    Engines that rest are tried last. An engine that fails here does not begin a rest: it may use other models for this
    call than for a talk, and other learners talk with it. `within` is the limit for one engine in seconds. `patience`
    is a shorter limit, used while there is another engine to try.

    Raises UnusableAnswer if the engine cannot do this one request, EnoughForToday if only a provider could and today's budget
    is spent, CannotDo if no engine supports the call, else the first EngineError.
    """
    cannot: CannotDo | None = None
    failure: EngineError | None = None
    candidates = sorted((each for each in engines() if budget.allows(each.name)), key=is_resting)
    for engine in candidates:
        seconds = within if patience is None or engine is candidates[-1] else min(patience, within)
        try:
            with spending.counted(engine.name):
                async with asyncio.timeout(seconds):
                    return await verb(engine), engine
        except CannotDo as error:
            cannot = error
        # Another engine's result would not be the one that was asked for.
        except UnusableAnswer:
            raise
        except (EngineError, TimeoutError) as error:
            too_slow = EngineError(TOO_LONG, retryable=True, detail="no answer in time.")
            failed = error if isinstance(error, EngineError) else too_slow
            logger.error("The engine %s could not do something beside a talk: %s", engine.name, failed.detail)
            metrics.engine_failed(engine.name)
            failure = failure or failed
    if failure is None and not budget.any_left():
        raise EnoughForToday(budget.ENOUGH)
    raise failure or cannot or EngineError(TOO_LONG)
