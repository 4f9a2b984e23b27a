"""Restore an archive of `storage backup` into the cloud if it is on, else into DATA_DIR, or into another store with --to.

The whole archive is verified before anything is written. If the store has a row already, the newer one is kept. Nothing is
deleted, and existing accounts are not changed. Restoring twice adds nothing. To continue an interrupted restore, run the command
again. An archive can add operators' accounts, so restore only archives that you trust. Exit code 2: the answer was not yes, and
nothing was restored.
"""

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser, OutputWrapper

from core.counts import counted
from migration import stores
from migration.actions.terminal import TO_DO, confirmed
from migration.archive import UnusableArchive, restoring
from migration.archive.archive_reader import Contents
from migration.archive.restoring import Restored, RestoreOptions
from migration.byte_sizes import size

# Failures to show on the terminal.
SHOWN = 20
SECRET_KEYS = {
    "": "The archive does not hold a SECRET_KEY. Learners' cookies are accepted here only if the SECRET_KEY is the same.",
    "same": "Learners' cookies are accepted here: the SECRET_KEY is the same.",
    "differs": "Learners' cookies are NOT accepted here, because the SECRET_KEY differs. --with-secret-key uses the archive's.",
    "restored": "The archive's secret key is in DATA_DIR now, and the former one beside it (secret_key.old). Restart the server.",
}
SETTING_WINS = (
    "The setting SECRET_KEY overrides it: remove the setting, or set it to what `tar -xOf FILE secret_key` prints."
)


def add_arguments(parser: CommandParser) -> None:
    option = parser.add_argument
    option("file", type=Path, metavar="FILE", help="the archive that `storage backup` wrote")
    option("--to", dest="destination", default="", metavar="STORE", help="local, cloud, mongodb or postgresql")
    option(
        "--dry-run",
        action="store_true",
        help="verify the archive, show what it holds and what would be new, and restore nothing",
    )
    option("--no-accounts", dest="accounts", action="store_false", help="leave out operators' accounts")
    option("--with-secret-key", action="store_true", help="use its secret key, which signs learners' cookies")
    option("--yes", action="store_true", help="do not ask for confirmation")
    option("--json", action="store_true", help="print the report as one line of JSON")


def run(options: Mapping[str, Any], out: OutputWrapper) -> bool:
    path, dry = options["file"], options["dry_run"]
    _require_readable(path)
    try:
        store = restoring.destination_named(options["destination"])
        if not dry and not options["yes"] and not _wanted(path, store.name, options):
            said = "Nothing was restored. --yes restores without asking, --dry-run shows what would be new."
            out.write(json.dumps({"restored": False}) if options["json"] else said)
            raise SystemExit(TO_DO)
        wish = RestoreOptions(store.name, dry, options["accounts"], options["with_secret_key"])
        contents, restored = _restore(path, wish, options, out)
    except (UnusableArchive, stores.Unknown) as error:
        raise CommandError(f"{path}: {error}" if isinstance(error, UnusableArchive) else str(error)) from error
    except OSError as error:
        raise CommandError(_stopped(error)) from error
    report = {"to": store.name, "dry_run": dry, "archive": _described(contents), **restored.plain()}
    out.write(json.dumps(report) if options["json"] else _in_words(store.name, dry, contents, restored))
    return not restored.failed


def _require_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except FileNotFoundError as error:
        raise CommandError(f"There is no file {path}.") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def _wanted(path: Path, store: str, options: Mapping[str, Any]) -> bool:
    return not options["json"] and confirmed(f"Restore {path} into {store}?")


def _restore(
    path: Path, wish: RestoreOptions, options: Mapping[str, Any], out: OutputWrapper
) -> tuple[Contents, Restored]:
    is_seen = out.isatty() and not options["json"]

    def show(said: str) -> None:
        if is_seen:
            out.write(f"\r{said:<79}", ending="")
            out.flush()

    whole = max(1, path.stat().st_size)
    shown = -1

    def verified(position: int) -> None:
        nonlocal shown
        if (percent := 100 * position // whole) > shown:
            shown = percent
            show(f"Verified: {percent} %")

    def told(contents: Contents, so_far: Restored) -> None:
        seen = so_far.recordings + so_far.recordings_same + so_far.recordings_erased + so_far.unheard
        talks = so_far.conversations + so_far.conversations_same
        counts = contents.counts
        show(f"{talks:,} of {counts['conversations']:,} conversations, {seen:,} of {counts['recordings']:,} recordings")

    done = restoring.restore(path, wish, verified=verified, told=told)
    show("")
    return done


def _stopped(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full. The restored data is kept. Make room, and run this again to continue."
    return f"It ended early: {error}. The restored data is kept. Run this again to continue."


def _described(contents: Contents) -> dict[str, Any]:
    named = ("made_at", "from", "learner", "audio", "counts", "missing")
    return {name: contents.manifest.get(name) for name in named}


def _in_words(name: str, dry: bool, contents: Contents, restored: Restored) -> str:
    counts, source = contents.counts, contents.manifest.get("from")
    verb = "would be new" if dry else "restored"
    where = source.get("site") if isinstance(source, dict) else None
    lines = [
        f"Made {contents.manifest.get('made_at')} by {where}; the archive is complete: "
        f"{counted(counts['conversations'], 'conversation')}, {counted(counts['recordings'], 'recording')}, "
        f"{counted(counts['accounts'], 'account')}.",
        f"Into {name}: {counted(restored.conversations, 'conversation')}, {counted(restored.recordings, 'recording')} "
        f"({size(restored.bytes)}) and {counted(restored.accounts, 'account')} {verb}; {restored.conversations_same:,}, "
        f"{restored.recordings_same:,} and {restored.accounts_same:,} were there already.",
    ]
    if restored.recordings_erased:
        lines.append(
            "Not restored, because their messages were deleted here since: "
            f"{counted(restored.recordings_erased, 'recording')}."
        )
    if restored.unheard:
        lines.append(
            f"Without sound in the archive, so that they cannot be played: {counted(restored.unheard, 'recording')}."
        )
    if restored.unknown_permissions:
        lines.append(f"Permissions that do not exist here: {', '.join(restored.unknown_permissions)}.")
    lines += [f"NOT restored: {what}: {why}." for what, why in list(restored.failed.items())[:SHOWN]]
    lines.append(SECRET_KEYS[restored.secret_key])
    if restored.secret_key == "restored" and not _key_is_of_file():
        lines.append(SETTING_WINS)
    return "\n".join(lines)


def _key_is_of_file() -> bool:
    """Return whether this process took SECRET_KEY from DATA_DIR, and not from its setting."""
    former = settings.DATA_DIR / "secret_key.old"
    return former.exists() and former.read_text().strip() == settings.SECRET_KEY
