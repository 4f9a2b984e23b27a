"""Invite people to sign up, each with a link that works once."""

import hashlib
import secrets

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from learners.models import Invitation

# The key in a session.
TOKEN = "invitation"


def new_token(invitation: Invitation) -> str:
    """Give the invitation a token, which is part of its link, and return it. Only the digest is kept."""
    token = secrets.token_urlsafe(24)
    invitation.digest = _digest(token)
    return token


def accept(request: HttpRequest, token: str) -> bool:
    """Keep the token in the visitor's session. Return False, and store nothing, if it is wrong or was used."""
    if is_open := _unused(token).exists():
        request.session[TOKEN] = token
    return is_open


def is_invited(request: HttpRequest) -> bool:
    return _unused(request.session.get(TOKEN, "")).exists()


def use(request: HttpRequest, user: AbstractBaseUser) -> bool:
    """Use up the invitation of the session. Return False if another sign-up was faster."""
    return bool(_unused(request.session.get(TOKEN, "")).update(used_at=timezone.now(), used_by=user))


def _unused(token: str) -> QuerySet[Invitation]:
    return Invitation.objects.filter(digest=_digest(token), used_at=None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
