"""Serve the pages, and the service worker that shows an offline page while the server is away."""

import hashlib
import posixpath
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView, TemplateView

OFFLINE = "offline.html"

_EXTENDED = re.compile(r'{% extends "([^"]+)" %}')
_NAMED_BY_A_TEMPLATE = re.compile(r"{% static '([^']+)' %}")
_NAMED_BY_A_FILE = re.compile(r'(?:\bfrom |\bimport |\burl\()"(\.[\w./-]+)"')


@csrf_exempt
@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker's script, which shows the offline page. It changes whenever that page changes."""
    release, names = _offline() if settings.DEBUG else _offline_of_this_process()
    script = render_to_string("service-worker.js", {"release": release, "files": [static(name) for name in names]})
    return HttpResponse(script, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _offline() -> tuple[str, list[str]]:
    """Return a digest of the offline page and its files, and the names of the static files that it uses."""
    digest = hashlib.sha256(render_to_string(OFFLINE).encode())
    waiting, names = _NAMED_BY_A_TEMPLATE.findall(_with_bases(OFFLINE)), list[str]()
    while waiting:
        name = waiting.pop(0)
        if name in names:
            continue
        names.append(name)
        content = Path(str(finders.find(name))).read_bytes()
        digest.update(content)
        if name.endswith((".js", ".css")):
            folder = posixpath.dirname(name)
            found = _NAMED_BY_A_FILE.findall(content.decode())
            waiting += [posixpath.normpath(posixpath.join(folder, each)) for each in found]
    return digest.hexdigest()[:16], names


def _with_bases(template: str) -> str:
    """Return the source of a template, and of those that it extends."""
    source = Path(settings.BASE_DIR / "templates" / template).read_text()
    extended = _EXTENDED.match(source)
    return source + (_with_bases(extended[1]) if extended else "")


_offline_of_this_process = cache(_offline)


def _page(**options: str) -> Callable[..., HttpResponseBase]:
    """Return a view that renders a template. It answers 405 to POST, because these pages contain no form of Django's."""
    return csrf_exempt(TemplateView.as_view(**options))


urlpatterns = [
    path("", _page(template_name="talk.html"), name="talk"),
    path("history", _page(template_name="history.html"), name="history"),
    path("history/", csrf_exempt(RedirectView.as_view(pattern_name="history"))),
    path("mistakes", _page(template_name="mistakes.html"), name="mistakes"),
    path("review", _page(template_name="review.html"), name="review"),
    path("import", _page(template_name="import.html"), name="import"),
    path("me", _page(template_name="me.html"), name="me"),
    path("pairs", _page(template_name="pairs.html"), name="pairs"),
    path("shadowing", _page(template_name="shadowing.html"), name="shadowing"),
    path("privacy", _page(template_name="privacy.html"), name="privacy"),
    path("progress", _page(template_name="progress.html"), name="progress"),
    path("history/<str:conversation>", _page(template_name="history.html"), name="history-conversation"),
    path("offline", _page(template_name="offline.html"), name="offline"),
    path("service-worker.js", service_worker),
    path("manifest.webmanifest", _page(template_name="manifest.webmanifest", content_type="application/manifest+json")),
]


def templates() -> set[str]:
    """Return the names of the templates of these pages."""
    views = [getattr(each.callback, "view_initkwargs", {}) for each in urlpatterns]
    return {view["template_name"] for view in views if "template_name" in view}
