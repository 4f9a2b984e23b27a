"""Copies conversations and recordings from one store to another, and says what it could not copy.

What is there already is not copied again; interrupted, it goes on where it was when it is called again. Nothing is taken from the
source, but by --delete-source, which reads back every byte before it deletes. Exit code 1: not everything could be copied, or
it was stopped; 2: nobody said yes, and nothing was done.
"""

import json
import uuid
from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.utils import timezone

from migration import deleting, runs, stores
from migration.actions.terminal import TO_DO, confirmed, size
from migration.copying import Plan, Progress
from migration.models import Run

SHOWN = 20  # failures on the terminal
MOST_WORKERS = 64
DEFAULTS = {
    "source": "local",
    "destination": "cloud",
    "dry_run": False,
    "learner": None,
    "since": None,
    "workers": runs.DEFAULT_WORKERS,
    "verify": "head",
}  # what a run is begun with


def add_arguments(parser: CommandParser) -> None:
    option = parser.add_argument
    option("--from", dest="source", metavar="STORE", help="local (default), cloud, mongodb, postgresql, s3://B")
    option("--to", dest="destination", metavar="STORE", help="the same; default: cloud")
    option("--dry-run", action="store_true", help="only say what would be copied")
    option("--learner", type=uuid.UUID, metavar="UUID", help="one learner's alone")
    option("--since", metavar="DAY", help="only what was said since this day (2026-01-31)")
    option("--workers", type=workers, metavar="N", help=f"recordings at a time ({runs.DEFAULT_WORKERS})")
    option("--verify", choices=("head", "read"), help="ask for size and checksum (head), or read every byte back")
    option("--delete-source", action="store_true", help="then delete from the source what has arrived, byte for byte")
    option("--yes", action="store_true", help="ask nothing")
    option("--json", action="store_true", help="print the report as one line of JSON")
    option("--resume", type=uuid.UUID, metavar="RUN", help="go on with this run, as it was begun")


def workers(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_WORKERS):
        raise ArgumentTypeError(f"{value!r}: write a number from 1 to {MOST_WORKERS}.")
    return int(value)


def run(options: Mapping[str, Any], out: OutputWrapper) -> bool:
    if options["resume"]:
        _require_as_it_was(options)
    options = {**options, **{name: value for name, value in DEFAULTS.items() if options[name] is None}}
    wanted = {
        "learner": str(options["learner"]) if options["learner"] else None,
        "since": options["since"],
        "workers": options["workers"],
        "reads_back": options["verify"] == "read",
        "dry": options["dry_run"],
    }
    try:
        begun = runs.resume(options["resume"]) if options["resume"] else _begin(options, wanted, out)
    except Run.DoesNotExist:
        raise CommandError(f"There is no run {options['resume']}.") from None
    except (stores.Unknown, ValueError, runs.Busy) as error:
        raise CommandError(str(error)) from error
    bar = Bar(out, quiet=options["json"])
    done = runs.work(begun, bar.show)
    bar.end()
    report = _report(done)
    ended_well = done.state == Run.State.DONE
    deletes = options["delete_source"] and ended_well and not report["dry_run"]
    agreed = deletes and _agreed(f"Delete from {done.source} what {done.destination} has, byte for byte?", options)
    if agreed:
        report["deleted"] = _delete(done)
        ended_well = not report["deleted"]["kept"]
    out.write(json.dumps(report) if options["json"] else _in_words(done, report))
    if deletes and not agreed:
        raise _undone("Nothing was deleted. (--yes asks nothing.)", options, out)
    return ended_well


def _require_as_it_was(options: Mapping[str, Any]) -> None:
    """What is asked for is not left out without a word: a dry run would copy."""
    if any(options[name] for name in DEFAULTS):
        raise CommandError(
            "--resume goes on with a run as it was begun: only --delete-source, --yes and --json go with it."
        )


def _begin(options: Mapping[str, Any], wanted: dict[str, Any], out: OutputWrapper) -> Run:
    source, destination = options["source"], options["destination"]
    if not options["dry_run"] and not options["yes"]:
        plan = runs.plan(source, destination, wanted)
        out.write(json.dumps({"plan": asdict(plan)}) if options["json"] else _planned(plan, source, destination))
        if not _agreed("Copy?", options):
            raise _undone("Nothing was copied. (--yes asks nothing.)", options, out)
    return runs.begin(source, destination, wanted)


def _planned(plan: Plan, source: str, destination: str) -> str:
    return (
        f"{plan.conversations} conversations and {plan.recordings} recordings ({size(plan.bytes)}) are in {source}. "
        f"What {destination} does not have yet is copied there."
    )


def _agreed(question: str, options: Mapping[str, Any]) -> bool:
    return options["yes"] or (not options["json"] and confirmed(question))


def _undone(said: str, options: Mapping[str, Any], out: OutputWrapper) -> SystemExit:
    if not options["json"]:
        out.write(said)
    return SystemExit(TO_DO)


def _delete(done: Run) -> dict[str, int]:
    deleted = deleting.delete_source(runs.copying_of(done))
    return {"conversations": deleted.conversations, "recordings": deleted.recordings, "kept": deleted.kept}


def _report(done: Run) -> dict[str, Any]:
    return {
        "run": str(done.pk),
        "from": done.source,
        "to": done.destination,
        "state": done.state,
        "dry_run": bool(done.options.get("dry")),
        "seconds": round((done.finished_at - done.started_at).total_seconds(), 2) if done.finished_at else None,
        **done.counts,
        "failed": done.failed,
        "error": done.error,
    }


def _in_words(done: Run, report: Mapping[str, Any]) -> str:
    counts = Progress(**{name: value for name, value in done.counts.items() if name != "accounts"})
    verb = "would be copied" if report["dry_run"] else "copied"
    lines = [
        f"{counts.conversations} conversations and {counts.recordings} recordings ({size(counts.bytes)}) {verb}; "
        f"{counts.conversations_same} and {counts.recordings_same} were there already."
    ]
    if accounts := done.counts.get("accounts"):
        lines.append(f"{accounts} operators' accounts copied.")
    lines += [f"NOT copied: {what}: {why}." for what, why in list(done.failed.items())[:SHOWN]]
    if counts.failures > SHOWN:
        lines.append(f"… and {counts.failures - SHOWN} more; --json has them.")
    if done.error:
        lines.append(f"It ended early: {done.error.rstrip('.')}. `manage.py storage verify` looks for the reason.")
    if done.state == Run.State.STOPPED:
        lines.append("It was stopped. What has been copied is kept.")
    if done.state != Run.State.DONE:
        lines.append(f"Go on with: manage.py storage migrate --resume {done.pk}")
    if deleted := report.get("deleted"):
        lines.append(
            f"Deleted from {done.source}: {deleted['conversations']} conversations, {deleted['recordings']} recordings."
        )
        if deleted["kept"]:
            lines.append(
                f"{deleted['kept']} were kept: {done.destination} does not have them, byte for byte. "
                f"Copy again with --verify read, which looks at each and mends it."
            )
    return "\n".join(lines)


class Bar:
    """Progress in place on a terminal, nowhere else."""

    WIDTH = 30

    def __init__(self, out: OutputWrapper, *, quiet: bool) -> None:
        self._out, self._quiet = out, quiet or not out.isatty()
        self._began = timezone.now()

    def show(self, run: Run) -> None:
        if self._quiet:
            return
        total = max(1, run.plan.get("conversations", 0) + run.plan.get("recordings", 0))
        seen = min(total, runs.seen(run))
        taken = (timezone.now() - self._began).total_seconds()
        left = taken / seen * (total - seen) if seen else 0
        full = self.WIDTH * seen // total
        rate = run.counts.get("bytes", 0) / taken if taken else 0
        line = f"[{'#' * full}{'.' * (self.WIDTH - full)}] {100 * seen // total:3} %  {size(rate)}/s  {left:.0f} s left"
        self._out.write(f"\r{line:<79}", ending="")
        self._out.flush()

    def end(self) -> None:
        if not self._quiet:
            self._out.write("")
