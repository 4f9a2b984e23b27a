"""Run the background tasks of the server, from its start to its end."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator

from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connections
from django.db.migrations.executor import MigrationExecutor

import engines
from conversations import store
from core import cloud, file_modes
from core.asgi_types import Message, Receive, Send
from core.counts import counted
from learners import throttling
from migration import learner_merges, orphan_recordings, pruning, retention, sync_worker
from migration.pruning import Pruned
from own_data import data_worker, erasing
from staff import audit
from usage import ledger, limit_overrides

# Seconds.
ERASE_EVERY = 60
ERASE_PATIENCE = 30.0
RETENTION_EVERY = 3600
STORE_USE_EVERY = 2
SHARE_COUNTS_EVERY = 1
DELETE_OLD_EVERY = 3600
MIGRATE_AGAIN_AFTER = 2
MERGE_EVERY = 60
logger = logging.getLogger(__name__)


@contextlib.contextmanager
def _own_connections() -> Iterator[None]:
    """Close the database connections of this thread after the block."""
    try:
        yield
    finally:
        connections.close_all()


async def lifespan(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    file_modes.create_privately()
    await asyncio.to_thread(file_modes.correct)
    first, *others = engines.names()
    logger.info("The engine that talks: %s%s.", first, f"; when it fails: {', then '.join(others)}" if others else "")
    # Check before the first write: a database may exist without its tables.
    await asyncio.gather(*(asyncio.to_thread(half.check) for half in cloud.halves if half.on))
    await _store_use()
    await asyncio.to_thread(_own_connections()(erasing.load))
    works = (
        *(_migrate, _erase_deleted, _erase_expired, _finish_merges, _delete_old, _keep_storing_use),
        *(_keep_sharing_counts, sync_worker.run, data_worker.run),
    )
    tasks = [asyncio.create_task(work()) for work in works]
    await send({"type": "lifespan.startup.complete"})
    await receive()
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await _store_use()
    await asyncio.to_thread(throttling.share)
    await engines.close()
    await send({"type": "lifespan.shutdown.complete"})


async def _keep_storing_use() -> None:
    while True:
        await asyncio.sleep(STORE_USE_EVERY)
        await _store_use()


async def _store_use() -> None:
    """Store what was used today, and read the limits that an operator may have changed."""
    for work in (ledger.store, limit_overrides.read):
        try:
            with cloud.within(cloud.PATIENCE):
                await asyncio.to_thread(_own_connections()(work))
        except (DatabaseError, InterfaceError) as error:
            # The amounts stay counted in this process, and the limits in force, until the accounts' database is back.
            logger.debug("The use of today could not be stored: %s", cloud.sentence(error))


async def _keep_sharing_counts() -> None:
    while True:
        await asyncio.sleep(SHARE_COUNTS_EVERY)
        await asyncio.to_thread(throttling.share)


async def _migrate() -> None:
    """Migrate databases that were down when `manage.py migrate` ran, as soon as they are back."""
    waiting = [alias for alias in connections if alias != cloud.LOCAL]
    while waiting:
        for alias in list(waiting):
            try:
                await asyncio.to_thread(_migrate_one, alias)
            # This is an outermost loop, and each driver reports an unreachable server in its own way.
            except Exception as error:  # noqa: BLE001
                logger.debug("The database %r cannot be migrated yet: %s", alias, error)
            else:
                waiting.remove(alias)
        if waiting:
            await asyncio.sleep(MIGRATE_AGAIN_AFTER)


@_own_connections()
def _migrate_one(alias: str) -> None:
    # Without its tables, the breaker takes the database as down.
    with cloud.regardless():
        # Only reading the tables is limited. Migrating may take as long as it needs.
        with cloud.patience():
            executor = MigrationExecutor(connections[alias])
            waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            call_command("migrate", database=alias, verbosity=0, interactive=False)
            logger.warning("The database %r has been migrated.", alias)


async def _finish_merges() -> None:
    """Finish the merges of learners that another process began, or that could not go on."""
    while True:
        await asyncio.to_thread(learner_merges.run_waiting)
        await asyncio.sleep(MERGE_EVERY)


async def _delete_old() -> None:
    """Delete access records after AUDIT_DAYS, and sessions that have expired: they may hold addresses of people."""
    while True:
        for delete in (audit.delete_old, SessionStore.clear_expired):
            try:
                with cloud.within(cloud.PATIENCE):
                    await asyncio.to_thread(_own_connections()(delete))
            except (DatabaseError, InterfaceError) as error:
                logger.debug("Old rows of the accounts could not be deleted yet: %s", cloud.sentence(error))
        await asyncio.sleep(DELETE_OLD_EVERY)


def _report_waiting(what: str, error: Exception) -> None:
    logger.warning("%s is not erased yet: %s It is tried again in %s s.", what, cloud.sentence(error), ERASE_EVERY)


async def _erase_deleted() -> None:
    while True:
        try:
            await asyncio.to_thread(_erase)
        except cloud.Unavailable:
            # The breaker has logged it.
            pass
        except (DatabaseError, InterfaceError, OSError) as error:
            _report_waiting("What was deleted", error)
        await asyncio.sleep(ERASE_EVERY)


async def _erase_expired() -> None:
    rules_due = 0.0
    while True:
        by_rules = time.monotonic() >= rules_due
        try:
            if await asyncio.to_thread(_expire, by_rules=by_rules) and by_rules:
                rules_due = time.monotonic() + RETENTION_EVERY
        except (cloud.Unavailable, pruning.Down):
            # The breaker has logged it.
            pass
        except (DatabaseError, InterfaceError, OSError) as error:
            _report_waiting("What is kept no longer", error)
        await asyncio.sleep(ERASE_EVERY)


@_own_connections()
def _expire(*, by_rules: bool) -> bool:
    """Erase what is kept no longer. Return whether that is done, or False after ERASE_PATIENCE: the next call goes on."""
    done, until, is_done = Pruned(), time.monotonic() + ERASE_PATIENCE, False
    with contextlib.closing(retention.steps(by_rules=by_rules)) as steps:
        for batch in steps:
            done.add(batch)
            if time.monotonic() > until:
                break
        else:
            is_done = True
    if done.count:
        what = f"{counted(done.conversations, 'conversation')} and {counted(done.recordings, 'recording')}"
        logger.info("Erased %s: their time was over, or their learner asked for it.", what)
    return is_done


@_own_connections()
def _erase() -> None:
    with cloud.patience(ERASE_PATIENCE):
        if erased := store.erase_deleted():
            logger.info("Erased %s deleted conversations and messages for good.", erased)
        if orphans_removed := orphan_recordings.erase_unfinished():
            logger.info("Removed %s recordings that were cut off before they were saved.", orphans_removed)
