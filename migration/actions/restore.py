"""Restore an archive of `storage backup` into the cloud if it is on, else into DATA_DIR, or into another store with --to.

The whole archive is verified before anything is written. If the store has a row already, the newer one is kept. Nothing is
deleted, and existing accounts are not changed. Restoring twice adds nothing. To continue an interrupted restore, run the command
again. An archive can add operators' accounts, so restore only archives that you trust. Exit code 2: the answer was not yes, and
nothing was restored.
"""

import errno
import json
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError, CommandParser, OutputWrapper

from core.counts import counted
from migration import stores
from migration.actions.terminal import SHOWN, TO_DO, Options, ProgressLine, is_confirmed
from migration.archive import UnusableArchive, restoring
from migration.archive.archive_reader import Contents
from migration.archive.restoring import Restoration, Restored, RestoreOptions
from migration.byte_sizes import size

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


def run(options: Options, out: OutputWrapper) -> bool:
    path, dry = options["file"], options["dry_run"]
    try:
        path.open("rb").close()
    except FileNotFoundError as error:
        raise CommandError(f"There is no file {path}.") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        store = restoring.destination_named(options["destination"])
        if not dry and not is_confirmed(f"Restore {path} into {store.name}?", options):
            said = "Nothing was restored. --yes restores without asking, --dry-run shows what would be new."
            out.write(json.dumps({"restored": False}) if options["json"] else said)
            raise SystemExit(TO_DO)
        wanted = RestoreOptions(store.name, dry, options["accounts"], options["with_secret_key"])
        progress, length = ProgressLine(out, options), max(1, path.stat().st_size)
        for done in restoring.restore(path, wanted):
            progress.show(_progress(done, length))
        progress.end()
    except (UnusableArchive, stores.Unknown) as error:
        raise CommandError(f"{path}: {error}" if isinstance(error, UnusableArchive) else str(error)) from error
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "The disk is full." if is_full else f"It ended early: {error}."
        do = "Make room, and run this again to continue." if is_full else "Run this again to continue."
        raise CommandError(f"{why} The restored data is kept. {do}") from error
    contents, restored = done.contents, done.restored
    assert contents
    if options["json"]:
        names = ("made_at", "from", "learner", "audio", "counts", "missing")
        archive = {name: contents.manifest.get(name) for name in names}
        out.write(json.dumps({"to": store.name, "dry_run": dry, "archive": archive, **asdict(restored)}))
    else:
        out.write(_in_words(store.name, dry, contents, restored))
    return not restored.failed


def _progress(state: Restoration, length: int) -> str:
    if not state.contents:
        return f"Verified: {100 * state.verified // length} %"
    counts, so_far = state.contents.counts, state.restored
    seen = so_far.recordings + so_far.recordings_same + so_far.recordings_erased + so_far.unheard
    conversations = f"{so_far.conversations + so_far.conversations_same:,} of {counts['conversations']:,} conversations"
    return f"{conversations}, {seen:,} of {counts['recordings']:,} recordings"


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
    if restored.of_erased_learners:
        lines.append(
            "Not restored, because their learners have erased everything since: "
            f"{counted(restored.of_erased_learners, 'part')}."
        )
    if restored.unheard:
        lines.append(
            f"Without sound in the archive, so that they cannot be played: {counted(restored.unheard, 'recording')}."
        )
    if restored.unknown_permissions:
        lines.append(f"Permissions that do not exist here: {', '.join(restored.unknown_permissions)}.")
    lines += [f"NOT restored: {what}: {why}." for what, why in list(restored.failed.items())[:SHOWN]]
    lines.append(SECRET_KEYS[restored.secret_key])
    if restored.secret_key == "restored":
        former = settings.DATA_DIR / "secret_key.old"
        # If this process did not take SECRET_KEY from DATA_DIR, it has it from the setting.
        if not (former.exists() and former.read_text().strip() == settings.SECRET_KEY):
            lines.append(SETTING_WINS)
    return "\n".join(lines)
