"""Write everything that is stored into one file, which `storage restore` restores into any store.

The file is a tar with conversations, recordings, operators' accounts, a manifest and checksums. Only its owner can read it,
because it holds personal data and the hashes of passwords. Exit code 1: the file was written, but some recordings are missing or
damaged. The report and the manifest name them.
"""

import json
import uuid
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from core.counts import counted
from migration import stores
from migration.actions.terminal import SHOWN, Options, ProgressLine
from migration.archive import UnusableArchive, archive_writer
from migration.archive.archive_writer import BackupOptions, Written
from migration.byte_sizes import size

PERSONAL = "It holds personal data and the hashes of passwords: keep it where only you can read it."
LEARNERS_OWN = "It holds one learner's personal data, and no accounts."
COOKIES = (
    "Learners are recognised by a cookie that SECRET_KEY signs. The archive does not hold that key. A server with another "
    "SECRET_KEY does not recognise them: set the same one there, or use --with-secret-key."
)
HAS_KEY = "It also holds the secret key. A person with this file can sign in as any user."


def add_arguments(parser: CommandParser) -> None:
    option = parser.add_argument
    option("file", type=Path, metavar="FILE", help="the archive to write, such as talking-agent.tar")
    option(
        "--from",
        dest="source",
        default=archive_writer.IN_USE,
        metavar="STORE",
        help="local, cloud, mongodb or postgresql",
    )
    option("--learner", type=uuid.UUID, metavar="UUID", help="include only this learner's data, and no accounts")
    option("--no-audio", dest="audio", action="store_false", help="leave out the sound of the recordings")
    option("--audio", dest="audio", action="store_true", default=True, help="include the sound (default)")
    option("--with-secret-key", action="store_true", help="include SECRET_KEY, which signs learners' cookies")
    option("--yes", action="store_true", help="replace an existing file")
    option("--json", action="store_true", help="print the report as one line of JSON")


def run(options: Options, out: OutputWrapper) -> bool:
    path = options["file"]
    wanted = BackupOptions(options["source"], options["learner"], options["audio"], options["with_secret_key"])
    progress = ProgressLine(out, options)
    try:
        with closing(archive_writer.backup(path, wanted, replace=options["yes"])) as writing:
            for written in writing:
                done, planned = written.counts, written.planned
                conversations = f"{done.conversations:,} of {planned['conversations']:,} conversations"
                recordings = f"{done.recordings:,} of {planned['recordings']:,} recordings, {size(done.bytes)}"
                progress.show(f"{conversations}, {recordings}")
    except (UnusableArchive, stores.Unknown) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        why = f"{error.strerror}: {error.filename or path}" if error.strerror else str(error)
        raise CommandError(f"No archive was written, and an existing file was not changed. {why}") from error
    progress.end()
    if options["json"]:
        counts = asdict(written.counts)
        report = {"file": str(path), "size": written.size, "counts": counts, "missing": written.missing}
        out.write(json.dumps(report))
    else:
        out.write(_in_words(path, wanted, written))
    return not written.counts.missing


def _in_words(path: Path, wanted: BackupOptions, written: Written) -> str:
    counts = written.counts
    audio = size(counts.bytes) if wanted.audio else "their sound left out"
    lines = [
        f"{path} ({size(written.size)}): {counted(counts.conversations, 'conversation')} with "
        f"{counted(counts.messages, 'message')}, "
        f"{counted(counts.recordings, 'recording')} ({audio}), {counted(counts.accounts, 'account')}."
    ]
    lines += [f"MISSING: {key}: {why}." for key, why in list(written.missing.items())[:SHOWN]]
    if counts.missing > SHOWN:
        lines.append(f"… and {counts.missing - SHOWN:,} more; the manifest in the archive names them.")
    lines.append(LEARNERS_OWN if wanted.learner else PERSONAL)
    if not wanted.learner:
        lines.append(HAS_KEY if wanted.secret_key else COOKIES)
    return "\n".join(lines)
