from typing import Any

# Their modules register pages, which the ones below replace.
from allauth.mfa.admin import Authenticator
from allauth.socialaccount.admin import SocialApp, SocialToken
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from core.admin_pages import DateFilter, ReadOnlyAdmin
from learners import invitations
from learners.models import Account, Invitation

LINK = "Send this link. It works once, and is not shown again: {link}"


# The provider is configured in the environment, and its tokens are not kept.
admin.site.unregister([Authenticator, SocialApp, SocialToken])


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Let superusers delete a second factor that its owner has lost. The page never shows its secret."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type", ("created_at", DateFilter))
    search_fields = ("user__email", "user__username")
    list_select_related = ("user",)
    fields = ("user", "type", "created_at", "last_used_at")


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Show which learner an account has. Users are deleted in the list of users."""

    list_display = ("name", "learner", "created_at")
    list_filter = (("created_at", DateFilter),)
    search_fields = ("user__email", "user__username", "learner")
    list_select_related = ("user",)
    fields = ("user", "learner", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Allow it only together with the user."""
        is_of_user = request.path.startswith(reverse("admin:auth_user_changelist"))
        return is_of_user and super().has_delete_permission(request, obj)


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    """Make invitations to sign up. An invitation that was used cannot be changed."""

    list_display = ("__str__", "created_at", "used_at", "used_by")
    list_filter = (("created_at", DateFilter), ("used_at", admin.EmptyFieldListFilter))
    search_fields = ("note", "used_by__email")
    list_select_related = ("used_by",)
    fields = ("note",)

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        if not change:
            link = request.build_absolute_uri(reverse("account_invitation", args=[invitations.new_token(obj)]))
            messages.info(request, LINK.format(link=link))
        super().save_model(request, obj, form, change)
