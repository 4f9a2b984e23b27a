import uuid

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from core.middleware import Middleware
from core.threads import in_thread
from learners import cookie, identity, tokens
from learners.identity import Identity
from learners.origin import is_foreign
from learners.requests import LearnerRequest

API = "/api/"
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
# These pages renew the cookie, so that a learner who visits rarely is not forgotten.
REMEMBERED = ("/", "/history", "/me")
# With SIGNUP=required, these need an account.
PAGES_OF_LEARNERS = ("/history", "/import", "/me")
# These need no learner: the description of the API, and links to recordings, which are signed.
FOR_ALL = ("/api/schema", "/api/docs", "/api/audio/file/")
ACCOUNT_NEEDED = "Sign in first: this site needs an account."
SIGNED_OUT = "This device was signed out. Reload the page to go on without the account, or sign in again."


class SameSiteOnly(Middleware[HttpRequest]):
    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        # The admin and the pages of accounts have Django's own CSRF protection.
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
        if secret := _secret(request):
            return _admit_token(request, secret)
        return _admit(request, identity.of_cookie(request.COOKIES.get(cookie.NAME)))

    async def __acall__(self, request: LearnerRequest) -> HttpResponseBase:
        # Both lookups may ask the database.
        if secret := _secret(request):
            refused = await in_thread(_admit_token, request, secret)
        else:
            refused = _admit(request, await identity.aof_cookie(request.COOKIES.get(cookie.NAME)))
        response: HttpResponseBase = refused or await self.get_response(request)
        self.after(request, response)
        return response

    def after(self, request: LearnerRequest, response: HttpResponseBase) -> None:
        if not hasattr(request, "learner") or request.has_token:
            return
        is_page = request.path in REMEMBERED or request.path.startswith("/history/")
        needs_learner = request.path.startswith(API) and not request.path.startswith(FOR_ALL)
        is_new = request.learner_is_new and needs_learner and response.status_code != 401
        if is_page or request.identity_changed or is_new:
            cookie.attach(response, request.learner, request.identity.device)


def _admit(request: LearnerRequest, known: Identity | None, *, has_token: bool = False) -> HttpResponseBase | None:
    """Note the identity of the request. Refuse a call with the cookie of a device that was signed out: it would save in vain.

    With SIGNUP=required, also refuse what needs an account.
    """
    request.has_token = has_token
    request.identity = known or Identity(uuid.uuid4())
    request.learner, request.learner_is_new = request.identity.learner, known is None
    request.identity_changed = False
    needs_account = settings.SIGNUP == "required" and not request.identity.device and not has_token
    if request.path.startswith(API) and not request.path.startswith(FOR_ALL):
        if known is None and cookie.claim(request.COOKIES.get(cookie.NAME)):
            return _refused(SIGNED_OUT)
        if needs_account:
            return _refused(ACCOUNT_NEEDED)
    elif needs_account and (request.path == "/" or request.path.startswith(PAGES_OF_LEARNERS)):
        return redirect_to_login(request.get_full_path())
    return None


def _admit_token(request: LearnerRequest, secret: str) -> HttpResponseBase | None:
    try:
        return _admit(request, Identity(tokens.learner_of(secret)), has_token=True)
    except tokens.InvalidToken:
        return _refused(tokens.INVALID, "Bearer")
    except tokens.TokensOutOfReach:
        headers = {"Retry-After": str(round(tokens.PAUSE))}
        return JsonResponse({"error": tokens.UNREACHABLE}, status=503, headers=headers)


def _refused(error: str, scheme: str = 'Cookie realm="learner"') -> JsonResponse:
    return JsonResponse({"error": error}, status=401, headers={"WWW-Authenticate": scheme})


def _secret(request: HttpRequest) -> str | None:
    """Return the API token of a call. Pages and machines' calls have none: /metrics has a token of its own."""
    return tokens.secret_in(request.headers) if request.path.startswith(API) else None
