"""Limit the recordings that one learner may keep, and keep a part of the disk free for all others.

The sum of a learner's recordings is counted once and then cached, so no turn waits for a sum over thousands of rows.
"""

import contextlib
import shutil
import uuid
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import storages
from django.db.models import Sum

from audio.models import Recording
from core import cloud, site_limits
from core.cloud import LOCAL
from core.counts import MB

# Seconds that a sum stays in the cache.
KEPT = 3600
# Seconds between two recounts for a learner who is refused.
RECOUNTED = 60
# With less than the reserve free, small recordings are still kept for learners who keep little. Bytes, and a share of the quota.
SMALL, LITTLE = MB, 0.1
FULL = (
    "Your storage here is full: {used} MB of sound are kept, and {limit} MB may be. Delete conversations that you do not need; "
    "ten minutes later there is room again."
)
DISK_FULL = (
    "The server's disk is nearly full, and what is left is for talks. This was not kept. Try again later, or send less."
)


class QuotaExceeded(Exception):
    """Report that there is no room for a recording. The message says what is full and what to do. Nothing was kept."""


def reserve(learner: uuid.UUID, size: int) -> None:
    """Count `size` more bytes for the learner. Raise QuotaExceeded if the sum would exceed LEARNER_QUOTA_MB."""
    if _add(learner, size):
        return
    if cache.add(f"recounted:{learner}", True, RECOUNTED):
        # The cached sum still holds deleted recordings and those sent twice. Count again.
        forget(learner)
        if _add(learner, size):
            return
    raise QuotaExceeded(FULL.format(used=round(used(learner) / MB), limit=site_limits.value("LEARNER_QUOTA_MB")))


def require_disk(learner: uuid.UUID, size: int) -> None:
    """Raise QuotaExceeded if DISK_RESERVE_MB would not stay free, unless the learner keeps little and adds little."""
    if is_disk_short(size) and (size > SMALL or used(learner) > LITTLE * site_limits.value("LEARNER_QUOTA_MB") * MB):
        raise QuotaExceeded(DISK_FULL)


def require_room_for_body(size: int) -> None:
    """Raise QuotaExceeded for a large body that would be kept on this machine while DISK_RESERVE_MB is not free."""
    if size > SMALL and not (cloud.database.usable and cloud.bucket.usable) and is_disk_short(size):
        raise QuotaExceeded(DISK_FULL)


def is_disk_short(size: int) -> bool:
    """Return whether less than DISK_RESERVE_MB would be free with `size` more bytes."""
    folder = Path(storages["audio_local"].path(""))
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free - size < settings.DISK_RESERVE_MB * MB


def used(learner: uuid.UUID) -> int:
    """Return the bytes of the learner's recordings, as far as they can be counted."""
    if (known := cache.get(_key(learner))) is not None:
        return int(known)
    total, is_complete = _sum(LOCAL, learner), not cloud.database.on
    if cloud.database.on:
        with contextlib.suppress(cloud.Unavailable), cloud.database.use():
            total += _sum(settings.CLOUD_DATABASE, learner)
            is_complete = True
    if is_complete:
        cache.add(_key(learner), total, KEPT)
    return total


def forget(learner: uuid.UUID) -> None:
    """Drop the cached sum after recordings were removed, so that the next call counts again."""
    cache.delete(_key(learner))


def _add(learner: uuid.UUID, size: int) -> bool:
    """Add to the learner's sum. Return False without adding if it would be too large."""
    before = used(learner)
    try:
        total = cache.incr(_key(learner), size)
    except ValueError:
        return before + size <= site_limits.value("LEARNER_QUOTA_MB") * MB
    if total <= site_limits.value("LEARNER_QUOTA_MB") * MB:
        return True
    with contextlib.suppress(ValueError):
        cache.decr(_key(learner), size)
    return False


def _sum(using: str, learner: uuid.UUID) -> int:
    found = Recording.objects.using(using).filter(learner=learner).order_by().aggregate(size=Sum("size"))
    return int(found["size"] or 0)


def _key(learner: uuid.UUID) -> str:
    return f"stored:{learner}"
