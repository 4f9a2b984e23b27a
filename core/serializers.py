"""Provide the fields and answers that the serializers of all apps share."""

from collections.abc import Sequence
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.settings import api_settings

T = TypeVar("T")
NON_FIELD_ERRORS_KEY = api_settings.NON_FIELD_ERRORS_KEY


class TextField(serializers.CharField):
    """Read text, and strip it. `max_length` also counts the spaces that are stripped. Refuses a number.

    null is read as an empty text if the field may be blank.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("allow_null", kwargs.get("allow_blank", False))
        super().__init__(**kwargs)

    def run_validation(self, data: object = empty) -> str:
        return (super().run_validation(data) or "").strip()

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(data)


class NumberField(serializers.FloatField):
    """Read a number, and refuse text that holds one. Write it unchanged: a whole number gets no decimal point."""

    def to_internal_value(self, data: object) -> float:
        if not isinstance(data, int | float) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)

    def to_representation(self, value: float) -> float:  # type: ignore[override]
        return value


class NamedChoiceField(serializers.ChoiceField):
    """Read one of the choices. The error names them all."""

    def __init__(self, choices: Sequence[str], **kwargs: Any) -> None:
        names = ", ".join(choices)
        super().__init__(choices, error_messages={"invalid_choice": f"Write one of {names}."}, **kwargs)


class ChosenField(NamedChoiceField):
    """Read one of the choices. An empty value, or null, is the default."""

    def run_validation(self, data: object = empty) -> object:
        return super().run_validation(empty if data is None or data == "" else data)


NOT_AN_OBJECT = "The body must be a JSON object."


class BodySerializer(serializers.Serializer[Any]):
    """Read the body of a request."""

    default_error_messages = {"invalid": NOT_AN_OBJECT}

    def run_validation(self, data: object = empty) -> object:
        if data is None:
            raise serializers.ValidationError({NON_FIELD_ERRORS_KEY: [NOT_AN_OBJECT]})
        return super().run_validation(data)


class ItemsSerializer(serializers.ListSerializer[Any]):
    """Read a list of objects."""

    default_error_messages = {"not_a_list": "Write a list."}


class ItemSerializer(serializers.Serializer[Any]):
    """Read an object inside the body of a request."""

    default_error_messages = {"invalid": "Write an object."}

    class Meta:
        list_serializer_class = ItemsSerializer


class BuiltSerializer(serializers.Serializer[T]):
    """Pass on an object that is built already. Serializing a history of thousands of messages by field would take long."""

    def to_representation(self, instance: T) -> Any:
        return instance


class WhereSerializer(serializers.Serializer[Any]):
    """Say where the data of an answer is stored and which parts of the cloud are down."""

    storage = serializers.ChoiceField(
        choices=["cloud", "local"],
        help_text="Where the data of this answer is stored. Without such data: where new data is stored.",
    )
    degraded = serializers.BooleanField(required=False, help_text="Part of the cloud is down; the service goes on.")
    down = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="The parts of the cloud that are down (`database`, `audio bucket`), and why.",
    )


class ErrorSerializer(WhereSerializer):
    storage = serializers.ChoiceField(choices=["cloud", "local"], required=False)
    error = serializers.CharField(help_text="What went wrong and what to do.")
