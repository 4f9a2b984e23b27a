"""Brings what `storage backup` wrote into any store: the cloud if it is on, else DATA_DIR, or --to another.

The whole archive is verified before anything is written. Of what is in both the newer holds; nothing is deleted, and accounts
that exist stay as they are; restored twice it adds nothing, and interrupted it goes on where it was. It brings operators'
accounts: restore only what you trust. Exit code 2: nobody said yes, and nothing was restored.
"""

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser, OutputWrapper

from migration import stores
from migration.actions.terminal import TO_DO, confirmed, size
from migration.archive import Unusable, restoring
from migration.archive.reading import Contents
from migration.archive.restoring import Restored, Wish

SHOWN = 20  # failures on the terminal
SECRET_KEYS = {
    "": "The archive does not have the SECRET_KEY of where it was made: learners' cookies are known here only if it is the same.",
    "same": "Learners' cookies are known here: the SECRET_KEY is the same.",
    "differs": "Learners' cookies are NOT known here, for the SECRET_KEY differs: --with-secret-key takes over the archive's.",
    "restored": "The archive's secret key is in DATA_DIR now, the former beside it (secret_key.old). Restart the server.",
}
SETTING_WINS = (
    "The setting SECRET_KEY holds all the same: take it away, or set it to what `tar -xOf FILE secret_key` shows."
)


def add_arguments(parser: CommandParser) -> None:
    option = parser.add_argument
    option("file", type=Path, metavar="FILE", help="what `storage backup` wrote")
    option("--to", dest="destination", default="", metavar="STORE", help="local, cloud, mongodb or postgresql")
    option("--dry-run", action="store_true", help="verify it, and say what is in it and what would be new")
    option("--no-accounts", dest="accounts", action="store_false", help="leave out operators' accounts")
    option(
        "--with-secret-key", action="store_true", help="take over its secret key, by which learners' cookies are known"
    )
    option("--yes", action="store_true", help="ask nothing")
    option("--json", action="store_true", help="print the report as one line of JSON")


def run(options: Mapping[str, Any], out: OutputWrapper) -> bool:
    path, dry = options["file"], options["dry_run"]
    _require_readable(path)
    try:
        store = restoring.destination_named(options["destination"])
        if not dry and not options["yes"] and not _wanted(path, store.name, options):
            said = "Nothing was restored. (--yes asks nothing; --dry-run says what would be new.)"
            out.write(json.dumps({"restored": False}) if options["json"] else said)
            raise SystemExit(TO_DO)
        wish = Wish(store.name, dry, options["accounts"], options["with_secret_key"])
        contents, restored = _restore(path, wish, options, out)
    except (Unusable, stores.Unknown) as error:
        raise CommandError(f"{path}: {error}" if isinstance(error, Unusable) else str(error)) from error
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


def _restore(path: Path, wish: Wish, options: Mapping[str, Any], out: OutputWrapper) -> tuple[Contents, Restored]:
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
        return (
            "The disk is full. What has been restored is kept: make room, and run this again; it goes on where it was."
        )
    return f"It ended early: {error}. What has been restored is kept: run this again; it goes on where it was."


def _described(contents: Contents) -> dict[str, Any]:
    named = ("made_at", "from", "learner", "audio", "counts", "missing")
    return {name: contents.manifest.get(name) for name in named}


def _in_words(name: str, dry: bool, contents: Contents, restored: Restored) -> str:
    counts, source = contents.counts, contents.manifest.get("from")
    verb = "would be new" if dry else "restored"
    where = source.get("site") if isinstance(source, dict) else None
    lines = [
        f"Made {contents.manifest.get('made_at')} by {where}; it is whole: {counts['conversations']:,} conversations, "
        f"{counts['recordings']:,} recordings, {counts['accounts']:,} accounts.",
        f"Into {name}: {restored.conversations:,} conversations, {restored.recordings:,} recordings "
        f"({size(restored.bytes)}) and {restored.accounts:,} accounts {verb}; {restored.conversations_same:,}, "
        f"{restored.recordings_same:,} and {restored.accounts_same:,} were there already.",
    ]
    if restored.recordings_erased:
        lines.append(f"{restored.recordings_erased:,} recordings were not: what they belong to was deleted here since.")
    if restored.unheard:
        lines.append(f"{restored.unheard:,} recordings are in it without their sound, and cannot be listened to.")
    if restored.unknown_permissions:
        lines.append(f"Permissions that are unknown here: {', '.join(restored.unknown_permissions)}.")
    lines += [f"NOT restored: {what}: {why}." for what, why in list(restored.failed.items())[:SHOWN]]
    lines.append(SECRET_KEYS[restored.secret_key])
    if restored.secret_key == "restored" and not _key_is_of_file():
        lines.append(SETTING_WINS)
    return "\n".join(lines)


def _key_is_of_file() -> bool:
    """Did this process take SECRET_KEY from DATA_DIR, and not from its setting?"""
    former = settings.DATA_DIR / "secret_key.old"
    return former.exists() and former.read_text().strip() == settings.SECRET_KEY
