"""Limit the bytes that one visitor may send in a day. Stored bytes take disk space, and reading bytes takes time."""

from django.http import HttpResponseBase, JsonResponse

from core.counts import MB, hours_until
from core.middleware import Middleware
from learners import throttling
from learners.requests import LearnerRequest
from learners.throttling import DAY
from learners.visitors import Visitor, limits_of

TOO_MUCH = "You may send {limit} MB in a day, and this is more. Send it again in {hours}."
# Errors whose bytes stay counted, because the server has read the body: it was invalid, or held no speech.
READ = (400, 422)


class DailyUploadLimit(Middleware[LearnerRequest]):
    def before(self, request: LearnerRequest) -> HttpResponseBase | None:
        """Count the body. Answer 429 if it is over a limit."""
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        if not size or not request.path.startswith("/api/"):
            return None
        try:
            spent = throttling.spend(
                *limits_of(Visitor.of_request(request), "sent", "SENT_MB_PER_DAY", DAY, MB), amount=size
            )
        except throttling.Exceeded as exceeded:
            error = TOO_MUCH.format(limit=exceeded.limit.most // MB, hours=hours_until(exceeded.wait_s))
            return JsonResponse({"error": error}, status=429, headers={"Retry-After": str(exceeded.wait_s)})
        request.sent_today = spent
        return None

    def after(self, request: LearnerRequest, response: HttpResponseBase) -> None:
        """Subtract the bytes of a refused request: the client has to send them again."""
        if response.status_code >= 400 and response.status_code not in READ and hasattr(request, "sent_today"):
            request.sent_today.give_back()
