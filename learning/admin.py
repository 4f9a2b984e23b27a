import uuid

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from conversations.models import Conversation
from core.admin_pages import DateFilter, LearnerFilter, ReadOnlyAdmin, filter_link
from learning import card_words
from learning.models import ReportedCorrection
from staff import audit
from staff.permissions import READ, may


class ReportList(ChangeList):
    """Add the words of each correction on a page, for staff who may read them. Each such look is recorded."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[ReportedCorrection] = list(self.result_list)
        words: dict[uuid.UUID, str] = {}
        if rows and may(request, READ):
            talks = Conversation.objects.filter(pk__in={row.conversation for row in rows})
            read = [audit.Accessed("conversation", each.pk, each.wire_id, each.learner) for each in talks]
            audit.record(request.user, audit.Action.FOUND, read, once=True)
            messages = card_words.messages_of((row.message for row in rows), ReportedCorrection.objects.db)
            for row in rows:
                message = messages.get(row.message)
                words[row.pk] = str((message and card_words.of_message(message, row.number)) or "")
        for row in rows:
            row.words = words.get(row.pk, "")  # type: ignore[attr-defined]
        # Replace the queryset by a list: evaluating it again would lose the words.
        self.result_list = rows


@admin.register(ReportedCorrection)
class ReportAdmin(ReadOnlyAdmin):
    """List the corrections that learners reported as wrong. The sentence is on the page of the conversation."""

    list_display = ("time", "correction", "category", "talk", "learner_link")
    list_display_links = None
    list_filter = (LearnerFilter, "category", ("reported_at", DateFilter))
    ordering = ("-reported_at",)
    fields = ("time", "category", "talk", "learner_link")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportedCorrection]:
        return super().get_queryset(request).exclude(reported_at=None)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return ReportList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        return super().changelist_view(
            request, {"title": "Corrections that learners reported as wrong", **(extra_context or {})}
        )

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="time (UTC)", ordering="reported_at")
    def time(self, row: ReportedCorrection) -> str:
        return date_format(row.reported_at, "j M Y, H:i:s") if row.reported_at else ""

    @admin.display(description="correction", empty_value="")
    def correction(self, row: ReportedCorrection) -> str:
        return getattr(row, "words", "")

    @admin.display(description="conversation")
    def talk(self, row: ReportedCorrection) -> SafeString:
        page = reverse("admin:conversations_conversation_change", args=[row.conversation])
        return format_html('<a href="{}">the conversation</a>', page)

    @admin.display(description="learner", ordering="learner")
    def learner_link(self, row: ReportedCorrection) -> SafeString:
        return filter_link("admin:learning_reportedcorrection_changelist", "learner", row.learner)
