"""Answer the admin and the pages of accounts with a plain page while the database of accounts is down.

The page comes quickly, and says what to do.
"""

import logging

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string

from core import cloud
from core.causes import cause_of
from core.middleware import Middleware

ACCOUNTS = "default"
# Seconds until the database's first answer.
WITHIN = 1.5
UNREACHED = (OperationalError, InterfaceError)

logger = logging.getLogger(__name__)


class PagesWithoutAccounts(Middleware[HttpRequest]):
    def before(self, request: HttpRequest) -> HttpResponse | None:
        """Return the plain page if the database does not answer. Each of a page's many queries would wait for it."""
        if not _needs_accounts(request) or connections[ACCOUNTS].vendor == "sqlite":
            return None
        if cloud.database.shuts_out(ACCOUNTS):
            return _page(request, cloud.database.cause)
        try:
            with cloud.within(WITHIN), connections[ACCOUNTS].cursor() as cursor:
                cursor.execute("SELECT 1")
        except UNREACHED as error:
            return self.process_exception(request, error)
        return None

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        # `before` blocks here.
        refused = await sync_to_async(self.before)(request) if _needs_accounts(request) else None
        return refused or await self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the plain page if the database fails in the middle of another one."""
        if not (_needs_accounts(request) and isinstance(error, UNREACHED)):
            return None
        line = cloud.sentence(error)
        logger.warning("A page cannot be shown, for the accounts' database cannot be used: %s", line)
        return _page(request, cause_of(error, line))


def _needs_accounts(request: HttpRequest) -> bool:
    return request.path.startswith(("/admin/", "/account/"))


def _page(request: HttpRequest, cause: str) -> HttpResponse:
    page = render_to_string("admin/unreachable.html", {"cause": cause, "path": request.path})
    return HttpResponse(page, status=503, headers={"Cache-Control": "no-store", "Retry-After": "5"})
