"""The verbs of audio, all that the rest of the code calls: `keep`, `url`, `read`, `remove`."""

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.utils import timezone

from audio.encoding import Clip
from audio.models import Recording

EXTENSIONS = {"audio/webm": "webm", "audio/mpeg": "mp3"}
SPEAKERS = {"user": "user", "assistant": "ai"}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose voice it is: the rows it belongs to, by their keys, and the role of who speaks ("user" or "assistant")."""

    learner: uuid.UUID
    conversation: uuid.UUID
    message: uuid.UUID
    role: str


def keep(owner: Owner, clip: Clip, *, at: datetime | None = None) -> Recording:
    """Keep a voice; durable when this returns. The same bytes for the same message are kept once.

    Raises OSError if the storage cannot be written.
    """
    at = at or timezone.now()
    digest = hashlib.sha256(clip.data).hexdigest()
    row = uuid.uuid5(owner.message, digest)
    if (kept := Recording.objects.using("local").filter(pk=row).first()) and _storage(kept).exists(kept.key):
        return kept
    key = kept.key if kept else _new_key(owner, clip, at)
    storages["audio_local"].save(key, ContentFile(clip.data))
    recording = Recording(
        id=row,
        learner=owner.learner,
        conversation=owner.conversation,
        message=owner.message,
        key=key,
        content_type=clip.content_type,
        size=len(clip.data),
        duration=clip.duration,
        sha256=digest,
        created_at=at,
    )
    Recording.objects.using("local").bulk_create(
        [recording],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["learner", "size", "duration", "sha256"],
    )
    recording = Recording.objects.using("local").get(pk=row)
    if recording.key != key:  # somebody kept the same bytes at the same moment, and was first
        storages["audio_local"].delete(key)
    return recording


def of(keys: Iterable[str], *, learner: uuid.UUID | None = None) -> dict[str, Recording]:
    """The recordings behind these keys, by key; with `learner`, only that learner's own."""
    rows = Recording.objects.using("local").filter(key__in=list(keys))
    if learner is not None:
        rows = rows.filter(learner=learner)
    return {row.key: row for row in rows}


def url(recording: Recording) -> str:
    """A link to the bytes that expires after AUDIO_URL_EXPIRY seconds."""
    return _storage(recording).url(recording.key)


def read(recording: Recording) -> bytes:
    """The bytes. Raises FileNotFoundError."""
    with _storage(recording).open(recording.key) as file:
        return file.read()


def remove(recordings: Iterable[Recording]) -> None:
    """Remove bytes, then rows: what is interrupted half-way is done by the next call."""
    for recording in recordings:
        _storage(recording).delete(recording.key)
        recording.delete(using="local")


def _storage(recording: Recording) -> Storage:
    return storages["audio_local"]


def _new_key(owner: Owner, clip: Clip, at: datetime) -> str:
    # The shape of keys that exist, `audio/<ms>-<conversation>-<message>-user.webm`, with a part that nobody can guess.
    stamp, token = int(at.timestamp() * 1000), secrets.token_hex(8)
    speaker, extension = SPEAKERS[owner.role], EXTENSIONS[clip.content_type]
    return f"audio/{stamp}-{owner.conversation.hex}-{owner.message.hex}{token}-{speaker}.{extension}"
