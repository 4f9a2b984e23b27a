"""Clear all conversations of a learner while the cloud's database is down.

The clearing is noted in the local database and carried out when the cloud's database is back.
"""

import uuid
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from conversations.models import Clearing, Conversation
from core.cloud import LOCAL


def note(learner: uuid.UUID, at: datetime) -> None:
    """Note that the learner's conversations older than `at` are deleted, for the cloud's database to catch up with."""
    Clearing.objects.using(LOCAL).update_or_create(learner=learner, defaults={"at": at})


def noted(learner: uuid.UUID) -> datetime | None:
    return Clearing.objects.using(LOCAL).filter(learner=learner).values_list("at", flat=True).first()


def carry_out(**whose: uuid.UUID) -> None:
    """Delete the noted clearings' conversations in the cloud's database, for one `learner` or for all.

    Run this before any write to the cloud's database: while a clearing is noted, all older rows of the cloud count as
    deleted. Raises what the database raises.
    """
    for clearing in Clearing.objects.using(LOCAL).filter(**whose):
        uncleared(clearing.learner, clearing.at).update(deleted_at=clearing.at, updated_at=clearing.at)
        Clearing.objects.using(LOCAL).filter(learner=clearing.learner, at=clearing.at).delete()


def uncleared(learner: uuid.UUID, at: datetime) -> QuerySet[Conversation]:
    """Return the learner's conversations in the cloud's database that a clearing at this moment has yet to delete.

    Leave out those with pending changes. A row that is newer than a pending change makes that change void, so an undo
    would bring the conversation back without it. Their deletion is pending too, and drains with the rest.
    """
    pending = Conversation.objects.using(LOCAL).filter(learner=learner).values_list("pk", flat=True)
    there = Conversation.objects.using(settings.CLOUD_DATABASE).filter(
        learner=learner, deleted_at=None, updated_at__lte=at
    )
    return there.exclude(pk__in=list(pending))
