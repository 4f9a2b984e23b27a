"""Write down which member of staff reads, hears, deletes or restores what of which learner, before it happens."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone

from core import cloud
from staff.models import AccessRecord

# A player asks for one recording many times, and a list is sorted and turned over. One row an hour says it.
ONCE_IN = timedelta(hours=1)
Action = AccessRecord.Action


class Unrecorded(OperationalError):
    """Report that an access could not be written down. Then it must not happen."""

    public_cause = "the access could not be written down, and nothing is shown without that"


@dataclass(frozen=True, slots=True)
class Accessed:
    """Name what is accessed. `kind` is conversation or recording, `key` its primary key, `name` its id for people."""

    kind: str
    key: uuid.UUID
    name: str
    learner: uuid.UUID


def record(
    user: AbstractBaseUser | AnonymousUser, action: Action, accessed: Iterable[Accessed], *, once: bool = False
) -> None:
    """Add a row for each object. With `once`, skip those that this account got a row for within ONCE_IN.

    Raises Unrecorded.
    """
    now, who = timezone.now(), {"username": user.get_username(), "user_id": str(user.pk), "action": action}
    try:
        known = set[uuid.UUID]()
        if once:
            recent = AccessRecord.objects.filter(**who, at__gt=now - ONCE_IN)
            known = set(recent.values_list("key", flat=True))
        AccessRecord.objects.bulk_create(
            AccessRecord(at=now, **who, kind=each.kind, key=each.key, name=each.name, learner=each.learner)
            for each in accessed
            if each.key not in known
        )
    except (DatabaseError, InterfaceError) as error:
        raise Unrecorded(cloud.sentence(error)) from error


def delete_old() -> int:
    """Delete the rows that are older than AUDIT_DAYS, and return their number. Raises DatabaseError, InterfaceError."""
    old = AccessRecord.objects.filter(at__lt=timezone.now() - timedelta(days=settings.AUDIT_DAYS))
    return old.delete()[0]
