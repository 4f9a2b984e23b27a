"""Load the embedded engine when the page opens, so that the agent's voice is ready when a learner starts a talk."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from engines import engines, vad
from engines.interface import Engine
from talk.fallback import first_awake
from tutor.domain import EngineError

AsgiApplication = Callable[..., Awaitable[None]]

PAGE = "/"
logger = logging.getLogger(__name__)


class Warming:
    """Load the embedded engine, if it is the one in use, at the first request of the talk page. This is ASGI middleware."""

    def __init__(self, application: AsgiApplication) -> None:
        self.application = application
        self._loading: asyncio.Task[None] | None = None

    async def __call__(self, scope: Mapping[str, object], receive: object, send: object) -> None:
        if self._loading is None and scope["path"] == PAGE and scope["method"] == "GET":
            engine = first_awake(engines())
            if engine.capabilities.embedded:
                self._loading = asyncio.create_task(_load(engine))
        await self.application(scope, receive, send)


async def _load(engine: Engine) -> None:
    try:
        await asyncio.to_thread(vad.load)
        await engine.warm()
    except EngineError as error:
        logger.error("The embedded engine cannot be loaded: %s", error.detail)
