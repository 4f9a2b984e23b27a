import uuid

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from core.middleware import middleware
from learners import cookie
from learners.origin import is_foreign
from learners.requests import LearnerRequest

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
# These pages renew the cookie, so that a learner who visits rarely is not forgotten.
REMEMBERED = ("/", "/history")


def _refuse_foreign(request: HttpRequest) -> HttpResponseBase | None:
    # The admin has Django's own CSRF protection.
    if request.method in SAFE or not request.path.startswith("/api/"):
        return None
    if is_foreign(request.headers, request.get_host()):
        return JsonResponse({"error": "This request came from another site."}, status=403)
    request.csrf_processing_done = True  # type: ignore[attr-defined]  # the origin is checked
    return None


def _recognise(request: LearnerRequest) -> None:
    known = cookie.unseal(request.COOKIES.get(cookie.NAME))
    request.learner = known or uuid.uuid4()
    request.learner_is_new = known is None


def _remember(request: LearnerRequest, response: HttpResponseBase) -> None:
    if not hasattr(request, "learner"):
        return
    is_page = request.path in REMEMBERED or request.path.startswith("/history/")
    if is_page or (request.learner_is_new and request.path.startswith("/api/")):
        cookie.attach(response, request.learner)


same_site_only = middleware(before=_refuse_foreign)
known_learner = middleware(before=_recognise, after=_remember)
