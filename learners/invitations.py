"""Invite people to sign up, each with a link that works once."""

import hashlib
import secrets

from django.contrib.auth.models import AbstractBaseUser
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
    """Note in the session that its visitor is invited. Return False if the token is wrong or was used."""
    request.session[TOKEN] = token
    return is_invited(request)


def is_invited(request: HttpRequest) -> bool:
    return Invitation.objects.filter(digest=_digest(request.session.get(TOKEN, "")), used_at=None).exists()


def use(request: HttpRequest, user: AbstractBaseUser) -> bool:
    """Use up the invitation of the session. Return False if another sign-up was faster."""
    mine = Invitation.objects.filter(digest=_digest(request.session.get(TOKEN, "")), used_at=None)
    return bool(mine.update(used_at=timezone.now(), used_by=user))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
