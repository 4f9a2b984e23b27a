"""Asking the engines for something beside a talk: the preferred one first, and the next where one fails or has no means."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tutor import spending
from tutor.engines import engines
from tutor.engines.base import CannotDo, Engine, EngineError, Unusable
from tutor.relay import TOO_LONG, is_resting, rest

WITHIN = 30.0  # seconds

T = TypeVar("T")


async def ask(
    verb: Callable[[Engine], Awaitable[T]], *, within: float = WITHIN, patience: float | None = None
) -> tuple[T, Engine]:
    """What comes of it, and the engine that did it. One that fails rests; those that rest are asked last.
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
            if isinstance(error, EngineError):  # how long it takes depends on what was asked: others may go on with it
                rest(engine, failed)
            failure = failure or failed
    raise failure or cannot or EngineError(TOO_LONG)


def _too_slow() -> EngineError:
    return EngineError(TOO_LONG, retryable=True, detail="no answer in time.")
