"""Call an engine outside a talk: the preferred one first, then the next if one fails or does not support the call."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from core import metrics
from engines import engines
from engines.interface import Engine
from talk.fallback import TOO_LONG, is_resting
from tutor.domain import CannotDo, EngineError, EnoughForToday, UnusableAnswer
from usage import budget, spending

logger = logging.getLogger(__name__)

CALL_WITHIN_S = 30.0


def attempts(
    *, within: float = CALL_WITHIN_S, patience: float | None = None
) -> Iterator[AbstractAsyncContextManager[Engine]]:
    """Yield one attempt for each engine, until one succeeds. Make the call inside it:

        for attempt in attempts():
            async with attempt as engine:
                result = await engine.translate(text, language=code)

    Engines that rest are tried last. An engine that fails here does not begin a rest: it may use other models for this
    call than for a talk, and other learners talk with it. `within` is the limit for one engine in seconds. `patience`
    is a shorter limit, used while there is another engine to try.

    Raises UnusableAnswer if the engine cannot do this one request, EnoughForToday if only a provider could and today's budget
    is spent, CannotDo if no engine supports the call, else the first EngineError.
    """
    failures: list[EngineError] = []
    refused = {each: why_not for each in engines() if (why_not := budget.why_not(each.name))}
    candidates = sorted((each for each in engines() if each not in refused), key=is_resting)
    for tried, engine in enumerate(candidates, start=1):
        seconds = within if patience is None or engine is candidates[-1] else min(patience, within)
        yield _attempt(engine, seconds, failures)
        if len(failures) < tried:
            return
    failed = [each for each in failures if not isinstance(each, CannotDo)]
    if not failed and refused:
        raise EnoughForToday(next(iter(refused.values())))
    raise next(iter([*failed, *reversed(failures)]), EngineError(TOO_LONG))


@asynccontextmanager
async def _attempt(engine: Engine, seconds: float, failures: list[EngineError]) -> AsyncIterator[Engine]:
    """Count the usage of one engine and limit its time. Add its error to `failures`, so that the next one is tried."""
    try:
        with spending.counted(engine.name):
            async with asyncio.timeout(seconds):
                yield engine
    # Another engine's result would not be the one that was asked for.
    except UnusableAnswer:
        raise
    except (CannotDo, EnoughForToday) as error:
        failures.append(error)
    except (EngineError, TimeoutError) as error:
        too_slow = EngineError(TOO_LONG, retryable=True, detail="no answer in time.")
        failures.append(error if isinstance(error, EngineError) else too_slow)
        logger.error("The engine %s could not do something beside a talk: %s", engine.name, failures[-1].detail)
        metrics.engine_failed(engine.name)
