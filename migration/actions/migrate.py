"""Copies conversations and recordings from one store to another, and says what it could not copy.

What is there already is not copied again; interrupted, it goes on where it was when it is called again. Nothing is taken from the
source, but by --delete-source, which reads back every byte before it deletes.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.utils import timezone

from migration import deleting, runs, stores
from migration.actions.terminal import confirmed, size
from migration.copying import Progress
from migration.models import Run

SHOWN = 20  # failures on the terminal


def add_arguments(parser: CommandParser) -> None:
    option = parser.add_argument
    option("--from", dest="source", default="local", help="local (default), cloud, mongodb, postgresql, s3://BUCKET")
    option("--to", dest="destination", default="cloud", help="the same; default: cloud")
    option("--dry-run", action="store_true", help="only say what would be copied")
    option("--learner", type=uuid.UUID, help="one learner's alone")
    option("--since", help="only what was said since this day (2026-01-31)")
    option("--workers", type=int, default=runs.DEFAULT_WORKERS, metavar="N", help="recordings at a time")
    option("--verify", choices=("head", "read"), default="head", help="ask for size and checksum, or read bytes back")
    option("--delete-source", action="store_true", help="then delete what the destination has, byte for byte")
    option("--yes", action="store_true", help="ask nothing")
    option("--json", action="store_true", help="print the report as one line of JSON")
    option("--resume", type=uuid.UUID, metavar="RUN", help="go on with this run")


def run(options: Mapping[str, Any], out: OutputWrapper) -> bool:
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
    if begun is None:
        return False
    bar = Bar(out, quiet=options["json"])
    done = runs.work(begun, bar.show)
    bar.end()
    report = _report(done)
    ended_well = done.state == Run.State.DONE
    if options["delete_source"] and ended_well and not options["dry_run"]:
        report["deleted"] = _delete(done, options, out)
        ended_well = not report["deleted"].get("kept")
    out.write(json.dumps(report) if options["json"] else _in_words(done, report))
    return ended_well


def _begin(options: Mapping[str, Any], wanted: dict[str, Any], out: OutputWrapper) -> Run | None:
    source, destination = options["source"], options["destination"]
    if not options["dry_run"] and not options["yes"]:
        plan = runs.plan(source, destination, wanted)
        out.write(
            f"{plan.conversations} conversations and {plan.recordings} recordings ({size(plan.bytes)}) are in {source}. "
            f"What {destination} does not have yet is copied there."
        )
        if not confirmed("Copy?"):
            out.write("Nothing was copied. (--yes asks nothing.)")
            return None
    return runs.begin(source, destination, wanted)


def _delete(done: Run, options: Mapping[str, Any], out: OutputWrapper) -> dict[str, int]:
    if not options["yes"] and not confirmed(f"Delete from {done.source} what {done.destination} has, byte for byte?"):
        return {"conversations": 0, "recordings": 0}
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
        lines.append(f"It ended early: {done.error}")
    if done.state != Run.State.DONE:
        lines.append(f"Go on with: manage.py storage migrate --resume {done.pk}")
    if deleted := report.get("deleted"):
        lines.append(
            f"Deleted from {done.source}: {deleted['conversations']} conversations, {deleted['recordings']} recordings."
        )
        if deleted.get("kept"):
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
