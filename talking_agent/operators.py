"""What the operators' pages in Django's admin have in common."""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst, smart_split, unescape_string_literal

SHORT = 8  # hex digits by which an id is shown and can be searched for


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only learners make and change: operators find them, and look at them."""

    actions_selection_counter = True
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False  # counting what a filter hides says little and costs a scan
    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})


class DateFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "date"


class LinkedFilter(admin.SimpleListFilter):
    """A filter with too many values to list: it is set by a link in a row, and shown only while it is set."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.value()
        return [(value, self.in_short(value))] if value else []

    def in_short(self, value: str) -> str:
        return value


class IdFilter(LinkedFilter):
    """By the UUID in the column `parameter_name`; what is no UUID is nobody's."""

    def in_short(self, value: str) -> str:
        return short(value)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            return queryset.filter(**{str(self.parameter_name): uuid.UUID(self.value() or "")})
        except ValueError:
            return queryset.none()


class LearnerFilter(IdFilter):
    title = "learner"
    parameter_name = "learner"


def short(key: uuid.UUID | str) -> str:
    return str(key)[:SHORT]


def filter_link(view: str, parameter: str, key: uuid.UUID) -> SafeString:
    """A UUID in short, whole in the tooltip, that leads to the list `view` with only its rows."""
    return format_html(
        '<a class="short-id" href="{}?{}={}" title="{}">{}</a>', reverse(view), parameter, key, key, short(key)
    )


def ids_like(word: str, columns: Iterable[str]) -> Q:
    """Rows where one of these UUID columns is this one, written with or without dashes, or begins like it (from SHORT
    digits on): a range, which every database finds by its index. Empty if the word cannot be an id."""
    digits = word.replace("-", "").lower()
    found = Q()
    if SHORT <= len(digits) <= 32 and all(digit in "0123456789abcdef" for digit in digits):
        span = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
        for column in columns:
            found |= Q(**{f"{column}__range": span})
    return found


def length(seconds: float | None) -> str:
    """Minutes and seconds: 3:05; hours only where there are any."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def words_of(search_term: str) -> Iterator[str]:
    """The words of a search, quoted ones together, as Django's own search takes them."""
    for word in smart_split(search_term):
        quoted = word[0] in "\"'" and word[0] == word[-1] and len(word) > 1
        yield unescape_string_literal(word) if quoted else word
