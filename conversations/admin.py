import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from django.contrib import admin, messages
from django.contrib.admin import actions
from django.contrib.admin.models import LogEntry
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audio.models import Recording
from conversations import links, outbox, store
from conversations.levels import LEVELS
from conversations.models import Conversation, Message
from core import cloud
from core.admin_pages import (
    DateFilter,
    LearnerFilter,
    LinkedFilter,
    ReadOnlyAdmin,
    filter_link,
    ids_like,
    length,
    words_of,
)
from core.counts import counted
from core.json_types import Json
from staff import audit
from staff.history import history
from staff.permissions import HEAR, READ, may

# The confirmation page has one field for each conversation, and Django accepts at most 1000 fields.
MOST_AT_ONCE = 500
MOST_NAMED = 50

Row = TypeVar("Row", "Conversation", "CountedRow")


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """Hold one message as the dialogue shows it. `url` plays its recording and is empty without one."""

    message: Message
    recording: Recording | None
    url: str
    length: str


class StateFilter(admin.SimpleListFilter):
    """Filter by state: kept, deleted or all. Hide deleted conversations by default."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("deleted", "Deleted"), ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        kept, *others = super().choices(changelist)
        yield {**kept, "display": "Kept"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> QuerySet[Conversation]:
        if self.value() == "all":
            return queryset
        return queryset.filter(deleted_at__isnull=self.value() != "deleted")


class LevelFilter(admin.SimpleListFilter):
    title = "level"
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(level, level) for level in LEVELS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> QuerySet[Conversation]:
        if self.value() not in LEVELS:
            return queryset
        difficulty = LEVELS.index(str(self.value())) + 1
        return queryset.filter(
            Q(config__level=self.value()) | Q(config__level__isnull=True, config__difficulty=difficulty)
        )


class ScenarioFilter(LinkedFilter):
    title = "scenario"
    parameter_name = "scenario"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> QuerySet[Conversation]:
        return queryset.filter(config__scenario=self.value())


class CountedRow(Protocol):
    """Declare the counts that `CountedList` adds to a conversation."""

    pk: uuid.UUID
    learner: uuid.UUID
    wire_id: str
    title: str
    topic: str
    turns: int
    corrections: int


class CountedList(ChangeList):
    """Add the counts of turns and corrections to each row of a page, with one more query per page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[CountedRow] = list(self.result_list)
        if not may(request, READ):
            without_words(rows)
        elif any(not ids_like(word, ["pk"]) for word in words_of(self.query)):
            # A search by words reveals that they were said, so it counts as an access.
            audit.record(request.user, audit.Action.FOUND, map(accessed, rows), once=True)
        turns, corrections = Counter[uuid.UUID](), Counter[uuid.UUID]()
        found = Message.objects.filter(conversation__in=[row.pk for row in rows], deleted_at=None).order_by()
        for key, made in found.values_list("conversation_id", "corrections"):
            turns[key] += 1
            corrections[key] += len(made)
        for row in rows:
            row.turns, row.corrections = turns[row.pk], corrections[row.pk]
        # Replace the queryset by a list: evaluating it again would lose the counts.
        self.result_list = rows


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    """Show, play, delete and undelete conversations.

    Who may only view conversations sees when, how long and whose they are. What was said, and titles, need the permission
    to view messages; recordings need theirs.

    All changes go through `store`, which leaves dated tombstones for other databases and for the eraser. Django's own
    cascade would leave the recordings behind and could not be undone.
    """

    list_display = ("name", "learner_link", "level", "date", "turns", "minutes", "corrections")
    list_display_links = ("name",)
    list_filter = (LearnerFilter, ScenarioFilter, StateFilter, ("timestamp", DateFilter), LevelFilter)
    date_hierarchy = "timestamp"
    search_fields = ("title", "topic", "wire_id")
    fields = ()
    actions = ("delete_selected", "undelete")

    # The list

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return CountedList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        if cause := cloud.down().get(cloud.database.name):
            waiting = counted(len(outbox.keys(outbox.pending())), "conversation")
            text = f"The conversations' database is down ({cause}), so they are not listed. Changes of {waiting} wait for it."
            self.message_user(request, text, messages.WARNING)
        return super().changelist_view(request, extra_context)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        found = super().get_changelist_instance(request)
        words = "Words of the title, the topic or what was said; or an" if may(request, READ) else "An"
        found.search_help_text = f"{words} id, the learner's or the conversation's (the first 8 characters do)."
        return found

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "state") if _shows_deleted(request) else self.list_display

    def get_sortable_by(self, request: HttpRequest) -> list[str | Callable[[Any], str | bool]]:
        return [each for each in self.get_list_display(request) if each != "name" or may(request, READ)]

    def get_actions(self, request: HttpRequest) -> dict[str, tuple[Callable[..., str], str, str] | None]:
        offered = super().get_actions(request)
        if not _shows_deleted(request):
            offered.pop("undelete", None)
        return offered

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Conversation], search_term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        for word in words_of(search_term):
            matches = Q(wire_id__icontains=word) | ids_like(word, ("learner", "pk"))
            if may(request, READ):
                said = Message.objects.filter(content__icontains=word, deleted_at=None)
                matches |= Q(title__icontains=word) | Q(topic__icontains=word) | Q(pk__in=said.values("conversation"))
            queryset = queryset.filter(matches)
        return queryset, False

    @admin.display(description="conversation", ordering="title")
    def name(self, row: Conversation) -> str | SafeString:
        if row.title and row.topic and row.title != row.topic:
            return format_html('{} <span class="topic">{}</span>', row.title, row.topic)
        return str(row)

    @admin.display(description="learner", ordering="learner")
    def learner_link(self, row: Conversation) -> SafeString:
        return filter_link("admin:conversations_conversation_changelist", "learner", row.learner)

    @admin.display(description="level", empty_value="")
    def level(self, row: Conversation) -> str:
        return level_of(row)

    @admin.display(description="date (UTC)", ordering="timestamp")
    def date(self, row: Conversation) -> str:
        return date_format(row.timestamp, "j M Y, H:i")

    @admin.display(description="turns")
    def turns(self, row: CountedRow) -> int:
        return row.turns

    @admin.display(description="length", ordering="duration")
    def minutes(self, row: Conversation) -> str:
        return length(seconds_of(row))

    @admin.display(description="corrections")
    def corrections(self, row: CountedRow) -> int:
        return row.corrections

    @admin.display(description="state", ordering="deleted_at")
    def state(self, row: Conversation) -> SafeString:
        return format_html('<span class="{}">{}</span>', "deleted" if row.deleted_at else "kept", state_of(row))

    def get_urls(self) -> list[URLPattern]:
        listen = self.admin_site.admin_view(self.listen_view)
        return [path("listen/<uuid:key>/", listen, name="conversations_listen"), *super().get_urls()]

    def listen_view(self, request: HttpRequest, key: uuid.UUID) -> HttpResponse:
        if not may(request, HEAR):
            raise PermissionDenied
        return links.listen(request, key)

    # One conversation

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Conversation | None:
        row = super().get_object(request, object_id, from_field)
        return row if row is None or may(request, READ) else without_words([row])[0]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        return history(request, object_id)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, object],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Conversation | None = None,
    ) -> HttpResponse:
        if obj is None or (stored := store.look_up(obj.pk)) is None:
            raise Http404
        if may(request, READ):
            audit.record(request.user, audit.Action.READ, [accessed(obj)])
        context |= self._page(request, stored)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _page(self, request: HttpRequest, stored: store.StoredConversation) -> dict[str, object]:
        row, voices = stored.conversation, stored.recordings.values()
        may_read, may_listen = may(request, READ), may(request, HEAR)
        if not may_read:
            without_words([row])
        may_undelete = self.has_delete_permission(request) and _undo_until(row) is not None
        turns: list[DialogueTurn] = []
        for message in stored.messages if may_read else []:
            voice = stored.recordings.get(message.audio_key) if may_listen and row.deleted_at is None else None
            source = reverse("admin:conversations_listen", args=[voice.pk]) if voice else ""
            turns.append(DialogueTurn(message, voice, source, length(voice.duration) if voice else ""))
        return {
            "title": str(row),
            "subtitle": None,
            "turns": turns,
            "count": len(stored.messages),
            "may_read": may_read,
            "may_listen": may_listen,
            "may_undelete": may_undelete,
            "state": state_of(row),
            "level": level_of(row),
            "scenario": _config(row).get("scenario"),
            "engine": _config(row).get("voice"),
            "length": length(seconds_of(row)),
            "storage": stored.storage,
            "corrections": sum(len(message.corrections) for message in stored.messages),
            "voices": len(voices),
            "voices_length": length(sum(voice.duration for voice in voices)),
            "voices_size": sum(voice.size for voice in voices),
            "as_stored": json.dumps({"config": row.config, "analysis": row.analysis}, indent=2, ensure_ascii=False),
        }

    # Deleting and undeleting

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        deleted = isinstance(obj, Conversation) and obj.deleted_at is not None
        return not deleted and super().has_delete_permission(request, obj)

    def get_deleted_objects(
        self, objs: Iterable[Conversation], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        rows = list(objs) if may(request, READ) else without_words(list(objs))
        keys = [row.pk for row in rows]
        named = [
            f"{row}, {date_format(row.timestamp, 'j M Y, H:i')}, learner {row.learner}" for row in rows[:MOST_NAMED]
        ]
        if len(rows) > MOST_NAMED:
            named.append(f"… and {len(rows) - MOST_NAMED} more")
        counts = {
            "conversations": len(rows),
            "turns": Message.objects.filter(conversation__in=keys, deleted_at=None).count(),
            "recordings": Recording.objects.filter(conversation__in=keys).count(),
        }
        return named, counts, set(), []

    @admin.action(permissions=["delete"], description="Delete selected conversations")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> HttpResponse | None:
        kept = queryset.filter(deleted_at=None)
        chosen = kept.count()
        if not chosen:
            self.message_user(request, "These conversations are deleted already.", messages.WARNING)
            return None
        if chosen > MOST_AT_ONCE:
            self.message_user(request, f"Choose at most {MOST_AT_ONCE} conversations at once.", messages.WARNING)
            return None
        return actions.delete_selected(self, request, kept)

    @admin.action(permissions=["delete"], description="Undelete selected conversations")
    def undelete(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        deleted = list(queryset.filter(deleted_at__isnull=False))
        audit.record(request.user, audit.Action.RESTORED, map(accessed, filter(_undo_until, deleted)))
        back = [row for row in deleted if store.restore(row.learner, row.wire_id)]
        if back:
            self.message_user(request, f"{counted(len(back), 'conversation')} undeleted.", messages.SUCCESS)
        if too_late := len(deleted) - len(back):
            text = f"{too_late} could not be undeleted: the {_minutes(store.UNDO)} minutes for that are over."
            self.message_user(request, text, messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: Conversation) -> None:
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[Conversation]) -> None:
        for row in queryset:
            store.delete(row.learner, row.wire_id)
        where = reverse("admin:conversations_conversation_changelist") + "?state=deleted"
        text = 'For {} minutes this can be undone: see <a href="{}">what was deleted</a>.'
        self.message_user(request, format_html(text, _minutes(store.UNDO), where), messages.INFO)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Conversation]) -> list[LogEntry]:
        """Record the deletions. Django calls this before it deletes."""
        audit.record(request.user, audit.Action.DELETED, map(accessed, queryset))
        return []


def accessed(row: Conversation | CountedRow) -> audit.Accessed:
    return audit.Accessed("conversation", row.pk, row.wire_id, row.learner)


def without_words(rows: list[Row]) -> list[Row]:
    """Empty the columns of these objects that can hold the learner's words, except the configuration. Return them."""
    emptied = Conversation.erasure()
    for row in rows:
        for name in emptied.keys() - {"config", "erased"}:
            setattr(row, name, emptied[name])
    return rows


def level_of(row: Conversation) -> str:
    """Return the level, A1 to C1, from the configuration. Derive it from the difficulty if the client sent no level.

    Return an empty string if there is neither.
    """
    config = _config(row)
    if config.get("level") in LEVELS:
        return str(config["level"])
    difficulty = config.get("difficulty")
    return LEVELS[difficulty - 1] if isinstance(difficulty, int) and 1 <= difficulty <= len(LEVELS) else ""


def seconds_of(row: Conversation) -> float | None:
    if row.duration is not None:
        return row.duration * 60
    if row.started_at and row.ended_at:
        return max(0.0, (row.ended_at - row.started_at).total_seconds())
    return None


def state_of(row: Conversation) -> str:
    if row.erased:
        return "erased for good"
    if until := _undo_until(row):
        return f"deleted, can be undeleted until {date_format(until, 'H:i:s')}"
    return "deleted, about to be erased" if row.deleted_at else "kept"


def _undo_until(row: Conversation) -> datetime | None:
    """Return the end of the time in which the deletion can be undone.

    Return None if the conversation is not deleted, is erased, or the time is over.
    """
    if row.deleted_at is None or row.erased or row.deleted_at + store.UNDO <= timezone.now():
        return None
    return row.deleted_at + store.UNDO


def _config(row: Conversation) -> Json:
    return row.config if isinstance(row.config, dict) else {}


def _shows_deleted(request: HttpRequest) -> bool:
    return StateFilter.parameter_name in request.GET


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60
