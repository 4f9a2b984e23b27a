"""Carry out erasures, make exports and remove dead links for as long as the server runs, each in a thread of its own.

The threads are daemons: all this work can be interrupted at any step, and is continued at the next start.
"""

import asyncio
import logging
import threading
from collections.abc import Callable

from django.db import connections

from core import safe_traceback
from own_data import agent_voice, erasing, exporting, share_links

EVERY = 1.0  # seconds

logger = logging.getLogger(__name__)


async def run() -> None:
    """Work until cancelled."""
    ended = threading.Event()
    agent_voice.use(asyncio.get_running_loop())
    for work in (erasing.work, exporting.work, share_links.work):
        threading.Thread(target=_repeat, args=(work, ended), name=work.__module__, daemon=True).start()
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()
        agent_voice.use(None)


def _repeat(work: Callable[[], None], ended: threading.Event) -> None:
    while not ended.wait(EVERY):
        try:
            work()
        # An outermost loop, and each driver reports an unreachable server in its own way.
        except Exception as error:  # noqa: BLE001
            logger.error("Data of learners could not be exported or erased; trying again: %s", safe_traceback.of(error))
        finally:
            connections.close_all()
