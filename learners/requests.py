"""Name the attributes that the middleware of this app adds to a request."""

import uuid

from django.http import HttpRequest
from rest_framework.request import Request

from learners.throttling import Spent


class LearnerRequest(HttpRequest):
    """Declare the attributes of a request whose learner is known. At run time it is a plain request of Django."""

    learner: uuid.UUID
    # Whether the client sent no cookie. Then nothing is stored of this learner.
    learner_is_new: bool
    # Whether an API token identified the learner.
    has_token: bool
    # The bytes that `ingest` has counted, if the request has a body.
    sent_today: Spent


class ApiRequest(Request, LearnerRequest):
    """Declare the same attributes for the request of REST framework, which wraps Django's."""
