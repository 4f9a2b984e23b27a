from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import InterfaceError, OperationalError
from rest_framework import authentication
from rest_framework.request import Request


class LearnerAuthentication(authentication.BaseAuthentication):
    """Read no session and recognise no account. `learners.learner_middleware` has already identified the learner."""

    def authenticate(self, request: Request) -> None:
        return None


class SessionAuthentication(authentication.SessionAuthentication):
    """Recognise staff by their session. No CSRF token is needed, because `learner_middleware` has checked the origin."""

    def authenticate(self, request: Request) -> tuple[object, None] | None:
        # A token stands for its learner alone, whatever cookies come with it.
        if getattr(request, "has_token", False):
            return None
        try:
            found = super().authenticate(request)
            return None if found and lacks_second_factor(found[0]) else found
        except (OperationalError, InterfaceError):
            # If the accounts' database is down, an operator is a learner like any other.
            return None

    def enforce_csrf(self, request: Request) -> None:
        return None


def lacks_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Return whether this is staff who must still set up a second factor. allauth asks everybody for it who has one."""
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return bool(settings.STAFF_SECOND_FACTOR and getattr(user, "is_staff", False)) and not is_mfa_enabled(user, kinds)
