from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audio import recordings
from audio.models import Recording
from core.admin_pages import (
    DateFilter,
    IdFilter,
    LearnerFilter,
    ReadOnlyAdmin,
    filter_link,
    ids_like,
    length,
    short,
    words_of,
)
from staff.history import history
from staff.permissions import HEAR, may

SPEAKERS = {recordings.SPEAKERS["user"]: "learner", recordings.SPEAKERS["assistant"]: "agent"}


class ConversationFilter(IdFilter):
    title = "conversation"
    parameter_name = "conversation"


class SpeakerFilter(admin.SimpleListFilter):
    title = "who speaks"
    parameter_name = "speaker"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return list(SPEAKERS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Recording]) -> QuerySet[Recording]:
        return queryset.filter(key__contains=f"-{self.value()}.") if self.value() in SPEAKERS else queryset


class TypeFilter(admin.SimpleListFilter):
    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(content_type, content_type) for content_type in recordings.EXTENSIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Recording]) -> QuerySet[Recording]:
        return queryset.filter(content_type=self.value()) if self.value() else queryset


@admin.register(Recording)
class RecordingAdmin(ReadOnlyAdmin):
    list_display = (
        "date",
        "listen",
        "speaker",
        "seconds",
        "learner_link",
        "conversation_page",
        "file_size",
        "content_type",
        "place",
        "short_key",
    )
    list_filter = (LearnerFilter, ConversationFilter, SpeakerFilter, ("created_at", DateFilter), TypeFilter, "place")
    date_hierarchy = "created_at"
    search_fields = ("key",)
    search_help_text = (
        "A key or part of one, or a learner's, conversation's or message's id (the first 8 characters do)."
    )
    fields = (
        "listen",
        "speaker",
        "date",
        "seconds",
        "learner_link",
        "conversation_page",
        "message",
        "key",
        "content_type",
        "file_size",
        "place",
        "sha256",
    )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        # The key is too long for a title. It is among the fields.
        untitled = {"title": "Recording", "subtitle": None}
        return super().change_view(request, object_id, form_url, {**untitled, **(extra_context or {})})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        return history(request, object_id)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, HEAR)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # A recording is deleted with its conversation. Deleting it alone would leave a turn whose recording is missing,
        # and no tombstone that deletes the copies in other stores.
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Recording], search_term: str
    ) -> tuple[QuerySet[Recording], bool]:
        for word in words_of(search_term):
            queryset = queryset.filter(
                Q(key__icontains=word) | ids_like(word, ("learner", "conversation", "message", "pk"))
            )
        return queryset, False

    @admin.display(description="recording")
    def listen(self, recording: Recording) -> SafeString:
        source = reverse("admin:conversations_listen", args=[recording.pk])
        return format_html('<audio controls preload="none" src="{}"></audio>', source)

    @admin.display(description="date (UTC)", ordering="created_at")
    def date(self, recording: Recording) -> str:
        return date_format(recording.created_at, "j M Y, H:i:s")

    @admin.display(description="who speaks")
    def speaker(self, recording: Recording) -> str:
        return SPEAKERS.get(recording.key.rpartition("-")[2].partition(".")[0], "")

    @admin.display(description="length", ordering="duration")
    def seconds(self, recording: Recording) -> str:
        return length(recording.duration)

    @admin.display(description="size", ordering="size")
    def file_size(self, recording: Recording) -> str:
        return filesizeformat(recording.size)

    @admin.display(description="learner", ordering="learner")
    def learner_link(self, recording: Recording) -> SafeString:
        return filter_link("admin:audio_recording_changelist", "learner", recording.learner)

    @admin.display(description="conversation", ordering="conversation")
    def conversation_page(self, recording: Recording) -> SafeString:
        page = reverse("admin:conversations_conversation_change", args=[recording.conversation])
        return format_html('<a class="short-id" href="{}">{}</a>', page, short(recording.conversation))

    @admin.display(description="key", ordering="key")
    def short_key(self, recording: Recording) -> SafeString:
        return format_html('<span class="key" title="{}">{}</span>', recording.key, recording.key)
