"""Keep what each learner has chosen: whether recordings are kept, for how long talks are kept, and a goal.

The choices are in the database of conversations. While that is down, a choice waits in the local database, and moves later. Of
each column, the value that was set last counts. So a choice is taken at any time, and no choice waits for an outage to end.

A server remembers what it has read for KNOWN_FOR seconds, and in an outage for longer. While it knows nothing of a learner and
the database is down, it keeps recordings. Clients that must rule this out say so with each talk and each turn, as our page does.
Recordings that were made all the same are erased when the database is back (`migration.retention`).
"""

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import caches
from django.db import IntegrityError

from conversations.changes import now_after
from conversations.lookup import reaching
from conversations.merging import NEVER, stamp_of
from conversations.models import Columns, LearnerPreferences
from core import cloud
from core.cloud import LOCAL
from core.json_types import Json

# Days that a learner may choose.
RETENTION_CHOICES = (7, 30, 90, 365)
# Seconds. Other servers know of a new choice after this time at the latest.
KNOWN_FOR = 60
# Seconds that the last known choices are remembered for an outage.
REMEMBERED_FOR = 24 * 3600
TRIES = 10


@dataclass(frozen=True, slots=True)
class Known:
    """Hold choices that were read from the database, and until when they count as current, in seconds since 1970."""

    chosen: LearnerPreferences
    until: float


def of(learner: uuid.UUID) -> LearnerPreferences:
    """Return the learner's choices, the defaults if there are none. While the database is down, some may be unknown."""
    known: Known | None = caches["memory"].get(_key(learner))
    if known and time.time() < known.until:
        return known.chosen
    with suppress(cloud.Unavailable):
        return _read(learner)
    return _with_waiting(learner, known.chosen if known else _none(learner))


def exported(learner: uuid.UUID) -> list[Json]:
    """Return the learner's choices for an export."""
    chosen = of(learner)
    refused = chosen.audio_refused_at.isoformat() if chosen.audio_refused_at else None
    return [{"audio_refused_at": refused, "retention_days": chosen.retention_days, "goal": chosen.goal}]


def choose(learner: uuid.UUID, **columns: object) -> LearnerPreferences:
    """Set columns of the learner's choices, and return all choices. Durable on return. Raises OSError."""
    # Later than what is known, even if the clock of another server is ahead.
    moment = now_after(after=of(learner).updated_at)
    chosen = _none(learner)
    for name, value in columns.items():
        setattr(chosen, name, value)
    chosen.stamps, chosen.updated_at = dict.fromkeys(columns, stamp_of(moment)), moment
    try:
        with reaching() as using:
            write(using, chosen)
        return _read(learner)
    except cloud.Unavailable:
        write(LOCAL, chosen)
    if known := caches["memory"].get(_key(learner)):
        caches["memory"].set(_key(learner), Known(known.chosen, until=0), REMEMBERED_FOR)
    return of(learner)


def adopt(learner: uuid.UUID, other: uuid.UUID) -> None:
    """Take over a refusal of recordings and a goal of the other learner, whose conversations are merged. Raises OSError.

    A shorter retention is not adopted: it would erase older conversations of the learner.
    """
    own, others = of(learner), of(other)
    if others.audio_refused_at and own.keeps_audio:
        choose(learner, audio_refused_at=others.audio_refused_at)
    if others.goal and not own.goal:
        choose(learner, goal=others.goal)


def write(using: str, chosen: LearnerPreferences) -> None:
    """Merge these choices into the row of this database. Raises OSError if other writers keep changing it."""
    table = LearnerPreferences.objects.using(using)
    for _ in range(TRIES):
        if (row := table.filter(pk=chosen.pk).first()) is None:
            try:
                table.bulk_create([chosen])
            # Another writer inserted it first.
            except IntegrityError:
                continue
            return
        seen = row.updated_at
        if not (columns := _merge(row, chosen)):
            return
        row.updated_at = now_after(after=seen)
        if table.filter(pk=row.pk, updated_at=seen).update(**columns, stamps=row.stamps, updated_at=row.updated_at):
            return
    raise OSError("Others keep changing the same learner's preferences.")


def move_pending() -> None:
    """Move the choices that wait in the local database to the cloud's. Raises cloud.Unavailable."""
    if not cloud.database.usable:
        return
    for row in LearnerPreferences.objects.using(LOCAL).all():
        with cloud.database.use():
            write(settings.CLOUD_DATABASE, row)
        LearnerPreferences.objects.using(LOCAL).filter(pk=row.pk, updated_at=row.updated_at).delete()


def copy(source: str, destination: str, learner: uuid.UUID | None = None) -> None:
    """Copy choices from one database to another, of all learners or of one. Raises OSError."""
    rows = LearnerPreferences.objects.using(source).order_by("pk")
    for row in rows.filter(pk=learner) if learner else rows:
        write(destination, row)


def audio_was_erased(chosen: LearnerPreferences) -> None:
    """Note that the recordings that the learner wanted to be erased are gone, unless more are to be erased by now.

    Raises cloud.Unavailable.
    """
    with reaching() as using:
        same = {"pk": chosen.pk, "erase_audio_before": chosen.erase_audio_before}
        LearnerPreferences.objects.using(using).filter(**same).update(erase_audio_before=None)
        _read(chosen.pk)


def retention_days(chosen: LearnerPreferences) -> tuple[int | None, int | None]:
    """Return for how many days a learner's conversations are kept, and their recordings. None: until they are deleted."""
    words = _shortest(settings.RETENTION_DAYS, chosen.retention_days)
    return words, _shortest(settings.AUDIO_RETENTION_DAYS, words)


def kept_until(newest: datetime, learner: uuid.UUID) -> datetime | None:
    """Return until when a conversation is kept whose newest message is from `newest`. None: until it is deleted."""
    days, _ = retention_days(of(learner))
    return newest + timedelta(days=days) if days else None


def _shortest(*days: int | None) -> int | None:
    return min(filter(None, days), default=None)


def _read(learner: uuid.UUID) -> LearnerPreferences:
    """Read the learner's choices from the database, and remember them. Raises cloud.Unavailable."""
    with reaching() as using:
        far = LearnerPreferences.objects.using(using).filter(pk=learner).first()
    found = _with_waiting(learner, far or _none(learner))
    # A reader that was overtaken by a writer must not replace what the writer remembers.
    known: Known | None = caches["memory"].get(_key(learner))
    if not known or known.until < time.time() or known.chosen.updated_at <= found.updated_at:
        caches["memory"].set(_key(learner), Known(found, time.time() + KNOWN_FOR), REMEMBERED_FOR)
    return found


def _with_waiting(learner: uuid.UUID, chosen: LearnerPreferences) -> LearnerPreferences:
    """Add the choices that wait in the local database."""
    if cloud.database.on and (near := LearnerPreferences.objects.using(LOCAL).filter(pk=learner).first()):
        _merge(chosen, near)
    return chosen


def _none(learner: uuid.UUID) -> LearnerPreferences:
    return LearnerPreferences(learner=learner, stamps={}, updated_at=NEVER)


def _merge(row: LearnerPreferences, later: LearnerPreferences) -> Columns:
    """Set the columns that `later` has set later, and return them."""
    names = [name for name in row.CHOSEN if later.stamps.get(name, 0) > row.stamps.get(name, 0)]
    columns = {name: getattr(later, name) for name in names}
    for name, value in columns.items():
        setattr(row, name, value)
    row.stamps = row.stamps | {name: later.stamps[name] for name in names}
    return columns


def _key(learner: uuid.UUID) -> str:
    return f"preferences:{learner}"
