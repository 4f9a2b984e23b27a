"""Copy conversations and recordings from one store to another, and report what could not be copied.

Data that the destination has is not copied again. To continue an interrupted copy, run the command again. Nothing is deleted from
the source, except with --delete-source, which reads back every byte before it deletes. Exit code 1: not everything could be
copied, or the run was stopped. Exit code 2: the answer was not yes, and nothing was done.
"""

import json
import uuid
from argparse import ArgumentTypeError
from dataclasses import asdict, fields
from datetime import datetime

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.utils import timezone

from core.counts import counted
from migration import deleting, runs, stores
from migration.actions.terminal import SHOWN, TO_DO, Options, ProgressLine, is_confirmed
from migration.byte_sizes import size
from migration.copying import Progress
from migration.deleting import DeletionCounts
from migration.models import Run
from migration.run_options import DEFAULT_WORKERS, RunOptions, moment

MOST_WORKERS = 64
# Characters.
BAR = 30
# The names of a run's options among those of the command.
RUN_OPTIONS = [option.name for option in fields(RunOptions)]


def add_arguments(parser: CommandParser) -> None:
    option = parser.add_argument
    option("--from", dest="source", metavar="STORE", help="local (default), cloud, mongodb, postgresql, s3://B")
    option("--to", dest="destination", metavar="STORE", help="as --from; default: cloud")
    option("--dry-run", action="store_true", default=None, help="show what would be copied, and copy nothing")
    option("--learner", type=uuid.UUID, metavar="UUID", help="copy only this learner's data")
    option("--since", metavar="DAY", help="copy only conversations since this day, such as 2026-01-31")
    option(
        "--workers", type=workers, metavar="N", help=f"copy so many recordings at a time (default: {DEFAULT_WORKERS})"
    )
    option(
        "--verify",
        dest="reads_back",
        type=reads_back,
        metavar="HOW",
        help="verify by size and checksum (head, the default), or read every byte back (read)",
    )
    option(
        "--delete-source",
        action="store_true",
        help="afterwards, delete from the source what the destination has, byte for byte",
    )
    option("--yes", action="store_true", help="do not ask for confirmation")
    option("--json", action="store_true", help="print the report as one line of JSON")
    option("--resume", type=uuid.UUID, metavar="RUN", help="continue this run with the options that it was begun with")


def workers(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_WORKERS):
        raise ArgumentTypeError(f"{value!r}: write a number from 1 to {MOST_WORKERS}.")
    return int(value)


def reads_back(value: str) -> bool:
    if value not in ("head", "read"):
        raise ArgumentTypeError(f"{value!r}: write head or read.")
    return value == "read"


def run(options: Options, out: OutputWrapper) -> bool:
    try:
        if not options["resume"]:
            begun = _begin(options, out)
        elif any(options[name] is not None for name in ("source", "destination", *RUN_OPTIONS)):
            # These options would be ignored. With --dry-run, data would be copied.
            raise CommandError(
                "--resume continues a run as it was begun: only --delete-source, --yes and --json go with it."
            )
        else:
            begun = runs.resume(options["resume"])
    except Run.DoesNotExist:
        raise CommandError(f"There is no run {options['resume']}.") from None
    except (stores.Unknown, ValueError, runs.RunInProgress) as error:
        raise CommandError(str(error)) from error
    progress, began = ProgressLine(out, options), timezone.now()
    done = runs.work(begun, lambda run: progress.show(_bar(run, began)))
    progress.end()
    ended_well = done.state == Run.State.DONE
    deletes = options["delete_source"] and ended_well and not RunOptions.from_row(done.options).dry_run
    question = f"Delete from {done.source} what {done.destination} has, byte for byte?"
    deleted = None
    if deletes and is_confirmed(question, options):
        deleted = deleting.delete_source(runs.copying_of(done))
        ended_well = not deleted.kept
    out.write(json.dumps(_report(done, deleted)) if options["json"] else _in_words(done, deleted))
    if deletes and not deleted:
        raise _undone("Nothing was deleted. --yes deletes without asking.", options, out)
    return ended_well


def _begin(options: Options, out: OutputWrapper) -> Run:
    source, destination = options["source"] or "local", options["destination"] or "cloud"
    wanted = run_options(options)
    if not wanted.dry_run and not options["yes"]:
        plan = runs.plan(source, destination, wanted)
        planned = (
            f"{source} has {counted(plan.conversations, 'conversation')} and {counted(plan.recordings, 'recording')} "
            f"({size(plan.bytes)}). Those that {destination} does not have yet will be copied."
        )
        out.write(json.dumps({"plan": asdict(plan)}) if options["json"] else planned)
        if not is_confirmed("Copy?", options):
            raise _undone("Nothing was copied. --yes copies without asking.", options, out)
    return runs.begin(source, destination, wanted)


def run_options(options: Options) -> RunOptions:
    """Return the options of the run from those of the command. Raises ValueError."""
    given = {name: options[name] for name in RUN_OPTIONS if options[name] is not None}
    if "since" in given:
        given["since"] = moment(given["since"])
    return RunOptions(**given)


def _undone(said: str, options: Options, out: OutputWrapper) -> SystemExit:
    if not options["json"]:
        out.write(said)
    return SystemExit(TO_DO)


def _report(done: Run, deleted: DeletionCounts | None) -> dict[str, object]:
    return {
        "run": str(done.pk),
        "from": done.source,
        "to": done.destination,
        "state": done.state,
        "dry_run": RunOptions.from_row(done.options).dry_run,
        "seconds": round((done.finished_at - done.started_at).total_seconds(), 2) if done.finished_at else None,
        **done.counts,
        "failed": done.failed,
        "error": done.error,
        **({"deleted": asdict(deleted)} if deleted else {}),
    }


def _in_words(done: Run, deleted: DeletionCounts | None) -> str:
    counts = Progress(**{name: value for name, value in done.counts.items() if name != "accounts"})
    verb = "would be copied" if RunOptions.from_row(done.options).dry_run else "copied"
    lines = [
        f"{counted(counts.conversations, 'conversation')} and {counted(counts.recordings, 'recording')} "
        f"({size(counts.bytes)}) {verb}; "
        f"{counts.conversations_same} and {counts.recordings_same} were there already."
    ]
    if accounts := done.counts.get("accounts"):
        lines.append(f"{counted(accounts, 'operator account')} copied.")
    before = ""
    for what, why in list(done.failed.items())[:SHOWN]:
        lines.append(f"NOT copied: {what}: {'for the same reason' if why == before else why}.")
        before = why
    if counts.failures > SHOWN:
        lines.append(f"… and {counts.failures - SHOWN} more; --json has them.")
    if done.error:
        lines.append(f"It ended early: {done.error.rstrip('.')}. `manage.py storage verify` may show the reason.")
    if done.state == Run.State.STOPPED:
        lines.append("It was stopped. The copied data stays at the destination.")
    if done.state != Run.State.DONE:
        lines.append(f"Continue with: manage.py storage migrate --resume {done.pk}")
    if deleted:
        lines.append(
            f"Deleted from {done.source}: {counted(deleted.conversations, 'conversation')}, "
            f"{counted(deleted.recordings, 'recording')}."
        )
        if deleted.kept:
            lines.append(
                f"{deleted.kept} were kept, because {done.destination} does not have them byte for byte. "
                "Copy again with --verify read, which checks each one and copies it again if it differs."
            )
    return "\n".join(lines)


def _bar(run: Run, began: datetime) -> str:
    total = max(1, run.plan.get("conversations", 0) + run.plan.get("recordings", 0))
    seen = min(total, runs.seen(run))
    taken = (timezone.now() - began).total_seconds()
    left = taken / seen * (total - seen) if seen else 0
    full = BAR * seen // total
    rate = run.counts.get("bytes", 0) / taken if taken else 0
    return f"[{'#' * full}{'.' * (BAR - full)}] {100 * seen // total:3} %  {size(rate)}/s  {left:.0f} s left"
