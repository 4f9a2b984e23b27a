"""Sum up what is kept of a learner."""

import contextlib
import uuid

from django.conf import settings
from django.db.models import Count, Q, Sum

from audio import quota
from audio.models import Recording
from conversations import lookup, outbox
from conversations.models import Conversation
from core import cloud
from core.cloud import LOCAL
from core.counts import MB
from core.json_types import Json


def kept(learner: uuid.UUID) -> Json:
    """Count talks, recordings, bytes, and minutes of the learner's own voice.

    While the cloud's database is down, only what the local database has is counted.
    """
    waiting = set(outbox.keys(outbox.pending().filter(learner=learner)))
    found = _recordings(LOCAL, learner)
    conversations = lookup.alive(LOCAL, learner).filter(lookup.IS_TALK).exclude(pk__in=waiting).count()
    if cloud.database.on:
        with contextlib.suppress(cloud.Unavailable), cloud.database.use():
            using = settings.CLOUD_DATABASE
            conversations += lookup.alive(using, learner).filter(lookup.IS_TALK).count()
            waiting -= set(Conversation.objects.using(using).filter(pk__in=waiting).values_list("pk", flat=True))
            found = [here + there for here, there in zip(found, _recordings(using, learner), strict=True)]
    recordings, seconds = found
    return {
        "conversations": conversations + len(waiting),
        "recordings": int(recordings),
        "bytes": quota.used(learner),
        "bytesLimit": settings.LEARNER_QUOTA_MB * MB,
        "minutes": round(seconds / 60, 1),
    }


def _recordings(using: str, learner: uuid.UUID) -> list[float]:
    """Return the number of recordings, and the seconds of those with the learner's own voice."""
    own = Q(key__contains="-user.")
    found = Recording.objects.using(using).filter(learner=learner).order_by()
    summed = found.aggregate(count=Count("pk"), seconds=Sum("duration", filter=own))
    return [summed["count"] or 0, summed["seconds"] or 0.0]
