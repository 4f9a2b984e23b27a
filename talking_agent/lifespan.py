"""What runs beside the requests, for as long as the server does."""

import asyncio
import contextlib
import logging
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections

from conversations import store

ERASE_EVERY = 60  # seconds
logger = logging.getLogger(__name__)


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    eraser = asyncio.create_task(_erase_deleted())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    eraser.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await eraser
    await send({"type": "lifespan.shutdown.complete"})


async def _erase_deleted() -> None:
    while True:
        try:
            await sync_to_async(_erase, thread_sensitive=False)()
        except (DatabaseError, OSError):
            logger.exception("What was deleted could not be erased yet; trying again in %s s.", ERASE_EVERY)
        await asyncio.sleep(ERASE_EVERY)


def _erase() -> None:
    close_old_connections()
    if erased := store.erase_deleted():
        logger.info("Erased %s deleted conversations and messages for good.", erased)
