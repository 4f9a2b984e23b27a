"""Remove files of recordings that belong to no message and are older than a day. A killed server can leave such files.

It searches the local folder and the bucket, if there is one, shows what it found, and asks. Files of another installation in the
same bucket look the same: answer yes only if no other installation uses the bucket. Exit code 2: there are files to remove, and
nothing was removed.
"""

import json

from django.conf import settings
from django.core.management.base import CommandError, CommandParser, OutputWrapper

from core import cloud
from migration import orphan_recordings
from migration.actions.terminal import TO_DO, Options, is_confirmed
from migration.byte_sizes import size
from migration.orphan_recordings import Orphan

PLACES = {"audio_local": "folder", "audio_cloud": "bucket"}


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("--json", action="store_true", help="print what was removed, or would be, as one line of JSON")


def run(options: Options, out: OutputWrapper) -> bool:
    removed = False
    try:
        there = [name for name in PLACES if name in settings.STORAGES]
        found = [each for name in there for each in orphan_recordings.in_storage(name) if each]
        if not options["json"]:
            out.write(f"Older than a day, and not of any message: {_in_words(found)}.")
        if found and is_confirmed("Remove these files for good?", options):
            for orphan in found:
                orphan_recordings.remove(orphan)
            removed = True
    except cloud.Unavailable as error:
        raise CommandError(
            f"The {error} cannot be reached, so it is unknown which files belong to a message. Run this again later."
        ) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"Some files could not be checked or removed: {error} Run this again.") from error
    left = "Nothing was removed. --yes removes it without asking." if found else "Nothing to do."
    report = {"removed": removed, "files": len(found), "bytes": sum(each.file.size for each in found)}
    out.write(json.dumps(report) if options["json"] else "Removed." if removed else left)
    if found and not removed:
        raise SystemExit(TO_DO)
    return True


def _in_words(found: list[Orphan]) -> str:
    counts = []
    for name, place in PLACES.items():
        of_place = [each for each in found if each.storage == name]
        if of_place:
            counts.append(f"{len(of_place):,} in the {place} ({size(sum(each.file.size for each in of_place))})")
    return ", ".join(counts) or "nothing"
