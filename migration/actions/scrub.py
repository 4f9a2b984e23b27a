"""Remove the data of learners who have erased everything from archives of `storage backup`.

It shows what would be removed, and asks. Each archive is replaced at once by one without these learners; all other data stays.
Run it on all archives that are kept, for example after each backup. Exit code 2: there is data to remove, and nothing was
removed.
"""

import json
from dataclasses import asdict
from pathlib import Path

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from core.counts import counted
from migration.actions.terminal import TO_DO, Options, is_confirmed
from migration.archive import UnusableArchive, scrubbing
from migration.archive.scrubbing import Scrubbed


def add_arguments(parser: CommandParser) -> None:
    option = parser.add_argument
    option("files", type=Path, nargs="+", metavar="FILE", help="the archives")
    option("--yes", action="store_true", help="do not ask for confirmation")
    option("--json", action="store_true", help="print what was removed, or would be, as one line of JSON")


def run(options: Options, out: OutputWrapper) -> bool:
    learners, found = scrubbing.erased_learners(), dict[Path, Scrubbed]()
    for path in options["files"]:
        try:
            found[path] = scrubbing.find(path, learners)
            if not options["json"]:
                out.write(f"{path}: {_in_words(found[path])}.")
        except (UnusableArchive, OSError) as error:
            raise CommandError(f"{path} cannot be read: {error} Nothing was removed.") from error
    concerned = [path for path, counts in found.items() if counts.count]
    is_removed = bool(concerned) and is_confirmed("Remove it for good?", options)
    for path in concerned if is_removed else ():
        try:
            scrubbing.scrub(path, learners)
        except (UnusableArchive, OSError) as error:
            raise CommandError(f"{path} was left as it is: {error} Run this again.") from error
    if options["json"]:
        report = {str(path): asdict(counts) for path, counts in found.items()}
        out.write(json.dumps({"removed": is_removed, "files": report}))
    else:
        left = "Nothing was removed. --yes removes it without asking." if concerned else "Nothing to do."
        out.write("Removed." if is_removed else left)
    if concerned and not is_removed:
        raise SystemExit(TO_DO)
    return True


def _in_words(found: Scrubbed) -> str:
    counts = f"{counted(found.conversations, 'conversation')}, {counted(found.recordings, 'recording')}"
    return f"{counts} of learners who have erased everything"
