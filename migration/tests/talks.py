"""Put one learner's talks into a store as rows and files, and look them up there."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from audio.models import Recording
from conversations.models import Conversation, Message
from migration import stores
from migration.copying import Copying, Progress
from migration.run_options import RunOptions

LEARNER = uuid.uuid4()
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def talk(
    words: str = "hello",
    *,
    learner: uuid.UUID = LEARNER,
    at: datetime = AT,
    key: uuid.UUID | None = None,
    using: str = "local",
    storage: str = "audio_local",
) -> Recording:
    """Create a conversation with one message and its recording."""
    key = key or uuid.uuid4()
    stamps = {"learner": learner, "created_at": at, "updated_at": at, "timestamp": at}
    Conversation.objects.using(using).create(id=key, wire_id=str(key), title=words, **stamps)
    message = uuid.uuid5(key, "first")
    row = recording(message, words.encode(), learner=learner, conversation=key, at=at, using=using, storage=storage)
    Message.objects.using(using).create(
        id=message,
        conversation_id=key,
        wire_id="first",
        role="user",
        content=words,
        audio_key=row.key,
        **stamps,
    )
    return row


def recording(
    message: uuid.UUID,
    data: bytes,
    *,
    learner: uuid.UUID = LEARNER,
    conversation: uuid.UUID,
    at: datetime = AT,
    using: str = "local",
    storage: str = "audio_local",
) -> Recording:
    digest = hashlib.sha256(data).hexdigest()
    row = Recording(
        id=uuid.uuid5(message, digest),
        learner=learner,
        conversation=conversation,
        message=message,
        key=f"audio/{uuid.uuid4().hex}-user.webm",
        place=Recording.Place.CLOUD if storage == "audio_cloud" else Recording.Place.LOCAL,
        content_type="audio/webm",
        size=len(data),
        duration=1.0,
        sha256=digest,
        created_at=at,
    )
    row.save(using=using, force_insert=True)
    storages[storage].save(row.key, ContentFile(data))
    return row


def copied(source: str = "local", destination: str = "cloud", **options: Any) -> Progress:
    return copying(source, destination, **options).run()


def copying(source: str = "local", destination: str = "cloud", **options: Any) -> Copying:
    return Copying(stores.named(source), stores.named(destination), RunOptions(**options))


def titles(using: str) -> set[str]:
    return set(Conversation.objects.using(using).values_list("title", flat=True))


def keys(using: str) -> set[str]:
    return set(Recording.objects.using(using).values_list("key", flat=True))


def file_of(row: Recording, storage: str = "audio_local") -> Path:
    return Path(storages[storage].path(row.key))


def later(seconds: float = 60) -> datetime:
    return AT + timedelta(seconds=seconds)
