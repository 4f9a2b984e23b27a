"""Django's admin under our name, with the pages of storage in it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import apps
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import include, path


class OperatorSite(admin.AdminSite):
    site_header = "Talking Agent"
    site_title = "Talking Agent"
    index_title = "Administration"
    enable_nav_sidebar = False  # the few lists are all on the first page, and tables need the width

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        operators = get_user_model().objects.filter(is_staff=True, is_active=True)
        return super().login(request, {"no_operator": not operators.exists(), **(extra_context or {})})

    def get_urls(self) -> list[Any]:
        from migration import console  # models are not there before

        return [path("storage/", include(console.urls())), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from migration import console, overview

        storage = {"overview": overview.overview(), "may_use_storage": console.may_use(request)}
        return super().index(request, {**storage, **(extra_context or {})})


class AdminConfig(apps.AdminConfig):
    default_site = "talking_agent.site.OperatorSite"
