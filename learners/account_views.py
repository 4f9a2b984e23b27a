"""Serve the account page and what allauth has no page for: devices, and invitations."""

import logging
import uuid
from typing import Any

from allauth.account.views import LoginView
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.providers.openid_connect.views import login as openid_connect_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from core import cloud
from learners import devices, invitations
from learners.account_adapter import INVITATION_USED
from learners.models import Device
from learners.requests import SignedInRequest
from learners.sign_in import remember_browser
from learners.user_agents import described

logger = logging.getLogger(__name__)


class SignInView(LoginView):
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        remember_browser(response, form.cleaned_data["login"])
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        """Answer 429 if too many attempts have failed."""
        response = super().form_invalid(form)
        if wait := getattr(self.request, "sign_in_wait", 0):
            response.status_code = 429
            response.headers["Retry-After"] = str(wait)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        to_admin = self.request.GET.get("next", "").startswith("/admin/")
        operators = get_user_model().objects.filter(is_staff=True, is_active=True)
        own = {
            "to_admin": to_admin,
            "no_operator": to_admin and not operators.exists(),
            "needs_account": settings.SIGNUP == "required",
            "is_closed": settings.SIGNUP == "closed",
            "has_oidc": settings.OIDC_SERVER_URL,
        }
        return {**super().get_context_data(**kwargs), **own}


def sign_in_by_provider(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Redirect to the OpenID provider. Answer 503 if it cannot be reached, or does not answer as a provider."""
    try:
        response: HttpResponse = openid_connect_login(request, provider_id)
    # The errors of requests are among these.
    except (OSError, KeyError) as error:
        logger.error("The OpenID provider cannot be used: %s", cloud.sentence(error))
        response = render(request, "socialaccount/authentication_error.html", status=503)
    return response


@never_cache
@require_safe
@login_required
def account(request: SignedInRequest) -> HttpResponse:
    here = devices.current(request)
    rows = list(here.account.devices.all()) if here else []
    listed = [{"row": row, "name": described(row.user_agent), "is_here": row == here} for row in rows]
    context = {
        "devices": listed,
        "here": here,
        "has_second_factor": is_mfa_enabled(request.user),
        "has_oidc": settings.OIDC_SERVER_URL,
    }
    return render(request, "account/account.html", context)


@require_POST
@login_required
def sign_out_device(request: SignedInRequest, device: uuid.UUID) -> HttpResponse:
    """Sign out another device of the account."""
    here = devices.current(request)
    if here is None or here.pk != device:
        devices.sign_out(Device.objects.filter(pk=device, account__user=request.user))
        messages.success(request, "The device is signed out.")
    return redirect("account")


@require_POST
@login_required
def sign_out_everywhere(request: SignedInRequest) -> HttpResponse:
    """Sign out all devices of the account, this one included."""
    from allauth.account.internal.flows.logout import logout

    devices.sign_out_others(request, request.user)
    logout(request, show_message=False)
    messages.success(request, "You are signed out on all devices.")
    return HttpResponseRedirect("/account/login/")


@never_cache
@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Open the sign-up page for the owner of an invitation."""
    if invitations.accept(request, token):
        return redirect("account_signup")
    return render(request, "account/signup_closed.html", {"reason": INVITATION_USED}, status=404)
