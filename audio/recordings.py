"""Keep, find, link, read and remove recordings. All other code uses these functions.

The bytes are in the bucket or in local storage, and the row of the Recording says where (`place`). Rows whose bytes
wait for the bucket stay in the local database. The others are in the cloud's database, or wait for it locally.
"""

import contextlib
import hashlib
import logging
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from audio import quota, uploads
from audio.encoding import Clip
from audio.models import Recording
from audio.storages import ChecksumMismatch
from core import cloud, metrics
from core.absolute_links import absolute
from core.cloud import LOCAL

if TYPE_CHECKING:
    from audio.s3 import S3AudioStorage

EXTENSIONS = {"audio/webm": "webm", "audio/mpeg": "mp3"}
SPEAKERS = {"user": "user", "assistant": "ai"}
PLACES = {Recording.Place.LOCAL: "audio_local", Recording.Place.CLOUD: "audio_cloud"}

logger = logging.getLogger(__name__)
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="bucket")


@dataclass(frozen=True, slots=True)
class Owner:
    """Hold the keys of the rows that a recording belongs to, and the speaker's role ("user" or "assistant")."""

    learner: uuid.UUID
    conversation: uuid.UUID
    message: uuid.UUID
    role: str


@dataclass(frozen=True, slots=True)
class Voice:
    """Hold a recording to be kept."""

    owner: Owner
    clip: Clip
    at: datetime


def keep(owner: Owner, clip: Clip, *, at: datetime | None = None) -> Recording:
    """Keep a recording. It is durable on return. The same bytes for the same message are kept once.

    Raises OSError if neither the bucket nor the local storage can be written, quota.QuotaExceeded if there is no room for it.
    """
    return keep_all([Voice(owner, clip, at or timezone.now())])[0]


def keep_all(voices: Sequence[Voice]) -> list[Recording]:
    """Keep many recordings of one learner as `keep` does, uploading them in parallel. Raises quota.QuotaExceeded."""
    rows = [_row(voice) for voice in voices]
    _reserve(rows)
    with uploads.noted([row.key for row in rows]):
        stored = _put_in_bucket([(row, voice.clip.data) for row, voice in zip(rows, voices, strict=True)])
        for row, voice in zip(rows, voices, strict=True):
            if row.key not in stored:
                row.place = Recording.Place.LOCAL
                quota.require_disk(row.learner, row.size)
                with metrics.sheltered():
                    storages["audio_local"].save(row.key, ContentFile(voice.clip.data))
        return [_insert(row, voice.clip.data) for row, voice in zip(rows, voices, strict=True)]


def of(keys: Iterable[str], *, learner: uuid.UUID | None = None) -> dict[str, Recording]:
    """Return the recordings with these keys, by key. With `learner`, return only that learner's own."""
    wanted = {"key__in": list(keys)} | ({} if learner is None else {"learner": learner})
    return {row.key: row for row in _everywhere(wanted)}


def with_id(key: uuid.UUID) -> Recording | None:
    """Return the recording with this primary key from either database."""
    return next(iter(_everywhere({"pk": key})), None)


def of_conversations(conversations: Iterable[uuid.UUID]) -> dict[str, Recording]:
    """Return all recordings of these conversations, by key."""
    return {row.key: row for row in _everywhere({"conversation__in": list(conversations)})}


def url(recording: Recording) -> str:
    """Return a link to the bytes that expires after AUDIO_URL_EXPIRY seconds.

    Return an empty string if they are in a bucket that is no longer configured. Signing needs no server, so it works
    while the bucket is down.
    """
    if recording.place == Recording.Place.CLOUD and "audio_cloud" not in settings.STORAGES:
        return ""
    return _storage(recording).url(recording.key)


def link(recording: Recording) -> str:
    """Return `url` as an absolute link, for clients of the API."""
    return absolute(url(recording))


def read(recording: Recording) -> bytes:
    """Return the bytes. Raises FileNotFoundError, cloud.Unavailable."""
    guard = cloud.bucket.use() if recording.place == Recording.Place.CLOUD else contextlib.nullcontext()
    with guard, _storage(recording).open(recording.key) as file:
        return file.read()


def content_type_of(key: str) -> str:
    return next((kind for kind, extension in EXTENSIONS.items() if key.endswith(f".{extension}")), "audio/webm")


def remove(recordings: Iterable[Recording]) -> None:
    """Remove first the bytes, then the rows, so that a repeated call finishes an interrupted one.

    Raises OSError, cloud.Unavailable.
    """
    for recording in recordings:
        if recording.place == Recording.Place.CLOUD or cloud.bucket.on:
            # Local bytes may be in the bucket, too: an upload that was given up may have arrived all the same.
            with cloud.bucket.use():
                storages["audio_cloud"].delete(recording.key)
        storages["audio_local"].delete(recording.key)
        # While a row moves, it may be in either database, and a row that stayed behind would have no bytes. The local
        # row goes first: if the cloud cannot be reached, the next call finds the row there.
        same = {"pk": recording.pk, "key": recording.key}
        Recording.objects.using(LOCAL).filter(**same).delete()
        if recording._state.db != LOCAL or cloud.database.usable:
            with cloud.database.use():
                Recording.objects.using(settings.CLOUD_DATABASE).filter(**same).delete()
        quota.forget(recording.learner)


def hand_over(owners: Mapping[str, Owner], source: uuid.UUID) -> None:
    """Give recordings of the learner `source`, by key, to other rows. The bytes stay where they are.

    Raises cloud.Unavailable. A repeated call finishes an interrupted one. A row must not move between the databases
    meanwhile.
    """
    for using in {LOCAL, settings.CLOUD_DATABASE} if cloud.database.on else {LOCAL}:
        with cloud.database.use() if using != LOCAL else contextlib.nullcontext():
            table = Recording.objects.using(using).filter(learner=source)
            for key, owner in owners.items():
                new = {"learner": owner.learner, "conversation": owner.conversation, "message": owner.message}
                table.filter(key=key).update(**new)
    for learner in {source, *(owner.learner for owner in owners.values())}:
        quota.forget(learner)


def probe() -> None:
    """Prove that the bucket can be written and read. Raises OSError."""
    _bucket().probe()


def database_for(place: str) -> str:
    """Return the alias for a recording's row. A row stays local while its bytes wait for the bucket."""
    waits = place == Recording.Place.LOCAL and cloud.bucket.on
    return settings.CLOUD_DATABASE if cloud.database.usable and not waits else LOCAL


def _row(voice: Voice) -> Recording:
    owner, clip = voice.owner, voice.clip
    digest = hashlib.sha256(clip.data).hexdigest()
    # Keep the form of existing keys, `audio/<ms>-<conversation>-<message>-user.webm`, with a part that cannot be
    # guessed.
    stamp, token = int(voice.at.timestamp() * 1000), secrets.token_hex(8)
    speaker, extension = SPEAKERS[owner.role], EXTENSIONS[clip.content_type]
    return Recording(
        id=uuid.uuid5(owner.message, digest),
        learner=owner.learner,
        conversation=owner.conversation,
        message=owner.message,
        key=f"audio/{stamp}-{owner.conversation.hex}-{owner.message.hex}{token}-{speaker}.{extension}",
        place=Recording.Place.CLOUD,
        content_type=clip.content_type,
        size=len(clip.data),
        duration=clip.duration,
        sha256=digest,
        created_at=voice.at,
    )


def _reserve(rows: Sequence[Recording]) -> None:
    if not rows:
        return
    try:
        quota.reserve(rows[0].learner, sum(row.size for row in rows))
    except quota.QuotaExceeded:
        there = {row.pk for row in _everywhere({"pk__in": [row.pk for row in rows]})}
        if not there:
            raise
        # Recordings that exist already are kept once and need no room.
        quota.reserve(rows[0].learner, sum(row.size for row in rows if row.pk not in there))


def _put_in_bucket(rows: Sequence[tuple[Recording, bytes]]) -> set[str]:
    """Upload to the bucket and return the keys that are durable there. Return none if the bucket is off or down."""
    stored: set[str] = set()

    def put(row: Recording, data: bytes) -> None:
        try:
            _bucket().put(row.key, data, row.content_type, row.sha256)
        except ChecksumMismatch:
            logger.exception("%s did not arrive in the bucket as it was sent; it is kept locally.", row.key)
        else:
            stored.add(row.key)

    with contextlib.suppress(cloud.Unavailable), cloud.bucket.use():
        if len(rows) == 1:
            put(*rows[0])
        # Each thread gets a copy of the context, which holds the request's deadline.
        else:
            uploads = [_threads.submit(copy_context().run, put, row, data) for row, data in rows]
            for upload in wait(uploads).done:
                upload.result()
    return stored


def _insert(row: Recording, data: bytes) -> Recording:
    """Insert the row and return it. If the message already has the same bytes, return the first row."""
    using = database_for(row.place)
    if using != LOCAL:
        try:
            with cloud.database.use():
                return _insert_into(using, row, data)
        except cloud.Unavailable:
            pass
    with metrics.sheltered():
        return _insert_into(LOCAL, row, data)


def _insert_into(using: str, row: Recording, data: bytes) -> Recording:
    try:
        with transaction.atomic(using=using):
            row.save(using=using, force_insert=True)
        return row
    except IntegrityError:
        first = Recording.objects.using(using).get(pk=row.pk)
    if first.place == Recording.Place.LOCAL and not storages["audio_local"].exists(first.key):
        # The first row's bytes were lost. These are the same.
        storages["audio_local"].save(first.key, ContentFile(data))
    if first.place == Recording.Place.CLOUD:
        is_held = False
        with contextlib.suppress(cloud.Unavailable), cloud.bucket.use():
            is_held = storages["audio_cloud"].exists(first.key)
        if not is_held:
            # The object is being removed, or the bucket cannot be asked.
            return insert_beside(using, row)
    # The same bytes are kept under the first row's key.
    if row.place == Recording.Place.LOCAL:
        storages["audio_local"].delete(row.key)
    else:
        with contextlib.suppress(cloud.Unavailable), cloud.bucket.use():
            storages["audio_cloud"].delete(row.key)
    return first


def insert_beside(using: str, row: Recording) -> Recording:
    """Insert a row whose primary key exists with another object key. Messages may name either, so both rows stay."""
    row.pk = uuid.uuid5(row.message, row.key)
    row.save(using=using, force_insert=True)
    return row


def _everywhere(wanted: Mapping[str, object]) -> list[Recording]:
    if not all(wanted.values()):
        return []
    found: dict[uuid.UUID, Recording] = {}
    # Read the local database first: a row that moves meanwhile is then seen twice instead of missed. Of two rows, take
    # the cloud's, whose bytes have moved. Nearly always it has none, and one plain query tells.
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM audio_recording)")
        (has_local_rows,) = cursor.fetchone()
    if has_local_rows:
        found = {row.pk: row for row in Recording.objects.using(LOCAL).filter(**wanted).order_by()}
    with contextlib.suppress(cloud.Unavailable), cloud.database.use():
        there = Recording.objects.using(settings.CLOUD_DATABASE).filter(**wanted).order_by()
        found |= {row.pk: row for row in there}
    return list(found.values())


def _storage(recording: Recording) -> Storage:
    return storages[PLACES[Recording.Place(recording.place)]]


def _bucket() -> "S3AudioStorage":
    return cast("S3AudioStorage", storages["audio_cloud"])
