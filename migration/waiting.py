"""Find what waits in the local database for the cloud."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet, Sum

from audio.models import Recording
from conversations import outbox
from conversations.models import Conversation, LastClear
from core import cloud
from core.cloud import LOCAL


@dataclass(frozen=True, slots=True)
class PendingCounts:
    conversations: int
    recordings: int
    bytes: int


def counts() -> PendingCounts:
    """Count what waits, whether or not it can be moved now."""
    if not (cloud.database.on or cloud.bucket.on):
        return PendingCounts(0, 0, 0)
    conversations = 0
    if cloud.database.on:
        changed = outbox.pending().filter(conversation__isnull=False).order_by()
        conversations = changed.values("conversation").distinct().count()
        conversations += Conversation.objects.using(LOCAL).exclude(pk__in=changed.values("conversation")).count()
        # Each may concern many conversations. How many is not known here.
        conversations += outbox.pending().filter(conversation=None).count() + LastClear.objects.using(LOCAL).count()
    waiting = recordings(can_move_now=False)
    size = waiting.filter(place=Recording.Place.LOCAL).aggregate(size=Sum("size"))["size"] if cloud.bucket.on else 0
    return PendingCounts(conversations, waiting.count(), size or 0)


def recordings(*, can_move_now: bool = True) -> QuerySet[Recording]:
    """Return the recordings whose bytes wait for the bucket, or whose rows wait for the database.

    With `can_move_now`, only those that wait for a half of the cloud that is usable now.
    """
    database = cloud.database.usable if can_move_now else cloud.database.on
    bucket = cloud.bucket.usable if can_move_now else cloud.bucket.on
    wait_for_bucket = Q(place=Recording.Place.LOCAL) if cloud.bucket.on else Q(pk__in=[])
    waiting = Q(pk__in=[])
    if bucket:
        waiting |= wait_for_bucket
    if database:
        waiting |= ~wait_for_bucket
    return Recording.objects.using(LOCAL).filter(waiting)


def can_move() -> bool:
    """Return whether there is anything that can be moved now."""
    database_takes = cloud.database.usable or not cloud.database.on
    if database_takes and outbox.pending().exists():
        return True
    if cloud.database.usable and any(table.objects.using(LOCAL).exists() for table in (Conversation, LastClear)):
        return True
    return (cloud.database.usable or cloud.bucket.usable) and recordings().exists()
