"""Adapt django-allauth to this site: addresses behind proxies, limits on failed passwords, devices, invitations."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.account.stages import EmailVerificationStage
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from core import cloud
from learners import address, devices, invitations
from learners.identity import ACCOUNTS
from learners.sign_in import Attempt

WAIT = "Too many attempts have failed. Wait %(seconds)s seconds, then try again."
INVITATION_USED = "This invitation has been used, or its link is not complete. Ask for another one."
NOT_SENT = "The email could not be sent. Try again later."

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The email address or the password is wrong.",
        "username_password_mismatch": "The user name or the password is wrong.",
        "incorrect_code": "This code is wrong.",
        "incorrect_password": "This password is wrong.",
        "enter_current_password": "This is not your current password.",
        "rate_limited": "These are too many requests. Wait a moment, then try again.",
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        return address.of_request(request) or "unknown"

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask for the password again before an address changes.

        Otherwise a stranger at a signed-in browser could take the account over. Users who sign in by a provider alone have
        no password.
        """
        required = super().is_reauthentication_required(app=app, **kwargs)
        return required or bool(get_reauthentication_flows(context.request.user))

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        if settings.SIGNUP == "invite":
            return invitations.is_invited(request)
        return bool(settings.SIGNUP != "closed")

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """Give a new user a random name. Only operators sign in by name."""
        user.username = f"learner-{secrets.token_hex(8)}"

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        with _invitation_used(request, user):
            return super().save_user(request, user, form, commit)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Raise ValidationError if the account or the address has failed too often. allauth's own limit would lock owners out."""
        self.attempt = Attempt.of(request, credentials.get("email") or credentials.get("username") or "")
        if wait := self.attempt.begin():
            self.attempt.refuse(wait)
            request.sign_in_wait = wait  # type: ignore[attr-defined]
            raise ValidationError(WAIT, code="throttled", params={"seconds": wait})

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        user = super().authenticate(request, **credentials)
        if user:
            self.attempt.succeed()
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        self.attempt.fail()

    def get_login_stages(self) -> list[str]:
        own = f"{__name__}.{VerifyEmail.__name__}"
        return [own if each.endswith(".EmailVerificationStage") else each for each in super().get_login_stages()]

    def login(self, request: Any, user: Any) -> None:
        super().login(request, user)
        devices.sign_in(request, user)

    def post_login(self, request: Any, user: Any, **kwargs: Any) -> HttpResponse:
        response = super().post_login(request, user, **kwargs)
        device = devices.current(request)
        if device and device.previous_learner and isinstance(response, HttpResponseRedirect):
            return HttpResponseRedirect(f"{reverse('account_merge')}?{urlencode({'next': response.url})}")
        return response

    def logout(self, request: Any) -> None:
        devices.sign_out_here(request)
        super().logout(request)

    def set_password(self, user: Any, password: str) -> None:
        """Set the password, and sign out all other devices: one of them may be a thief's."""
        super().set_password(user, password)
        devices.sign_out_others(context.request, user)

    def should_send_confirmation_mail(self, request: HttpRequest, email_address: Any, signup: bool) -> bool:
        """Return False if addresses need no verification. Without a mail server, no email would arrive."""
        return bool(settings.EMAIL_URL)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send an email. If the mail server fails, tell the visitor, whether or not the account exists."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:
            logger.error("An email (%s) could not be sent: %s", template_prefix, cloud.sentence(error))
            messages.error(self.request, NOT_SENT)


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Adapt the sign-in by an OpenID provider."""

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        # With a form, allauth calls `AccountAdapter.save_user`.
        if form:
            return super().save_user(request, sociallogin, form)
        with _invitation_used(request, sociallogin.user):
            return super().save_user(request, sociallogin, form)

    def on_authentication_error(self, request: HttpRequest, provider: Any, error: Any = None, **kwargs: Any) -> None:
        logger.warning("A sign-in by the OpenID provider failed: %s, %s", error, kwargs.get("exception"))


class VerifyEmail(EmailVerificationStage):
    def handle(self) -> tuple[HttpResponse | None, bool]:
        """Ask for a verified address. Staff need none: an operator has made their accounts, perhaps without an address."""
        if self.login.user and self.login.user.is_staff:
            return None, True
        response, goes_on = super().handle()
        return response, goes_on


@contextmanager
def _invitation_used(request: HttpRequest, user: AbstractBaseUser) -> Iterator[None]:
    """Use up the invitation when the block has saved the user. Raises ImmediateHttpResponse if another one was faster."""
    with transaction.atomic(using=ACCOUNTS):
        yield
        if settings.SIGNUP == "invite" and not invitations.use(request, user):
            page = render(request, "account/signup_closed.html", {"reason": INVITATION_USED})
            raise ImmediateHttpResponse(page)
