"""Run migrations, one at a time for each destination. Any process can watch, stop and resume a run.

The state of a run is a row in `default`, so that the page of one server shows what the command of another does.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import asdict
from datetime import timedelta

from django.db import DatabaseError, connections
from django.utils import timezone

from core import cloud
from migration import accounts_file, stores
from migration.copying import Copying, Plan, Progress, Stopped
from migration.models import LEASE, Claim, Run, claim, release
from migration.run_options import EVERYTHING, RunOptions
from migration.stores import Store

# Seconds between two reports of a run.
HEARTBEAT = 1.0
# Seconds after each failed try to save how a run ended.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
# If a run does not report for so long, its process is gone.
LOST_AFTER = timedelta(seconds=15)

logger = logging.getLogger(__name__)


class RunInProgress(Exception):
    """Report that another run is copying to the same destination. The message says which."""


def begin(source: str, destination: str, options: RunOptions = EVERYTHING) -> Run:
    """Create a run, and claim it for this process. Raises stores.Unknown, ValueError, RunInProgress."""
    require_two_stores(source, destination)
    run = Run(source=source, destination=destination, options=options.to_row(), holder=_holder())
    _take(run)
    run.save(using="default")
    return run


def resume(key: uuid.UUID) -> Run:
    """Claim an earlier run for this process. What it has copied is found at the destination.

    A run that is done is returned unchanged. Raises Run.DoesNotExist, stores.Unknown, RunInProgress.
    """
    run = Run.objects.using("default").get(pk=key)
    if run.state == Run.State.DONE:
        return run
    run.holder = _holder()
    _take(run)
    run.state, run.stop_requested, run.finished_at, run.error = Run.State.RUNNING, False, None, ""
    run.seen_at = timezone.now()
    run.save(using="default")
    return run


def stop(key: uuid.UUID) -> None:
    """Ask the process of a run to stop. It stops after the batch under way."""
    Run.objects.using("default").filter(pk=key, state=Run.State.RUNNING).update(stop_requested=True)


def is_lost(run: Run) -> bool:
    """Return whether a run is marked as running though its process is gone."""
    return run.state == Run.State.RUNNING and run.seen_at < timezone.now() - LOST_AFTER


# A query that is never answered ends the run. Otherwise the run would wait for ever.
@cloud.impatiently()
def work(run: Run, on_progress: Callable[[Run], None] = lambda run: None) -> Run:
    """Carry out a run of this process to its end. `on_progress` is called after each batch.

    A run that is done is returned unchanged. If an error ends it early, `error` says which, and it can be resumed.
    """
    if run.state == Run.State.DONE:
        return run
    copying = copying_of(run)
    ended = threading.Event()

    def note(progress: Progress) -> None:
        run.counts, run.failed = progress.counts(), dict(progress.failed)
        on_progress(run)
        if run.stop_requested:
            raise Stopped

    copying.on_progress = note
    pulse = threading.Thread(target=copy_context().run, args=(_pulse, run, ended), daemon=True)
    pulse.start()
    try:
        run.plan = asdict(copying.plan())
        copying.run()
        partial = copying.options.dry_run or copying.options.learner
        if accounts_file.belongs(run.source, run.destination) and not partial:
            run.counts["accounts"] = accounts_file.copy_to_default()
        run.state = Run.State.FAILED if copying.progress.failures else Run.State.DONE
    except (Stopped, KeyboardInterrupt):
        run.state = Run.State.STOPPED
    except Exception as error:  # noqa: BLE001
        # The outermost loop of a run: any error is reported, and the run can be resumed.
        run.state, run.error = Run.State.FAILED, _words(error)
    finally:
        ended.set()
        pulse.join()
        run.counts |= copying.progress.counts()
        run.failed = dict(copying.progress.failed)
        run.finished_at = run.seen_at = timezone.now()
        _end(run)
    return run


def _end(run: Run) -> None:
    """Save how a run ended. The cause may be the very database to save it in, so try several times."""
    names = ("state", "error", "plan", "counts", "failed", "finished_at", "seen_at")
    for pause in PAUSES:
        try:
            # By holder, so that a run that another process has resumed is left alone.
            ours = Run.objects.using("default").filter(pk=run.pk, holder=run.holder)
            ours.update(**{name: getattr(run, name) for name in names})
            release(_work(run.destination), run.holder, using=_claims(run.destination))
        except DatabaseError as error:
            logger.warning("The run %s cannot say how it ended: %s", run.pk, _words(error))
            connections["default"].close()
            time.sleep(pause)
        else:
            return


def in_background(run: Run) -> None:
    """Carry out a run in a thread, beside the requests."""

    def call() -> None:
        try:
            work(run)
        finally:
            connections.close_all()

    threading.Thread(target=call, name=f"run-{run.pk}", daemon=True).start()


def plan(source: str, destination: str, options: RunOptions) -> Plan:
    """Count what there is to copy, whether or not the destination has it. Raises stores.Unknown, ValueError."""
    return Copying(*require_two_stores(source, destination), options).plan()


def copying_of(run: Run) -> Copying:
    return Copying(*require_two_stores(run.source, run.destination), RunOptions.from_row(run.options))


def require_two_stores(source: str, destination: str) -> tuple[Store, Store]:
    """Return the stores with these names. Raises stores.Unknown, or ValueError if nothing can be copied between them."""
    here, there = stores.named(source), stores.named(destination)
    if here == there or (here.database == there.database and not there.place):
        raise ValueError(f"{source} and {destination} are the same. Name two different ones.")
    if (here.database is None) != (there.database is None):
        raise ValueError("A bucket alone is copied to a bucket: s3://ONE to s3://ANOTHER.")
    return here, there


def seen(run: Run) -> int:
    """Return how many conversations and recordings the run has looked at."""
    names = ("conversations", "conversations_same", "recordings", "recordings_same", "failures")
    return sum(run.counts.get(name, 0) for name in names)


def _take(run: Run) -> None:
    if claim(_work(run.destination), run.holder, using=_claims(run.destination)):
        return
    claims = Claim.objects.using(_claims(run.destination)).filter(work=_work(run.destination))
    holders = list(claims.values_list("holder", flat=True))
    other = Run.objects.using("default").filter(holder__in=holders, state=Run.State.RUNNING).first()
    holder = (
        f"{other.holder}, since {other.started_at:%H:%M:%S} UTC, from {other.source}" if other else "another process"
    )
    raise RunInProgress(
        f"Something is being moved to {run.destination} already, by {holder}. Wait for it, or stop it. "
        f"(One that was killed is forgotten after {LEASE.seconds} s.)"
    )


def _pulse(run: Run, ended: threading.Event) -> None:
    """Save the run's progress, keep its claim, and look for a request to stop, in a thread beside the run."""
    row = Run.objects.using("default").filter(pk=run.pk, holder=run.holder)
    try:
        while not ended.wait(HEARTBEAT):
            try:
                row.update(seen_at=timezone.now(), counts=run.counts, failed=run.failed, plan=run.plan)
                kept = claim(_work(run.destination), run.holder, using=_claims(run.destination))
                run.stop_requested = not kept or row.filter(stop_requested=True).exists()
            except DatabaseError as error:
                # The database is down. The run goes on, and saves its progress when the database is back.
                logger.warning("The run %s cannot say how far it is: %s", run.pk, _words(error))
                connections["default"].close()
    finally:
        connections.close_all()


def _work(destination: str) -> str:
    """Name the claim after the store that is written to. "cloud" and the name of its database share a claim."""
    store = stores.named(destination)
    return f"into {store.database or store.bucket}"


def _claims(destination: str) -> str:
    return "local" if destination == "local" else "default"


def _holder() -> str:
    # Different for each run, because a thread that begins one in the admin may begin the next one too.
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


def _words(error: Exception) -> str:
    """Return an error's first line, or its cause's if it has no message, like the errors around MongoDB's."""
    source = error if str(error) or not error.__cause__ else error.__cause__
    return (str(source).splitlines() or [type(source).__name__])[0][:500]
