"""Carry out erasures, make exports and remove what is obsolete, for as long as the server runs, each in a thread of its own.

The threads are daemons: all this work can be interrupted at any step, and is continued at the next start.
"""

import asyncio
import logging
import threading
from collections.abc import Callable

from django.db import connections

from core import safe_traceback
from learning import projection
from own_data import agent_voice, erasing, exporting, share_links

SECOND, HOUR = 1.0, 3600.0
# Each with the seconds between two runs.
WORK: tuple[tuple[Callable[[], object], float], ...] = (
    (erasing.work, SECOND),
    (exporting.work, SECOND),
    (share_links.prune, HOUR),
    (projection.prune, HOUR),
)

logger = logging.getLogger(__name__)


async def run() -> None:
    """Work until cancelled."""
    ended = threading.Event()
    agent_voice.use(asyncio.get_running_loop())
    for work, every in WORK:
        threading.Thread(target=_repeat, args=(work, every, ended), name=work.__module__, daemon=True).start()
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()
        agent_voice.use(None)


def _repeat(work: Callable[[], object], every: float, ended: threading.Event) -> None:
    pause = min(every, SECOND)
    while not ended.wait(pause):
        pause = every
        try:
            work()
        # An outermost loop, and each driver reports an unreachable server in its own way.
        except Exception as error:  # noqa: BLE001
            logger.error("Work on the data of learners failed, and is tried again: %s", safe_traceback.of(error))
        finally:
            connections.close_all()
