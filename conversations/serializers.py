"""Check the JSON of conversations in requests, field by field, so that errors name the field.

(`representations.py` builds the JSON of responses.)
"""

import base64
import json
import math
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from audio import sound_threads
from audio.encoding import MAX_BYTES, BadAudio, Clip
from audio.models import Recording
from conversations.changes import conversation_key, message_key
from conversations.drafts import Draft
from conversations.ids import MAX_ID
from conversations.models import Columns, Message
from core.counts import MB
from core.cursors import CursorPosition, place_at
from core.json_types import Json
from core.serializers import BodySerializer, ItemSerializer

MAX_MESSAGES = 2_000
MAX_CORRECTIONS = 100
# Characters of one message.
MAX_CONTENT = 20_000
# Seconds of audio in one conversation of a request: decoding takes time.
MAX_SOUND = 3600
# Characters of a free-form field.
MAX_JSON = 64 * 1024
MAX_INTEGER = 2**63 - 1
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# This is inside the range of every database.
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
MAX_PAGE = 200
OTHER_PAGING = {"offset", "page", "skip"}
NEXT_BY_CURSOR = "The next page is asked for by `cursor`: send `next` of the page before."
NO_CURSOR = "Send `next` of the page before, as it is."
DATA_URL = re.compile(r"data:(?:audio/|video/webm|application/octet-stream)[^,]{0,100};base64,", re.ASCII)


@extend_schema_field(float | datetime)  # type: ignore[arg-type]
class MillisecondsField(serializers.Field[datetime, object, int, object]):
    """Read milliseconds since 1970, or an ISO 8601 string, as a datetime."""

    def to_internal_value(self, data: object) -> datetime:
        if isinstance(data, str):
            moment = serializers.DateTimeField(default_timezone=UTC).to_internal_value(data)
        elif isinstance(data, int | float) and not isinstance(data, bool):
            try:
                moment = datetime.fromtimestamp(data / 1000, UTC)
            except (ValueError, OverflowError, OSError) as error:
                raise serializers.ValidationError("This is not a date.") from error
        else:
            raise serializers.ValidationError("Write milliseconds since 1970, or an ISO 8601 string.")
        if not EARLIEST <= moment <= LATEST:
            raise serializers.ValidationError("This date is out of range.")
        return moment


class FiniteField(serializers.FloatField):
    """Read a finite number. Refuses "nan", which Python reads as a number."""

    def to_internal_value(self, data: float | str) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


@extend_schema_field(OpenApiTypes.OBJECT)
class FreeField(serializers.JSONField):
    """Read an object of any content that every database can hold."""

    def to_internal_value(self, data: Json | list[Json]) -> Json:
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            raise serializers.ValidationError("Write an object.")
        if len(json.dumps(value)) > MAX_JSON:
            raise serializers.ValidationError(f"This is longer than {MAX_JSON} characters.")
        for leaf in _leaves(value):
            if isinstance(leaf, str) and re.search("[\0\ud800-\udfff]", leaf):
                raise serializers.ValidationError("This holds characters that are not text.")
            if isinstance(leaf, int) and abs(leaf) > MAX_INTEGER:
                raise serializers.ValidationError("This holds a number that is too large.")
        return value


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value


@extend_schema_field(str)
class AudioField(serializers.Field[bytes | None, object, str, object]):
    """Decode a data URL to bytes. Read a `blob:` URL as no audio: it is dead outside the tab that made it."""

    def to_internal_value(self, data: object) -> bytes | None:
        if not isinstance(data, str):
            raise serializers.ValidationError("Write a data URL.")
        if not data or data.startswith("blob:"):
            return None
        head = DATA_URL.match(data)
        if not head:
            raise serializers.ValidationError("This is not a data URL of audio.")
        if (len(data) - head.end()) * 3 // 4 > MAX_BYTES:
            raise serializers.ValidationError(f"The audio is larger than {MAX_BYTES // MB} MB.")
        try:
            return base64.b64decode(data[head.end() :], validate=True)
        except ValueError as error:
            raise serializers.ValidationError("The data URL is not base64.") from error


class CorrectionSerializer(ItemSerializer):
    said = serializers.CharField(max_length=1000, allow_blank=True)
    better = serializers.CharField(max_length=1000, allow_blank=True)
    why = serializers.CharField(max_length=1000, allow_blank=True, default="")
    category = serializers.CharField(max_length=100, allow_blank=True, default="")
    start = serializers.IntegerField(min_value=0, max_value=100_000, required=False)
    end = serializers.IntegerField(min_value=0, max_value=100_000, required=False)


@extend_schema_field(str)
class CursorField(serializers.Field[CursorPosition, object, str, object]):
    def to_internal_value(self, data: object) -> CursorPosition:
        try:
            place = place_at(str(data))
        except ValueError as error:
            raise serializers.ValidationError(NO_CURSOR) from error
        if place.timestamp > LATEST:
            raise serializers.ValidationError(NO_CURSOR)
        return place


class MessageSerializer(ItemSerializer):
    # `conversations.ids` checks which ids may be used, because it knows the stored ones.
    id = serializers.CharField(max_length=MAX_ID, required=False, trim_whitespace=False)
    role = serializers.ChoiceField(
        choices=Message.Role.choices, error_messages={"invalid_choice": "Write user or assistant."}
    )
    content = serializers.CharField(max_length=MAX_CONTENT, allow_blank=True, trim_whitespace=False)
    timestamp = MillisecondsField(required=False)
    audioData = AudioField(required=False, allow_null=True, help_text="A data URL of audio, at most 25 MB.")
    audioS3Key = serializers.CharField(max_length=255, required=False, allow_null=True, allow_blank=True)
    corrections = CorrectionSerializer(many=True, max_length=MAX_CORRECTIONS, required=False)  # type: ignore[call-arg]
    interrupted = serializers.BooleanField(required=False)


class NewMessageSerializer(BodySerializer, MessageSerializer):
    """Check one message to add to a conversation. `draft` returns it as the store takes it."""

    def validate_audioData(self, sound: bytes | None) -> Clip | None:
        if sound is None:
            return None
        try:
            return sound_threads.from_upload(sound)
        except BadAudio as error:
            raise serializers.ValidationError(str(error)) from error

    def draft(self) -> Draft:
        data = {"id": f"{self.validated_data['role']}-{uuid.uuid4().hex}", **self.validated_data}
        return _draft(data, data.get("timestamp") or timezone.now(), None)


class ConfigSerializer(ItemSerializer):
    topic = serializers.CharField(max_length=500, required=False, allow_blank=True)
    difficulty = serializers.IntegerField(min_value=1, max_value=5, required=False)
    voice = serializers.CharField(max_length=100, required=False, allow_blank=True)
    timeLimit = FiniteField(min_value=0, max_value=100_000, required=False)
    language = serializers.CharField(max_length=20, required=False, allow_blank=True)
    mode = serializers.CharField(max_length=50, required=False, allow_blank=True)

    def to_internal_value(self, data: object) -> Json:
        # Keep unknown fields: a newer client may have sent them.
        return {**FreeField().run_validation(data), **super().to_internal_value(data)}


class ConversationSerializer(BodySerializer):
    """Check a whole conversation. `drafts` and `columns` return it as the store takes it."""

    id = serializers.CharField(max_length=MAX_ID, trim_whitespace=False)
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    timestamp = MillisecondsField(required=False)
    messages = MessageSerializer(many=True, max_length=MAX_MESSAGES, required=False)  # type: ignore[call-arg]
    config = ConfigSerializer(required=False)
    analysis = FreeField(required=False, allow_null=True)
    callEnded = serializers.BooleanField(required=False)
    timeRemaining = FiniteField(min_value=-1e9, max_value=1e9, required=False, allow_null=True)
    startTime = MillisecondsField(required=False, allow_null=True)
    endTime = MillisecondsField(required=False, allow_null=True)
    duration = FiniteField(min_value=0, max_value=1e9, required=False, allow_null=True)

    COLUMNS = {
        "title": "title",
        "timestamp": "timestamp",
        "config": "config",
        "analysis": "analysis",
        "callEnded": "call_ended",
        "timeRemaining": "time_remaining",
        "startTime": "started_at",
        "endTime": "ended_at",
        "duration": "duration",
    }

    def validate_messages(self, messages: list[Json]) -> list[Json]:
        seen: set[str] = set()
        seconds = 0.0
        for index, message in enumerate(messages):
            message.setdefault("id", f"{message['role']}-{uuid.uuid4().hex}")
            if message["id"] in seen:
                raise serializers.ValidationError(
                    f"Message {index} has the id of an earlier one: {message['id'][:50]!r}."
                )
            seen.add(message["id"])
            if message.get("audioData") is not None:
                try:
                    message["audioData"] = sound_threads.from_upload(message["audioData"])
                except BadAudio as error:
                    detail = {index: {"audioData": str(error)}}
                    raise serializers.ValidationError(detail) from error  # type: ignore[arg-type]  # a list's index
                seconds += message["audioData"].duration
            if seconds > MAX_SOUND:
                raise serializers.ValidationError(f"This holds more than {MAX_SOUND // 60} minutes of audio.")
        return messages

    def columns(self) -> Columns:
        data = self.validated_data
        columns = {column: data[name] for name, column in self.COLUMNS.items() if name in data}
        if "config" in data:
            columns["topic"] = data["config"].get("topic", "")
        return columns

    def drafts(self, learner: uuid.UUID, named: dict[str, Recording]) -> list[Draft]:
        """Return the messages in the order they were sent.

        A message keeps a named recording only if the recording is its own: a recording shared by two messages would go
        with the first of them.
        """
        data = self.validated_data
        conversation = conversation_key(learner, data["id"])
        moment = data.get("startTime") or data.get("timestamp") or timezone.now()
        drafts = []
        for message in data.get("messages", []):
            moment = message.get("timestamp") or moment + timedelta(milliseconds=1)
            recording = named.get(message.get("audioS3Key") or "")
            is_own = recording is not None and recording.message == message_key(conversation, message["id"])
            drafts.append(_draft(message, moment, message["audioS3Key"] if is_own else None))
        return drafts

    def named_keys(self) -> list[str]:
        return [m["audioS3Key"] for m in self.validated_data.get("messages", []) if m.get("audioS3Key")]


def _draft(message: Json, at: datetime, audio_key: str | None) -> Draft:
    return Draft(
        id=message["id"],
        role=message["role"],
        content=message["content"],
        at=at,
        audio=message.get("audioData"),
        audio_key=audio_key,
        corrections=[dict(each) for each in message["corrections"]] if "corrections" in message else None,
        interrupted=message.get("interrupted"),
    )


class ChangesSerializer(BodySerializer):
    """Check the changes of a conversation. `columns` returns them as the store takes them."""

    title = serializers.CharField(
        max_length=200, allow_blank=True, required=False, help_text="Empty: the topic becomes the title again."
    )
    callEnded = serializers.BooleanField(required=False)

    def validate(self, attrs: Json) -> Json:
        if not attrs:
            raise serializers.ValidationError({"title": "Send a title, or `callEnded`."})
        return attrs

    def columns(self) -> Columns:
        return {ConversationSerializer.COLUMNS[name]: value for name, value in self.validated_data.items()}


class LimitField(serializers.IntegerField):
    """Read the number of rows of a page, from 1 up. Takes more than MAX_PAGE as MAX_PAGE."""

    def __init__(self, default: int) -> None:
        says = f"From 1 up; more than {MAX_PAGE} is taken as {MAX_PAGE}."
        super().__init__(min_value=1, help_text=says, default=default)

    def run_validation(self, data: object = empty) -> int:
        return min(int(super().run_validation(data)), MAX_PAGE)


class PageSerializer(serializers.Serializer[object]):
    """Check which page of a list the client wants."""

    limit = LimitField(default=100)
    cursor = CursorField(required=False, help_text="`next` of the page before; without it, the first page.")

    def validate(self, attrs: Json) -> Json:
        # A client that pages by these would get the first page again and again.
        for name in OTHER_PAGING & self.initial_data.keys():
            raise serializers.ValidationError({name: NEXT_BY_CURSOR})
        return attrs


class ListSerializer(PageSerializer):
    limit = LimitField(default=50)
    id = serializers.CharField(
        max_length=MAX_ID,
        required=False,
        trim_whitespace=False,
        help_text="Only this conversation, answered as by its own address.",
    )
