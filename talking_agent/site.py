"""Name Django's admin after this project, and add the pages about storage and usage."""

from django.contrib import admin
from django.contrib.admin import apps
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path


class OperatorSite(admin.AdminSite):
    site_header = "Talking Agent"
    site_title = "Talking Agent"
    index_title = "Administration"
    # All lists are on the first page, and tables need the width.
    enable_nav_sidebar = False

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        # Models are not loaded earlier.
        from learners import admin_sign_in

        self.login_form = admin_sign_in.SignInForm
        operators = get_user_model().objects.filter(is_staff=True, is_active=True)
        response = super().login(request, {"no_operator": not operators.exists(), **(extra_context or {})})
        form = (getattr(response, "context_data", None) or {}).get("form")
        if wait := getattr(form, "wait", 0):
            response.status_code = 429
            response.headers["Retry-After"] = str(wait)
        elif request.method == "POST" and response.status_code == 302:
            admin_sign_in.remember_device(response, request.user.get_username())
        return response

    def get_urls(self) -> list[URLPattern | URLResolver]:
        # Models are not loaded earlier.
        from migration import console
        from usage.views import usage

        return [
            path("storage/", include(console.urls())),
            path("conversations/conversation/usage/", self.admin_view(usage), name="conversations_usage"),
            *super().get_urls(),
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> TemplateResponse:
        from migration import console, overview

        storage = {"overview": overview.overview(), "may_use_storage": console.may_use(request)}
        return super().index(request, {**storage, **(extra_context or {})})


class AdminConfig(apps.AdminConfig):
    default_site = "talking_agent.site.OperatorSite"
