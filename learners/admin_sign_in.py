"""Sign in to Django's admin, with a limit on failed attempts."""

import hashlib
import secrets

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpResponse

from learners import address
from learners.sign_in import Attempt

DEVICE = "operator"
DEVICE_AGE = 400 * 24 * 3600  # seconds
WAIT = "Too many attempts have failed. Wait %(seconds)s seconds, then try again."


class SignInForm(AdminAuthenticationForm):
    """Try a password only if the account and the address have few recent failures. `wait` is in seconds."""

    wait = 0

    def clean(self) -> dict[str, object]:
        name = self.cleaned_data.get("username")
        assert self.request
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        cookie = self.request.get_signed_cookie(DEVICE, "", salt=DEVICE, max_age=DEVICE_AGE) or ""
        token, _, owner = cookie.partition(".")
        device = token if owner == _digest(name) else ""
        attempt = Attempt(name, address.of_request(self.request), device)
        if wait := attempt.begin():
            attempt.refuse(wait)
            self.wait = wait
            raise ValidationError(WAIT, code="throttled", params={"seconds": wait})
        try:
            cleaned = super().clean()
        except ValidationError:
            attempt.fail()
            raise
        attempt.succeed()
        return cleaned


def remember_device(response: HttpResponse, name: str) -> None:
    """Set a cookie on a browser that has signed in, so that the failures of others do not count against it."""
    response.set_signed_cookie(
        DEVICE,
        f"{secrets.token_hex(8)}.{_digest(name)}",
        salt=DEVICE,
        max_age=DEVICE_AGE,
        path="/admin/login/",
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()
