from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.http import HttpRequest

from core.admin_pages import DateFilter, ReadOnlyAdmin


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """Show who changed accounts and groups of staff. `staff.models.AccessRecord` has who read or heard a learner's talks."""

    list_display = ("action_time", "user", "content_type", "object_repr", "message")
    list_display_links = None
    list_filter = (("action_time", DateFilter), "content_type", "user")
    search_fields = ("object_id", "object_repr", "user__username")
    search_help_text = "An id or a name of an account or a group, or an operator's name."
    list_select_related = ("user", "content_type")
    fields = ("action_time", "user", "content_type", "object_repr", "object_id", "message")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="what")
    def message(self, entry: LogEntry) -> str:
        return str(entry.get_change_message() or entry.get_action_flag_display())
