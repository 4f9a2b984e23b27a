"""Limit how often one visitor makes calls that cost money at a provider, or a lot of computing time here."""

from django.conf import settings
from rest_framework.exceptions import APIException
from rest_framework.throttling import BaseThrottle

from learners import address, throttling
from learners.requests import ApiRequest
from learners.throttling import CLASS, MINUTE, Limit

# Without a cookie every call comes from a new learner. An address may then make a learner's calls divided by this.
ALONE = 2
TOO_MANY = "This is more than {limit} calls in a minute. Wait {seconds} seconds, then go on."


class TooManyCalls(APIException):
    status_code = 429

    def __init__(self, exceeded: throttling.Exceeded) -> None:
        super().__init__(TOO_MANY.format(limit=exceeded.limit.most, seconds=exceeded.wait_s))
        # REST framework writes it into the header Retry-After.
        self.wait = exceeded.wait_s


class CallsPerMinute(BaseThrottle):
    """Count a call for the learner and the address.

    Without a cookie, a lower limit of the address takes the place of the learner's.
    """

    def allow_request(self, request: ApiRequest, view: object) -> bool:  # type: ignore[override]
        limit, who = settings.CALLS_PER_MINUTE, address.of_request(request)
        own = Limit("calls-without-cookie", who, max(1, limit // ALONE), MINUTE)
        if not request.learner_is_new:
            own = Limit("calls-of-learner", str(request.learner), limit, MINUTE)
        try:
            throttling.spend(own, Limit("calls", who, limit * CLASS, MINUTE))
        except throttling.Exceeded as exceeded:
            raise TooManyCalls(exceeded) from None
        return True
