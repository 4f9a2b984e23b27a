from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Field
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core.site_limits import LIMITS
from usage import limit_overrides
from usage.limits_page import use_of_today
from usage.models import SiteLimits

BY_FIELD = {limit.name.lower(): limit for limit in LIMITS}


@admin.register(SiteLimits)
class SiteLimitsAdmin(admin.ModelAdmin):
    """Change the limits on one page, without a list. There is one row, which cannot be deleted."""

    fields = list(BY_FIELD)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SiteLimits | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        SiteLimits.objects.get_or_create(pk=SiteLimits.ONLY)
        return HttpResponseRedirect(reverse("admin:usage_sitelimits_change", args=(SiteLimits.ONLY,)))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        context = {"title": "Limits", "subtitle": None, "today": use_of_today(), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> forms.Field:
        """Return a field that is empty as long as the value of the environment is used."""
        limit = BY_FIELD[db_field.name]
        kind, default = (forms.FloatField if limit.in_dollars else forms.IntegerField), getattr(settings, limit.name)
        shown = f"{default:g}" if limit.in_dollars else str(default)
        return kind(
            label=limit.label,
            help_text=f"{limit.protects} Leave it empty for {shown}, the value of {limit.name}.",
            required=False,
            min_value=limit.low,
            max_value=limit.high,
            widget=forms.NumberInput(attrs={"placeholder": shown, "step": "any" if limit.in_dollars else 1}),
        )

    def save_model(self, request: HttpRequest, obj: SiteLimits, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        limit_overrides.read()
        request.limits_changed = "; ".join(  # type: ignore[attr-defined]
            f"{BY_FIELD[name].name}: {_shown(form.initial.get(name))} → {_shown(form.cleaned_data[name])}"
            for name in form.changed_data
        )

    def log_change(self, request: HttpRequest, obj: SiteLimits, message: object) -> LogEntry:
        """Note the values before and after, instead of only the names."""
        return super().log_change(request, obj, request.limits_changed)  # type: ignore[attr-defined]  # see save_model


def _shown(value: float | None) -> str:
    return "the environment's" if value is None else f"{value:g}"
