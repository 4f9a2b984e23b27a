"""Erase conversations and recordings whose time is over, by the rules of the site or the choice of their learner.

`rules` says what is due now, and `pruning` deletes it in the cloud, on this machine, and in the outbox. While a half of the cloud
is down, nothing is deleted. The next run after its return deletes all of it.
"""

import os
import socket
import uuid
from collections.abc import Generator, Iterator, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, Q
from django.utils import timezone

from audio.models import Recording
from conversations import preferences, store
from conversations.changes import TICK
from conversations.lookup import reaching
from conversations.merging import stamp_of
from conversations.models import LearnerPreferences
from core.batches import batches
from migration import pruning
from migration.models import claim, release
from migration.pruning import LOOKED_AT_ONCE, Pruned, PruneOptions

WORK = "retention"


def steps(*, by_rules: bool) -> Generator[Pruned, None, None]:
    """Delete the recordings that learners have asked to erase and, `by_rules`, all that is due. Yield the counts of each batch.

    The caller may end it after each batch. Deletes nothing while another process does so. Raises pruning.Down while a half of the
    cloud is down, OSError, DatabaseError, cloud.Unavailable.
    """
    pruning.require_up()
    preferences.move_pending()
    asked = erasures()
    holder = f"{socket.gethostname()}:{os.getpid()}"
    if not (asked or by_rules) or not claim(WORK, holder, using="default"):
        return
    try:
        for chosen, erasure in asked:
            yield from _pruned(erasure, holder)
            preferences.audio_was_erased(chosen)
        for rule in rules(timezone.now()) if by_rules else ():
            yield from _pruned(rule, holder)
    finally:
        release(WORK, holder, using="default")


def _pruned(options: PruneOptions, holder: str) -> Iterator[Pruned]:
    for batch in pruning.prune(options):
        claim(WORK, holder, using="default")
        yield batch


def erasures() -> list[tuple[LearnerPreferences, PruneOptions]]:
    """Return the learners who have asked to erase their recordings, each with the recordings to delete."""
    return [
        (each, PruneOptions(each.erase_audio_before, [each.pk], audio_only=True))
        for each in _chosen(Q(erase_audio_before__isnull=False))
        if each.erase_audio_before
    ]


def rules(now: datetime) -> Iterator[PruneOptions]:
    """Yield what is due: by the settings of the site, and by what learners have chosen."""
    if days := settings.RETENTION_DAYS:
        yield PruneOptions(now - timedelta(days=days))
    if days := settings.AUDIO_RETENTION_DAYS:
        yield PruneOptions(now - timedelta(days=days), audio_only=True)
    by_days: dict[int, list[uuid.UUID]] = {}
    for each in _chosen(Q(retention_days__isnull=False)):
        # A choice can be undone for as long as a deletion.
        if each.retention_days and each.stamps.get("retention_days", 0) <= stamp_of(now - store.UNDO):
            by_days.setdefault(each.retention_days, []).append(each.pk)
    for days, learners in sorted(by_days.items()):
        for mine in batches(learners, LOOKED_AT_ONCE):
            yield PruneOptions(now - timedelta(days=days), mine)
    for some in batches(_chosen(Q(audio_refused_at__isnull=False)), LOOKED_AT_ONCE):
        newest = _newest_recordings([each.pk for each in some])
        for each in some:
            # A server that could not know of the refusal has kept a recording.
            if each.audio_refused_at and each.pk in newest and newest[each.pk] >= each.audio_refused_at:
                yield PruneOptions(now + TICK, [each.pk], audio_only=True, since=each.audio_refused_at)


def _chosen(wanted: Q) -> list[LearnerPreferences]:
    with reaching() as using:
        return list(LearnerPreferences.objects.using(using).filter(wanted).order_by("pk"))


def _newest_recordings(learners: Sequence[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """Return when the newest recording of each of these learners was made, of those who have any."""
    found: dict[uuid.UUID, datetime] = {}
    for using in pruning.databases():
        rows = Recording.objects.using(using).filter(learner__in=learners).order_by()
        with pruning.reaching(using):
            for learner, newest in rows.values_list("learner").annotate(newest=Max("created_at")):
                found[learner] = max(newest, found.get(learner, newest))
    return found
