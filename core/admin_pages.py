"""Provide the parts that the operators' pages in Django's admin share."""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst, smart_split, unescape_string_literal

Row = TypeVar("Row", bound=Model)

# Hex digits of a shortened id. A search accepts as few.
SHORT = 8


class ReadOnlyAdmin(admin.ModelAdmin):
    """Show rows that only learners create and change. Operators can search and view them."""

    actions_selection_counter = True
    list_per_page = 50
    list_max_show_all = 200
    # Counting the rows that a filter hides costs a scan, and is of little use.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow only the filters of the page. By default, `?title__startswith=A` would tell what a hidden column has."""
        filters = [each[0] if isinstance(each, tuple) else each for each in self.list_filter]
        names = {self.date_hierarchy, *(getattr(each, "parameter_name", each) for each in filters)}
        return lookup.partition("__")[0] in names

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})


class DateFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "date"


class LinkedFilter(admin.SimpleListFilter):
    """Filter by a value out of too many to list. Links in the rows set it, and it shows only while it is set."""

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        value = self.value()
        return [(value, self.in_short(value))] if value else []

    def in_short(self, value: str) -> str:
        return value


class IdFilter(LinkedFilter):
    """Filter by the UUID in the column `parameter_name`. A value that is not a UUID matches no row."""

    def in_short(self, value: str) -> str:
        return short(value)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Row]) -> QuerySet[Row]:
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
    """Return a shortened UUID, complete in the tooltip, that links to its rows in the list `view`."""
    return format_html(
        '<a class="short-id" href="{}?{}={}" title="{}">{}</a>', reverse(view), parameter, key, key, short(key)
    )


def ids_like(word: str, columns: Iterable[str]) -> Q:
    """Match rows where one of these UUID columns equals the word or begins with it, from SHORT digits on.

    The word may have dashes. The match is a range, which every database finds by its index. Return an empty Q if the
    word cannot be an id.
    """
    digits = word.replace("-", "").lower()
    found = Q()
    if SHORT <= len(digits) <= 32 and all(digit in "0123456789abcdef" for digit in digits):
        span = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
        for column in columns:
            found |= Q(**{f"{column}__range": span})
    return found


def length(seconds: float | None) -> str:
    """Return minutes and seconds, such as 3:05, with hours only if there are any."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def words_of(search_term: str) -> Iterator[str]:
    """Yield the words of a search as Django's own search does: quoted words stay together."""
    for word in smart_split(search_term):
        quoted = word[0] in "\"'" and word[0] == word[-1] and len(word) > 1
        yield unescape_string_literal(word) if quoted else word
