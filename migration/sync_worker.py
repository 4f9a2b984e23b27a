"""Move what waits in the local database within seconds of the cloud's recovery, for as long as the server runs."""

import asyncio
import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, connections

from core import cloud, metrics
from core.counts import counted
from migration import drain, waiting
from migration.drain import Report
from migration.models import claim, release

EVERY = 1.0  # seconds
WORK = "reconcile"

logger = logging.getLogger(__name__)
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sync_worker")


async def run() -> None:
    """Drain the local database every EVERY seconds, until cancelled."""
    failed: dict[str, str] = {}
    problem = ""
    while True:
        await asyncio.sleep(EVERY)
        try:
            report = await asyncio.get_running_loop().run_in_executor(_thread, reconcile)
        except (DatabaseError, OSError) as error:
            # Once for each reason: a line every second would fill a disk.
            if problem != (problem := cloud.sentence(error)):
                logger.exception("What waits in the local database cannot be moved: %s It is tried again.", problem)
            continue
        problem = ""
        metrics.RECONCILED.labels("conversations").inc(report.conversations)
        metrics.RECONCILED.labels("recordings").inc(report.recordings)
        metrics.RECONCILED_BYTES.inc(report.bytes)
        if report.moved:
            counts = f"{counted(report.conversations, 'conversation')} and {counted(report.recordings, 'recording')}"
            logger.info("Moved %s (%s bytes) from the outbox to the database and the bucket.", counts, report.bytes)
        for what, why in report.failed.items():
            if failed.get(what) != why:
                metrics.RECONCILE_FAILURES.inc()
                logger.error("%s waits in the local database and cannot be moved: %s.", what, why)
        failed = report.failed


def reconcile() -> Report:
    """Move what can be moved now, unless another process is doing so."""
    holder = f"{socket.gethostname()}:{os.getpid()}"
    try:
        if not waiting.can_move() or not claim(WORK, holder):
            return Report()
        try:
            report = Report()
            for _ in drain.steps(report):
                if not claim(WORK, holder):
                    break
            return report
        finally:
            release(WORK, holder)
    finally:
        connections.close_all()  # this thread's
