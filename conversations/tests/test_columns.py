"""Erasures and archives must include every column, also those that are added later."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import models

from audio.models import Recording
from conversations.models import Conversation, LastClear, Message

# An erasure leaves columns of these types. Ids, times, lengths and flags contain no words.
KEPT_TYPES = (
    models.UUIDField,
    models.DateTimeField,
    models.FloatField,
    models.BooleanField,
    models.PositiveIntegerField,
    models.ForeignKey,
)
ROWS: list[type[models.Model]] = [Conversation, Message]
COLUMNS = [(model, column.name) for model in ROWS for column in model._meta.concrete_fields]


def filled(model: type[models.Model]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in model._meta.concrete_fields:
        match column:
            case models.UUIDField() | models.ForeignKey():
                values[column.attname] = uuid.uuid4()
            case models.DateTimeField():
                values[column.attname] = datetime(2024, 5, 1, tzinfo=UTC)
            case models.JSONField():
                values[column.attname] = ["secret"]
            case models.CharField() | models.TextField():
                values[column.attname] = "secret"
            case models.BooleanField():
                values[column.attname] = False
            case models.FloatField() | models.PositiveIntegerField():
                values[column.attname] = 7
            case _:
                pytest.fail(f"{column} is of a type that this test does not know.")
    return values


@pytest.mark.parametrize(("model", "name"), COLUMNS)
def test_an_erasure_empties_a_column_or_it_holds_no_words(model: type[Any], name: str) -> None:
    emptied = model.erasure()
    column = model._meta.get_field(name)
    assert name in emptied or name in model.LEFT_BY_ERASURE or isinstance(column, KEPT_TYPES)
    if name in emptied and name != "erased":
        assert "secret" not in str(emptied[name])


@pytest.mark.django_db(databases=["default", "local"])
def test_no_word_is_left_in_a_row_that_was_erased() -> None:
    kept = {"wire_id": "conv-1", "stamps": None, "deleted_at": None}
    conversation = Conversation.objects.using("local").create(**filled(Conversation) | kept)
    values = filled(Message) | kept | {"role": "user", "conversation_id": conversation.pk}
    Message.objects.using("local").create(**values)
    for model in (Conversation, Message):
        model.objects.using("local").update(**model.erasure())
        assert "secret" not in str(model.objects.using("local").values().get())


def test_recordings_and_clearings_hold_no_words() -> None:
    named = {"key", "place", "content_type", "sha256"}
    for model in (Recording, LastClear):
        others = [column for column in model._meta.concrete_fields if column.name not in named]
        assert all(isinstance(column, KEPT_TYPES) for column in others)
