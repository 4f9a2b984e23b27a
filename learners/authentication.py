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
        try:
            return super().authenticate(request)
        except (OperationalError, InterfaceError):
            # If the accounts' database is down, an operator is a learner like any other.
            return None

    def enforce_csrf(self, request: Request) -> None:
        return None
