"""Select the rows that a run copies, and form batches."""

import uuid
from collections.abc import Iterable, Iterator
from typing import TypeVar

from django.db.models import Model, QuerySet, Sum

from audio.models import Recording
from conversations import outbox
from conversations.models import Conversation, LastClear
from migration.run_options import RunOptions

ROWS_AT_ONCE = 200

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")


def conversations(options: RunOptions, using: str) -> QuerySet[Conversation]:
    """Return the query of the selected conversations."""
    found = Conversation.objects.using(using)
    found = found.filter(learner=options.learner) if options.learner else found
    return found.filter(timestamp__gte=options.since) if options.since else found


def pending(options: RunOptions) -> list[uuid.UUID]:
    """Return the keys of the selected conversations with changes in the outbox. Their times are not looked at."""
    found = outbox.pending()
    found = found.filter(learner=options.learner) if options.learner else found
    return outbox.keys(found)


def clearings(options: RunOptions, using: str) -> QuerySet[LastClear]:
    found = LastClear.objects.using(using)
    return found.filter(pk=options.learner) if options.learner else found


def recordings(options: RunOptions, using: str, place: Recording.Place | None = None) -> Iterator[list[Recording]]:
    """Yield the selected recordings in batches. With `place`, only those whose bytes are there."""
    for found in _recordings(options, using, place):
        yield from in_batches(found)


def sizes(options: RunOptions, using: str, place: Recording.Place | None = None) -> Iterator[tuple[int, int]]:
    """Yield the number of recordings and their size in bytes, in parts to be added up."""
    for found in _recordings(options, using, place):
        yield found.count(), found.aggregate(size=Sum("size"))["size"] or 0


def _recordings(options: RunOptions, using: str, place: Recording.Place | None) -> Iterator[QuerySet[Recording]]:
    found = Recording.objects.using(using)
    found = found.filter(place=place) if place else found
    found = found.filter(learner=options.learner) if options.learner else found
    if not options.since:
        yield found
        return
    for some in in_batches(conversations(options, using)):
        yield found.filter(conversation__in=[row.pk for row in some])


def in_batches(found: QuerySet[Row]) -> Iterator[list[Row]]:
    """Yield the rows in batches of ROWS_AT_ONCE, ordered by key.

    Each batch is a query of its own. So memory use stays flat, and rows that are written meanwhile do no harm.
    """
    last = uuid.UUID(int=0)
    while batch := list(found.filter(pk__gt=last).order_by("pk")[:ROWS_AT_ONCE]):
        yield batch
        last = batch[-1].pk


def grouped(sized: Iterable[tuple[int, Item]], limit: int) -> Iterator[list[Item]]:
    """Group items in their order, each given with its size. A group ends when its sizes add up to `limit` or more."""
    group: list[Item] = []
    total = 0
    for size, item in sized:
        group.append(item)
        total += size
        if total >= limit:
            yield group
            group, total = [], 0
    if group:
        yield group
