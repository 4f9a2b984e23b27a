import uuid

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from core.middleware import Middleware
from core.threads import in_thread
from learners import cookie, tokens
from learners.origin import is_foreign
from learners.requests import LearnerRequest

API = "/api/"
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
# These pages renew the cookie, so that a learner who visits rarely is not forgotten.
REMEMBERED = ("/", "/history", "/me")


class SameSiteOnly(Middleware[HttpRequest]):
    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        # The admin has Django's own CSRF protection.
        if request.method in SAFE or not request.path.startswith(API):
            return None
        # Browsers add no token by themselves, so a request with one was made by someone who has it.
        if not _secret(request) and is_foreign(request.headers, request.get_host()):
            return JsonResponse({"error": "This request came from another site."}, status=403)
        request.csrf_processing_done = True  # type: ignore[attr-defined]  # the origin is checked
        return None


class KnownLearner(Middleware[LearnerRequest]):
    """Identify the learner by the API token, or by the cookie if there is no token."""

    def before(self, request: LearnerRequest) -> HttpResponseBase | None:
        secret = _secret(request)
        request.has_token = secret is not None
        if secret is None:
            known = cookie.unseal(request.COOKIES.get(cookie.NAME))
            request.learner, request.learner_is_new = known or uuid.uuid4(), known is None
            return None
        try:
            request.learner, request.learner_is_new = tokens.learner_of(secret), False
        except tokens.InvalidToken:
            headers = {"WWW-Authenticate": "Bearer"}
            return JsonResponse({"error": tokens.INVALID}, status=401, headers=headers)
        except tokens.TokensOutOfReach:
            headers = {"Retry-After": str(round(tokens.PAUSE))}
            return JsonResponse({"error": tokens.UNREACHABLE}, status=503, headers=headers)
        return None

    async def __acall__(self, request: LearnerRequest) -> HttpResponseBase:
        # The lookup of a token blocks.
        refused = await in_thread(self.before, request) if _secret(request) else self.before(request)
        response: HttpResponseBase = refused or await self.get_response(request)
        self.after(request, response)
        return response

    def after(self, request: LearnerRequest, response: HttpResponseBase) -> None:
        if not hasattr(request, "learner") or request.has_token:
            return
        is_page = request.path in REMEMBERED or request.path.startswith("/history/")
        if is_page or (request.learner_is_new and request.path.startswith(API)):
            cookie.attach(response, request.learner)


def _secret(request: HttpRequest) -> str | None:
    """Return the API token of a call. Pages and machines' calls have none: /metrics has a token of its own."""
    return tokens.secret_in(request.headers) if request.path.startswith(API) else None
