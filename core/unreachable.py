"""Answer the admin with a plain page while the accounts' database is down. It says so quickly, and what to do."""

import logging
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.decorators import sync_and_async_middleware

from core import cloud
from core.causes import cause_of

ACCOUNTS = "default"
# Seconds until the database's first answer.
WITHIN = 1.5
UNREACHED = (OperationalError, InterfaceError)

logger = logging.getLogger(__name__)


@sync_and_async_middleware
def admin_without_accounts(get_response: Any) -> Any:
    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        return (_refused(request) if _is_admin(request) else None) or get_response(request)

    async def async_middleware(request: HttpRequest) -> HttpResponseBase:
        refused = await sync_to_async(_refused)(request) if _is_admin(request) else None
        return refused or await get_response(request)

    chosen: Any = async_middleware if iscoroutinefunction(get_response) else sync_middleware
    # The database may fail in the middle of a page.
    chosen.process_exception = _explained
    return chosen


def _is_admin(request: HttpRequest) -> bool:
    return request.path.startswith("/admin/")


def _refused(request: HttpRequest) -> HttpResponse | None:
    """Return the plain page if the database does not answer, else None.

    Runs before the page's own queries: a page makes many, and each would wait.
    """
    if connections[ACCOUNTS].vendor == "sqlite":
        return None
    if cloud.database.shuts_out(ACCOUNTS):
        return _page(cloud.database.cause)
    try:
        with cloud.within(WITHIN), connections[ACCOUNTS].cursor() as cursor:
            cursor.execute("SELECT 1")
    except UNREACHED as error:
        return _explained(request, error)
    return None


def _explained(request: HttpRequest, error: Exception) -> HttpResponse | None:
    if not (_is_admin(request) and isinstance(error, UNREACHED)):
        return None
    line = cloud.sentence(error)
    logger.warning("The admin cannot be shown, for the accounts' database cannot be used: %s", line)
    return _page(cause_of(error, line))


def _page(cause: str) -> HttpResponse:
    page = render_to_string("admin/unreachable.html", {"cause": cause})
    return HttpResponse(page, status=503, headers={"Cache-Control": "no-store", "Retry-After": "5"})
