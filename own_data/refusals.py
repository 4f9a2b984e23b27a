"""Refuse what a learner asks too often, or what cannot be done now."""

from rest_framework import status
from rest_framework.exceptions import APIException

from learners import throttling
from learners.throttling import Limit


class AtLimit(APIException):
    status_code = status.HTTP_409_CONFLICT


class NotNow(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


class TooOften(APIException):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message)
        # REST framework writes it into the header Retry-After.
        self.wait = wait_s


def spend(message: str, *limits: Limit) -> throttling.Spent:
    """Count under every limit. Raises TooOften with this message at the first that would be passed."""
    try:
        return throttling.spend(*limits)
    except throttling.Exceeded as exceeded:
        raise TooOften(message, exceeded.wait_s) from None
