from functools import partial
from typing import cast

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from learners import devices, identity


class SessionUser(AuthenticationMiddleware):
    """Add the user of the session to the request, as Django does, unless the session's device was signed out."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = cast("User", SimpleLazyObject(lambda: _user(request)))
        request.auser = sync_to_async(partial(_user, request))


def _user(request: HttpRequest) -> User | AnonymousUser:
    user = get_user(request)
    device = request.session.get(devices.DEVICE) if user.is_authenticated else None
    return user if device is None or identity.of_cookie(device) else AnonymousUser()
