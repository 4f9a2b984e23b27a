from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin_pages import DateFilter, IdFilter, LearnerFilter, ReadOnlyAdmin, filter_link, ids_like, words_of
from staff.models import AccessRecord

PAGES = {"conversation": "admin:conversations_conversation_change", "recording": "admin:audio_recording_change"}


class ObjectFilter(IdFilter):
    title = "conversation or recording"
    parameter_name = "key"


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin):
    """Show which member of staff read, heard, deleted or restored what. Nobody changes or deletes a row here."""

    list_display = ("time", "username", "done", "object_page", "learner_link")
    list_display_links = None
    list_filter = (
        LearnerFilter,
        ObjectFilter,
        "action",
        ("at", DateFilter),
        ("username", admin.AllValuesFieldListFilter),
    )
    date_hierarchy = "at"
    search_fields = ("username", "name")
    search_help_text = (
        "A name of staff, or an id of a learner, a conversation or a recording (the first 8 characters do)."
    )
    fields = ("time", "username", "user_id", "done", "object_page", "learner_link")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AccessRecord], search_term: str
    ) -> tuple[QuerySet[AccessRecord], bool]:
        for word in words_of(search_term):
            named = Q(username__icontains=word) | Q(name__icontains=word)
            queryset = queryset.filter(named | ids_like(word, ("learner", "key")))
        return queryset, False

    @admin.display(description="time (UTC)", ordering="at")
    def time(self, row: AccessRecord) -> str:
        return date_format(row.at, "j M Y, H:i:s")

    @admin.display(description="did", ordering="action")
    def done(self, row: AccessRecord) -> str:
        return row.get_action_display()

    @admin.display(description="what", ordering="name")
    def object_page(self, row: AccessRecord) -> SafeString:
        return format_html('{} <a href="{}">{}</a>', row.kind, reverse(PAGES[row.kind], args=[row.key]), row.name)

    @admin.display(description="whose", ordering="learner")
    def learner_link(self, row: AccessRecord) -> SafeString:
        return filter_link("admin:staff_accessrecord_changelist", "learner", row.learner)
