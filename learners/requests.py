"""Name the attributes that the middleware of this app adds to a request."""

import uuid

from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.request import Request

from learners.identity import Identity
from learners.throttling import Spent


class LearnerRequest(HttpRequest):
    """Declare the attributes of a request whose learner is known. At run time it is a plain request of Django."""

    learner: uuid.UUID
    identity: Identity
    # Whether the client sent no cookie. Then nothing is stored of this learner.
    learner_is_new: bool
    # Whether the browser was signed in or out. Then the answer sets the cookie of its new identity.
    identity_changed: bool
    # Whether an API token identified the learner.
    has_token: bool
    # The bytes that `ingest` has counted, if the request has a body.
    sent_today: Spent


class SignedInRequest(LearnerRequest):
    """Declare the request of a view with `login_required`."""

    user: User


class ApiRequest(Request, LearnerRequest):
    """Declare the same attributes for the request of REST framework, which wraps Django's."""


def become(request: LearnerRequest, identity: Identity) -> None:
    """Let the request continue with another identity, whose cookie the answer sets."""
    request.identity, request.learner, request.identity_changed = identity, identity.learner, True
