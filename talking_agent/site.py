"""Name Django's admin after this project, and add the pages about storage and usage."""

from typing import TYPE_CHECKING, cast

from django.contrib import admin, messages
from django.contrib.admin import apps
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    from learners.requests import LearnerRequest

SECOND_FACTOR_NEEDED = "Set up a second factor, an app or a security key. Then you can open the administration."


class OperatorSite(admin.AdminSite):
    site_header = "Talking Agent"
    site_title = "Talking Agent"
    index_title = "Administration"
    # All lists are on the first page, and tables need the width.
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        # Models are not loaded earlier.
        from learners.authentication import lacks_second_factor

        return super().has_permission(request) and not lacks_second_factor(request.user)

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Send the visitor to the sign-in page of all accounts, and staff without a second factor to the page that adds one."""
        # Models are not loaded earlier.
        from django.contrib.auth.views import redirect_to_login

        wanted = request.GET.get("next") or reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(wanted)
        if not super().has_permission(request):
            raise PermissionDenied
        if not self.has_permission(request):
            messages.info(request, SECOND_FACTOR_NEEDED)
            return redirect("mfa_index")
        is_safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
        return HttpResponseRedirect(wanted if is_safe else reverse("admin:index"))

    def logout(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> TemplateResponse:
        # Models are not loaded earlier.
        from learners import devices

        devices.sign_out_here(cast("LearnerRequest", request))
        return super().logout(request, extra_context)

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
