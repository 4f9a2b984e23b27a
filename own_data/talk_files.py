"""Write one talk into a ZIP file: as Markdown, as JSON, as subtitles, and its recordings."""

import json
import re
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import BinaryIO

from django.conf import settings

from audio import recordings
from audio.models import Recording
from audio.recordings import EXTENSIONS
from conversations import representations
from conversations.lookup import StoredConversation
from core import cloud
from core.json_types import Json
from own_data import subtitles, talk_markdown

# Of a title in a file's name. Most systems allow 255 bytes for the whole name, and a letter has up to four.
LONGEST_TITLE, MOST_BYTES = 60, 180
# Seconds for reading the recordings from the bucket.
PATIENCE = 60.0


def name(stored: StoredConversation) -> str:
    """Return a name for files that sorts by time, reads well, and is valid on every system."""
    row = stored.conversation
    title = re.sub(r"[^\w -]+", "", row.title or row.topic)[:LONGEST_TITLE]
    title = title.encode(errors="ignore")[:MOST_BYTES].decode(errors="ignore").strip() or "talk"
    return f"{row.timestamp:%Y-%m-%d} {title}"


def zipped(stored: StoredConversation) -> BinaryIO:
    """Return the ZIP file of a talk, open, without a name on the disk. No more than one recording is in memory.

    Raises cloud.Unavailable, OSError.
    """
    with ExitStack() as stack:
        found = stack.enter_context(TemporaryFile(dir=settings.DATA_DIR))
        with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as file, cloud.patience(PATIENCE):
            write(file, "", stored, _sound)
        stack.pop_all()
    return found


def write(
    file: zipfile.ZipFile, folder: str, stored: StoredConversation, sound: Callable[[Recording], bytes | None]
) -> None:
    """Write a talk into a folder of the file. `sound` returns the bytes of a recording.

    `folder` ends with a slash, or is empty. A recording without bytes is left out.
    """
    shape: Json = {**representations.conversation(stored)}
    # It says where the server keeps them.
    del shape["storage"]
    sounds: dict[str, str] = {}
    for number, (row, message) in enumerate(zip(stored.messages, shape["messages"], strict=True), 1):
        recording = stored.recordings.get(row.audio_key)
        if recording and (data := sound(recording)) is not None:
            file_name = f"{number:04}-{row.role}.{EXTENSIONS.get(recording.content_type, 'webm')}"
            file.writestr(f"{folder}{file_name}", data, zipfile.ZIP_STORED)
            sounds[row.wire_id] = message["audioFile"] = file_name
    file.writestr(f"{folder}conversation.json", pretty(shape))
    file.writestr(f"{folder}conversation.md", talk_markdown.of(stored, sounds))
    file.writestr(f"{folder}conversation.srt", subtitles.of(stored))


def pretty(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)


def _sound(recording: Recording) -> bytes | None:
    try:
        return recordings.read(recording)
    # Lost on the server.
    except FileNotFoundError:
        return None
