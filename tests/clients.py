"""Clients that are somebody. All of them enforce CSRF checks, as a browser meets them."""

import json
import uuid
from typing import Any

from django.test import Client

from learners import cookie


class LearnerClient(Client):
    """A browser that has been here before; `learner` is who it is."""

    def __init__(self) -> None:
        super().__init__(enforce_csrf_checks=True)
        self.learner = uuid.uuid4()
        self.cookies[cookie.NAME] = cookie.seal(self.learner)

    def send(self, path: str, body: Any, *, method: str = "POST", **headers: str) -> Any:
        """A request with this JSON."""
        return self.generic(method, path, json.dumps(body), content_type="application/json", headers=headers)
