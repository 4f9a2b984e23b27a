from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def name_of(user: "User") -> str:
    """Return what a user is called on pages: by the address, else by the person's or the operator's name."""
    return user.email or user.get_full_name() or user.get_username()


def context(request: HttpRequest) -> dict[str, object]:
    """Tell every page the name of the account, "" if the browser is not signed in, and whether the site sends mail.

    Reads no database.
    """
    identity = getattr(request, "identity", None)
    return {
        "account_name": identity.name if identity else "",
        "is_signed_in": bool(identity and identity.device),
        "sends_mail": bool(settings.EMAIL_URL),
    }
