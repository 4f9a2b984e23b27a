"""Provide clients with an identity. All of them enforce CSRF checks, as for a browser."""

import json
import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from learners import cookie


class LearnerClient(Client):
    """Act as a browser with a learner cookie. `learner` is its id."""

    def __init__(self) -> None:
        super().__init__(enforce_csrf_checks=True)
        self.learner = uuid.uuid4()
        self.cookies[cookie.NAME] = cookie.seal(self.learner)

    def send(self, path: str, body: Any, *, method: str = "POST", **headers: str) -> Any:
        """Send a request with this JSON."""
        return self.generic(method, path, json.dumps(body), content_type="application/json", headers=headers)


def staff_with(*permissions: str) -> Client:
    """Create a member of staff with only these permissions, by codename."""
    user = get_user_model().objects.create(username="staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client
