"""Write everything of a learner into one ZIP file.

It has an archive that `manage.py storage restore` reads, and the same conversations as JSON, Markdown and sound files
for people. These are made from the archive, so both are of one moment, and the bucket is read once.
"""

import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from uuid import UUID

from audio.models import Recording
from conversations import lookup
from conversations.lookup import StoredConversation
from core.json_types import Json
from learners import personal_data
from migration.archive import archive_writer
from migration.archive.archive_reader import Archive, ArchivedRecording
from migration.archive.archive_writer import BackupOptions, Written
from own_data import talk_files
from own_data.export_progress import ExportProgress

ARCHIVE, README, TABLES = "archive.tar", "README.txt", "other-data.json"
EXPLAINED = """\
This is everything that Talking Agent kept of you at {moment}.

conversations/  each talk in a folder of its own: conversation.md to read, conversation.json for programs, the sound, and
                conversation.srt with subtitles for it
other-data.json what else is kept of you, such as your devices and the names of your API tokens
archive.tar     all talks and recordings once more. The operator of another Talking Agent can restore them:
                manage.py storage restore archive.tar

{conversations} conversations, {recordings} recordings.
"""
LOST = "\nThe sound of these recordings is lost on the server, so they are missing:\n"


def write(path: Path, learner: UUID, moment: str) -> Iterator[ExportProgress]:
    """Write the ZIP file, and yield the progress after each step. The same object is yielded each time.

    Raises UnusableArchive, OSError, DatabaseError.
    """
    archive, written, progress = path.with_suffix(".tar"), Written(), ExportProgress()
    try:
        for written in archive_writer.backup(archive, BackupOptions(learner=learner), replace=True):
            steps = written.planned["conversations"] + written.planned["recordings"]
            progress.share = 0.5 * _share(written.counts.conversations + written.counts.recordings, steps)
            progress.unheard = written.counts.missing
            yield progress
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, archive.open("rb") as opened:
            counts = written.counts
            readme = EXPLAINED.format(moment=moment, conversations=counts.conversations, recordings=counts.recordings)
            readme += LOST + "\n".join(written.missing) + "\n" if written.missing else ""
            file.writestr(README, readme)
            file.writestr(TABLES, talk_files.pretty(_other_tables(learner)))
            for done in _write_conversations(file, Archive(opened)):
                progress.share = 0.5 + 0.4 * _share(done, counts.conversations)
                yield progress
            # Opus does not shrink.
            file.write(archive, ARCHIVE, zipfile.ZIP_STORED)
    finally:
        archive.unlink(missing_ok=True)


def _write_conversations(file: zipfile.ZipFile, archive: Archive) -> Iterator[int]:
    for _ in archive.verify():
        pass
    recordings: dict[UUID, list[ArchivedRecording]] = {}
    for batch in archive.recordings():
        for each in batch:
            recordings.setdefault(each.row.conversation, []).append(each)
    done = 0
    for copies in archive.copies():
        for copy in copies:
            done += 1
            if copy.conversation.deleted_at is None:
                own = recordings.get(copy.conversation.pk, [])
                stored = lookup.stored(copy, "", known=[each.row for each in own])
                heard = {each.row.key: each for each in own if each.member}
                talk_files.write(file, _folder(stored), stored, partial(_sound, archive, heard))
            yield done


def _sound(archive: Archive, heard: Mapping[str, ArchivedRecording], recording: Recording) -> bytes | None:
    found = heard.get(recording.key)
    return archive.bytes_of(found) if found else None


def _folder(stored: StoredConversation) -> str:
    return f"conversations/{talk_files.name(stored)} {stored.conversation.pk.hex[:8]}/"


def _other_tables(learner: UUID) -> Json:
    exported = [(table.model._meta.verbose_name_plural, table.export) for table in personal_data.tables()]
    return {str(name): export(learner) for name, export in exported if export}


def _share(done: int, total: int) -> float:
    return min(1.0, done / total) if total else 1.0
