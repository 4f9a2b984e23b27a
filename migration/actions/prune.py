"""Delete conversations that are older than a given age, or with --audio-only the recordings alone.

Without an age, it deletes what is kept no longer by RETENTION_DAYS, AUDIO_RETENTION_DAYS and the learners' own choices, as the
server does every hour. It shows what would be deleted, and asks. A conversation is as old as its newest message. Deleted data
cannot be restored. Exit code 2: there is data to delete, and nothing was deleted.
"""

import json
import re
import uuid
from argparse import ArgumentTypeError
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.utils import timezone

from core import cloud
from core.counts import counted
from migration import pruning, retention
from migration.actions.terminal import TO_DO, Options, ProgressLine, is_confirmed
from migration.byte_sizes import size
from migration.pruning import Down, Pruned, PruneOptions

DAYS = {"d": 1, "w": 7, "y": 365}
# Days. Nothing is older.
OLDEST = 100 * 365


def add_arguments(parser: CommandParser) -> None:
    option = parser.add_argument
    option(
        "--older-than",
        type=age,
        metavar="AGE",
        help="delete data of at least this age, such as 365d (days), 26w (weeks) or 2y (years). Without it: as the settings say",
    )
    option("--audio-only", action="store_true", help="delete the recordings, and keep the text")
    option("--learner", type=uuid.UUID, metavar="UUID", help="delete only this learner's data")
    option("--yes", action="store_true", help="do not ask for confirmation")
    option("--json", action="store_true", help="print what was deleted, or would be, as one line of JSON")


def run(options: Options, out: OutputWrapper) -> bool:
    done, progress, planned = None, ProgressLine(out, options), Pruned()
    try:
        due = list(_due(options))
        for each in due:
            plan = pruning.plan(each)
            planned.add(plan)
            if not options["json"] and (plan.count or options["older_than"]):
                out.write(f"{_heading(each)}: {_in_words(plan)}.")
        if planned.count and is_confirmed("Delete it for good?", options):
            done = Pruned()
            for batch in (batch for each in due for batch in pruning.prune(each)):
                done.add(batch)
                progress.show(f"{done.count:,} of {planned.count:,} ({100 * done.count // planned.count} %)")
            progress.end()
    except (Down, cloud.Unavailable) as error:
        raise CommandError(f"{error} Nothing more was deleted. Run this again when it is back.") from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"Not everything could be deleted: {error} Run this again.") from error
    if options["json"]:
        report = {"deleted": done is not None, **asdict(done or planned)}
        out.write(json.dumps(report, default=datetime.isoformat))
    elif done:
        out.write(f"Deleted: {_in_words(done)}.")
    else:
        left = "Nothing was deleted. --yes deletes it without asking." if planned.count else "Nothing to do."
        out.write(left)
    if planned.count and not done:
        raise SystemExit(TO_DO)
    return True


def _due(options: Options) -> Iterator[PruneOptions]:
    """Yield what the command deletes: by its own options, or by the settings and the learners' choices."""
    if options["older_than"]:
        learners = [options["learner"]] if options["learner"] else None
        yield PruneOptions(timezone.now() - options["older_than"], learners, options["audio_only"])
        return
    if options["learner"] or options["audio_only"]:
        raise CommandError("--learner and --audio-only need an age: --older-than 365d.")
    yield from (erasure for _, erasure in retention.erasures())
    yield from retention.rules(timezone.now())


def _heading(due: PruneOptions) -> str:
    whose = f", of {counted(len(due.learners), 'learner')}" if due.learners else ""
    what = "Recordings" if due.audio_only else "Conversations"
    return f"{what} from before {due.before:%Y-%m-%d}{whose}"


def age(value: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,4})([dwy])", value)
    if not found or (days := int(found[1]) * DAYS[found[2]]) > OLDEST:
        raise ArgumentTypeError(f"{value!r}: write a number of days such as 365d, or of weeks or years: 26w, 2y.")
    return timedelta(days=days)


def _in_words(pruned: Pruned) -> str:
    said = f"{counted(pruned.conversations, 'conversation')}, {counted(pruned.recordings, 'recording')} ({size(pruned.bytes)})"
    if pruned.oldest and pruned.newest:
        said += f", from {pruned.oldest:%Y-%m-%d} to {pruned.newest:%Y-%m-%d}"
    return said
