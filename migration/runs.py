"""Migrations as they run: one at a time per destination, seen and stopped from any door, and finished by whoever resumes them.

The state of a run is a row in `default`, so that the page of one server shows what the command of another does.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connections
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from migration import accounts, stores
from migration.copying import Copying, Plan, Progress, Stopped, Wanted
from migration.models import LEASE, Claim, Run, claim, release
from talking_agent import cloud

HEARTBEAT = 1.0  # seconds between two words of a run
TRIES, PAUSE = 5, 0.5  # to write down how a run ended; seconds after the first, doubled each time
LOST_AFTER = timedelta(seconds=15)  # without a word: its process is gone
DEFAULT_WORKERS = 8

logger = logging.getLogger(__name__)


class Busy(Exception):
    """Somebody else is moving into the same destination; the message says who."""


def begin(source: str, destination: str, options: Mapping[str, Any] | None = None) -> Run:
    """A run that is ours to do now. `options`: learner, since (ISO 8601), workers, reads_back, dry. Raises stores.Unknown,
    ValueError, Busy."""
    _copying(source, destination, options or {})  # what is wrong with them is said now
    run = Run(source=source, destination=destination, options=dict(options or {}), holder=_holder())
    _take(run)
    run.save(using="default")
    return run


def resume(key: uuid.UUID) -> Run:
    """The run again, ours now. What it had copied is found there. Raises Run.DoesNotExist, stores.Unknown, Busy."""
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
    """Ask whoever does the run to stop; it does so after the batch under way."""
    Run.objects.using("default").filter(pk=key, state=Run.State.RUNNING).update(stop_requested=True)


def is_lost(run: Run) -> bool:
    """Is it said to run, though its process is gone?"""
    return run.state == Run.State.RUNNING and run.seen_at < timezone.now() - LOST_AFTER


@cloud.impatiently()  # a query that is never answered ends the run; else it would wait for ever
def work(run: Run, told: Callable[[Run], None] = lambda run: None) -> Run:
    """Do a run that is ours, to its end; nothing, if it is done. `told` hears of each batch. What ends it early is in `error`,
    and it can be resumed."""
    if run.state == Run.State.DONE:
        return run
    copying = _copying(run.source, run.destination, run.options)
    ended = threading.Event()

    def note(progress: Progress) -> None:
        run.counts, run.failed = progress.counts(), dict(progress.failed)
        told(run)
        if run.stop_requested:
            raise Stopped

    copying.told = note
    pulse = threading.Thread(target=copy_context().run, args=(_pulse, run, ended), daemon=True)
    pulse.start()
    try:
        plan = copying.plan()
        run.plan = {"conversations": plan.conversations, "recordings": plan.recordings, "bytes": plan.bytes}
        copying.run()
        if accounts.belong(run.source, run.destination) and not copying.dry and not copying.wanted.learner:
            run.counts["accounts"] = accounts.copy_to_default()
        run.state = Run.State.FAILED if copying.progress.failures else Run.State.DONE
    except (Stopped, KeyboardInterrupt):
        run.state = Run.State.STOPPED
    except Exception as error:  # noqa: BLE001  # the outermost loop of a run: whatever ends it is told, and it can be resumed
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
    """Write down how it ended, though what ended it may be the very database that this is written to."""
    names = ("state", "error", "plan", "counts", "failed", "finished_at", "seen_at")
    pause = PAUSE
    for _ in range(TRIES):
        try:
            ours = Run.objects.using("default").filter(pk=run.pk, holder=run.holder)  # not if it was resumed by another
            ours.update(**{name: getattr(run, name) for name in names})
            release(_work(run.destination), run.holder, using=_claims(run.destination))
        except DatabaseError as error:
            logger.warning("The run %s cannot say how it ended: %s", run.pk, _words(error))
            connections["default"].close()
            time.sleep(pause)
            pause *= 2
        else:
            return


def in_background(run: Run) -> None:
    """Do a run beside the requests."""

    def call() -> None:
        try:
            work(run)
        finally:
            connections.close_all()

    threading.Thread(target=call, name=f"run-{run.pk}", daemon=True).start()


def plan(source: str, destination: str, options: Mapping[str, Any]) -> Plan:
    """What there is to copy, whether or not the destination has it. Raises stores.Unknown, ValueError."""
    return _copying(source, destination, options).plan()


def copying_of(run: Run) -> Copying:
    return _copying(run.source, run.destination, run.options)


def seen(run: Run) -> int:
    """How many conversations and recordings it has looked at."""
    names = ("conversations", "conversations_same", "recordings", "recordings_same", "failures")
    return sum(run.counts.get(name, 0) for name in names)


def _copying(source: str, destination: str, options: Mapping[str, Any]) -> Copying:
    here, there = stores.named(source), stores.named(destination)
    if here == there or (here.database == there.database and not there.place):
        raise ValueError(f"{source} and {destination} are the same. Name two different ones.")
    if (here.database is None) != (there.database is None):
        raise ValueError("A bucket alone is copied to a bucket: s3://ONE to s3://ANOTHER.")
    learner, since = options.get("learner"), options.get("since")
    wanted = Wanted(uuid.UUID(learner) if learner else None, moment(since) if since else None)
    return Copying(
        here,
        there,
        wanted,
        workers=int(options.get("workers") or DEFAULT_WORKERS),
        reads_back=bool(options.get("reads_back")),
        dry=bool(options.get("dry")),
    )


def moment(text: str) -> datetime:
    """A date or a moment in ISO 8601; without a zone, UTC. Raises ValueError."""
    try:
        found = parse_datetime(text if "T" in text or " " in text else f"{text}T00:00")
    except ValueError:  # written as one, such as the 30th of February
        found = None
    if found is None:
        raise ValueError(f"{text!r} is not a date: write 2026-01-31.")
    return found if found.tzinfo else found.replace(tzinfo=timezone.get_default_timezone())


def _take(run: Run) -> None:
    if claim(_work(run.destination), run.holder, using=_claims(run.destination)):
        return
    who = Claim.objects.using(_claims(run.destination)).filter(work=_work(run.destination)).values("holder")
    holders = [each["holder"] for each in who]
    other = Run.objects.using("default").filter(holder__in=holders, state=Run.State.RUNNING).first()
    told = f"{other.holder}, since {other.started_at:%H:%M:%S} UTC, from {other.source}" if other else "another process"
    raise Busy(
        f"Something is being moved to {run.destination} already, by {told}. Wait for it, or stop it. "
        f"(One that was killed is forgotten after {LEASE.seconds} s.)"
    )


def _pulse(run: Run, ended: threading.Event) -> None:
    """Beside the run: says how far it is, keeps the claim, and hears whether it is to stop."""
    row = Run.objects.using("default").filter(pk=run.pk, holder=run.holder)
    try:
        while not ended.wait(HEARTBEAT):
            try:
                row.update(seen_at=timezone.now(), counts=run.counts, failed=run.failed, plan=run.plan)
                kept = claim(_work(run.destination), run.holder, using=_claims(run.destination))
                run.stop_requested = not kept or row.filter(stop_requested=True).exists()
            except DatabaseError as error:  # it is away; the run goes on, and says so when it is back
                logger.warning("The run %s cannot say how far it is: %s", run.pk, _words(error))
                connections["default"].close()
    finally:
        connections.close_all()


def _work(destination: str) -> str:
    """By what is written to: the cloud and its database by its own name are one."""
    store = stores.named(destination)
    return f"into {store.database or store.bucket}"


def _claims(destination: str) -> str:
    return "local" if destination == "local" else "default"


def _holder() -> str:
    # Of its own for each run: the thread that begins one in the admin begins the next one, too.
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


def _words(error: Exception) -> str:
    """Its first line; of one that says nothing, as those around MongoDB's, its cause's."""
    told = error if str(error) or not error.__cause__ else error.__cause__
    return (str(told).splitlines() or [type(told).__name__])[0][:500]
