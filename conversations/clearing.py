"""A learner may clear all conversations while the cloud's database is out of reach: that is noted in the shelter, and carried
out when it is back."""

import uuid
from datetime import datetime

from django.conf import settings

from conversations.models import Clearing, Conversation

LOCAL = "local"


def note(learner: uuid.UUID, at: datetime) -> None:
    """What is older is deleted, though the cloud does not know it yet."""
    Clearing.objects.using(LOCAL).update_or_create(learner=learner, defaults={"at": at})


def noted(learner: uuid.UUID) -> datetime | None:
    return Clearing.objects.using(LOCAL).filter(learner=learner).values_list("at", flat=True).first()


def carry_out(**whose: uuid.UUID) -> None:
    """Delete in the cloud's database what was cleared, of `learner` or of all. Whoever writes there does this first: as long as
    a clearing is noted, the shelter takes all that the cloud has for older. Raises what the database raises."""
    for clearing in Clearing.objects.using(LOCAL).filter(**whose):
        Conversation.objects.using(settings.CLOUD_DATABASE).filter(
            learner=clearing.learner, deleted_at=None, updated_at__lte=clearing.at
        ).update(deleted_at=clearing.at, updated_at=clearing.at)
        Clearing.objects.using(LOCAL).filter(learner=clearing.learner, at=clearing.at).delete()
