from django.db import InterfaceError, OperationalError
from django.http import HttpRequest

from learners.authentication import is_staff

VIEW = "audio.view_recording"


def may_hear(request: HttpRequest) -> bool:
    """Return whether the user is staff with permission to view recordings. False while the accounts' database is down."""
    try:
        return is_staff(request) and request.user.is_active and request.user.has_perm(VIEW)
    except (OperationalError, InterfaceError):
        return False
