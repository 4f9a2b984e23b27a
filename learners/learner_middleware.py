import uuid

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from core.middleware import Middleware
from learners import cookie
from learners.origin import is_foreign
from learners.requests import LearnerRequest

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
# These pages renew the cookie, so that a learner who visits rarely is not forgotten.
REMEMBERED = ("/", "/history")


class SameSiteOnly(Middleware[HttpRequest]):
    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        # The admin has Django's own CSRF protection.
        if request.method in SAFE or not request.path.startswith("/api/"):
            return None
        if is_foreign(request.headers, request.get_host()):
            return JsonResponse({"error": "This request came from another site."}, status=403)
        request.csrf_processing_done = True  # type: ignore[attr-defined]  # the origin is checked
        return None


class KnownLearner(Middleware[LearnerRequest]):
    def before(self, request: LearnerRequest) -> None:
        known = cookie.unseal(request.COOKIES.get(cookie.NAME))
        request.learner = known or uuid.uuid4()
        request.learner_is_new = known is None

    def after(self, request: LearnerRequest, response: HttpResponseBase) -> None:
        if not hasattr(request, "learner"):
            return
        is_page = request.path in REMEMBERED or request.path.startswith("/history/")
        if is_page or (request.learner_is_new and request.path.startswith("/api/")):
            cookie.attach(response, request.learner)
