"""What runs beside the requests, for as long as the server does."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from conversations import store
from migration import reconciler
from talking_agent import cloud, stages

ERASE_EVERY = 60  # seconds
ERASE_PATIENCE = 30.0
MIGRATE_AGAIN_AFTER = 2
logger = logging.getLogger(__name__)


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    first, *others = stages.engines()
    logger.info("The engine that talks: %s%s.", first, f"; when it fails: {', then '.join(others)}" if others else "")
    await _check()  # before anybody writes: a database may be there, and not be migrated yet
    tasks = [asyncio.create_task(work()) for work in (_migrate, _erase_deleted, reconciler.run)]
    await send({"type": "lifespan.startup.complete"})
    await receive()
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await send({"type": "lifespan.shutdown.complete"})


async def _migrate() -> None:
    """A database that was down when `manage.py migrate` ran is migrated when it comes."""
    waiting = [alias for alias in connections if alias != store.LOCAL]
    while waiting:
        for alias in list(waiting):
            try:
                await _in_thread(_migrate_one, alias)
            except Exception as error:  # noqa: BLE001  # an outermost loop: each driver has its own way to be unreachable
                logger.debug("The database %r cannot be migrated yet: %s", alias, error)
            else:
                waiting.remove(alias)
        if waiting:
            await asyncio.sleep(MIGRATE_AGAIN_AFTER)


def _migrate_one(alias: str) -> None:
    with cloud.regardless():  # without its tables the breaker takes it for down
        with cloud.patience():  # to ask; migrating takes as long as it takes
            executor = MigrationExecutor(connections[alias])
            waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            call_command("migrate", database=alias, verbosity=0, interactive=False)
            logger.warning("The database %r has been migrated.", alias)


async def _check() -> None:
    await asyncio.gather(*(_in_thread(half.check) for half in cloud.halves if half.on))


async def _erase_deleted() -> None:
    while True:
        try:
            await _in_thread(_erase)
        except cloud.Unavailable:
            pass  # its breaker has said so
        except (DatabaseError, OSError):
            logger.exception("What was deleted could not be erased yet; trying again in %s s.", ERASE_EVERY)
        await asyncio.sleep(ERASE_EVERY)


def _erase() -> None:
    with cloud.patience(ERASE_PATIENCE):
        if erased := store.erase_deleted():
            logger.info("Erased %s deleted conversations and messages for good.", erased)


async def _in_thread(work: Callable[..., None], *args: Any) -> None:
    def call() -> None:
        try:
            work(*args)
        finally:
            connections.close_all()

    await sync_to_async(call, thread_sensitive=False)()
