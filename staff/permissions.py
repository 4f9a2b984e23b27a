"""Name the permissions that the pages of staff ask for, and check them."""

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest

from learners.authentication import lacks_second_factor

# Each of the first four gives only its own part: who may delete a conversation cannot read it.
SEE = "conversations.view_conversation"  # that a conversation exists: when, how long, whose
DELETE = "conversations.delete_conversation"  # and undelete
READ = "conversations.view_message"
HEAR = "audio.view_recording"
SEE_USAGE = "usage.view_spending"
SEE_ACCESS = "staff.view_accessrecord"


def may(request: HttpRequest, permission: str) -> bool:
    """Return whether the user is active staff with this permission. False while the accounts' database is down."""
    try:
        user = request.user
        is_staff = user.is_active and user.is_staff and not lacks_second_factor(user)
        return bool(is_staff and user.has_perm(permission))
    except (OperationalError, InterfaceError):
        return False
