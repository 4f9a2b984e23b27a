"""Let a learner say that a correction was wrong, and take that back.

The correction in the message gets a field, so it is kept, exported, erased and merged as the message is. The card leaves
the reviews. Operators see the report in the admin.
"""

import uuid

from django.utils import timezone

from conversations import lookup, store
from conversations.merging import stamp_of
from learning import projection
from learning.models import Card, Occurrence


def report(learner: uuid.UUID, card: uuid.UUID) -> Card | None:
    """Report the correction of a card's latest mistake as wrong. Return the card, or None if there is none.

    Raises cloud.Unavailable, store.OutOfReach, store.WriteConflict.
    """
    projection.refresh(learner)
    with lookup.reaching() as using:
        row = Card.objects.using(using).filter(learner=learner, pk=card).first()
        latest = (
            Occurrence.objects.using(using).filter(
                learner=learner, card=card, message=row.message, number=row.number, kind=Occurrence.Kind.MISTAKE
            )
            if row
            else None
        )
        marked = list(latest or ())
    _mark(learner, marked, disputed=True)
    return _refreshed(learner, card)


def withdraw(learner: uuid.UUID, card: uuid.UUID) -> Card | None:
    """Take a report back. Raises as `report` does."""
    projection.refresh(learner)
    with lookup.reaching() as using:
        table = Occurrence.objects.using(using).filter(learner=learner, card=card)
        marked = list(table.exclude(reported_at=None))
    _mark(learner, marked, disputed=False)
    return _refreshed(learner, card)


def _mark(learner: uuid.UUID, mistakes: list[Occurrence], *, disputed: bool) -> None:
    stamp = stamp_of(timezone.now()) if disputed else None
    for each in mistakes:
        store.dispute(learner, each.conversation, each.message, each.number, stamp)


def _refreshed(learner: uuid.UUID, card: uuid.UUID) -> Card | None:
    projection.refresh(learner)
    with lookup.reaching() as using:
        return Card.objects.using(using).filter(learner=learner, pk=card).first()
