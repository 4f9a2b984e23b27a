from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from core import cloud
from staff.permissions import SEE_USAGE, may
from usage import report, report_page


def usage(request: HttpRequest) -> HttpResponse:
    """Show operators the time, usage and cost of the answers in talks, by day and by engine."""
    if not may(request, SEE_USAGE):
        raise PermissionDenied
    if cloud.database.usable:
        # Counting takes long, so check first that the database answers.
        cloud.database.check()
    found = report.usage()
    context = admin.site.each_context(request) | {
        "title": "Usage",
        "subtitle": "The answers in talks. Translations, analyses and the speaking calls are counted at /metrics alone.",
        "usage": found,
        "limit": report.LATEST,
        "chart": report_page.chart(found, timezone.now().date()),
        "engines": report_page.rows_of_engines(found),
        "days": report_page.rows_of_days(found),
        "moments": list(report.MOMENTS.values()),
        "total": report_page.cells(found.total),
        "prices": settings.PRICE_OPENAI or "usage/prices.toml",
    }
    return render(request, "admin/usage/report.html", context)
