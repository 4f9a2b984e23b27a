"""Delete the account of a learner who erases everything, and what other tables say about its user."""

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db.models import ManyToOneRel, Model, Q

from learners.models import Account, Invitation
from learners.personal_data import DataSubject

ERASED = "(erased)"


def erase_subject(subject: DataSubject, using: str) -> None:
    """Delete the account with its user, devices, addresses and sessions. A user who is staff stays."""
    for account in Account.objects.using(using).filter(learner=subject.learner).select_related("user"):
        user = str(account.user.pk)
        # The data of a session is encoded, so no query can filter by it.
        for session in Session.objects.using(using).iterator():
            if session.get_decoded().get(SESSION_KEY) == user:
                session.delete()
        if account.user.is_staff:
            account.delete()
        else:
            _erase_mentions(account.user, using)
            account.user.delete()


def erase_with_account(subject: DataSubject, using: str) -> None:
    """Do nothing: the rows are deleted together with the account's user, and stay if the user is staff."""


def _erase_mentions(user: User, using: str) -> None:
    """Erase names in the admin's log and in notes of invitations. Their rows stay: they record what operators did."""
    emails = EmailAddress.objects.using(using).filter(user=user).values_list("email", flat=True)
    # Rows that an operator has deleted earlier are known by their names alone.
    entries = Q(object_repr__in={user.email, user.get_username(), *emails} - {""})
    for relation in user._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel):
            model: type[Model] = relation.field.model
            rows = model._base_manager.using(using).filter(**{relation.field.name: user})
            keys = [str(key) for key in rows.values_list("pk", flat=True)]
            kind = {"content_type__app_label": model._meta.app_label, "content_type__model": model._meta.model_name}
            entries |= Q(**kind, object_id__in=keys)
    LogEntry.objects.using(using).filter(entries).update(object_repr=ERASED)
    Invitation.objects.using(using).filter(used_by=user).update(note=ERASED)
