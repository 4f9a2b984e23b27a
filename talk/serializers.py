"""Check the bodies of calls. An error names the field. (`result_serializers.py` describes the answers.)"""

import re

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from conversations import ids
from conversations.models import Message
from conversations.serializers import MAX_CONTENT, MAX_MESSAGES
from core.json_types import Json
from core.serializers import BodySerializer, ChosenField, ItemSerializer, NamedChoiceField, NumberField, TextField
from talk import protocol, session_fields
from talk.protocol import OWN_WORDS, ProtocolError
from talk.turns import SubmittedTurn
from tutor import language, scenario
from tutor.domain import Line
from tutor.scenario import LEVELS, Brief

# Characters: about five minutes of speech.
MAX_SPOKEN = 4_096
MAX_TRANSLATED = 20_000
MAX_TALK = 400_000  # characters of a whole conversation
# Each mode, with its scenario for a topic that no scenario is about.
SCENARIO_OF_MODE = {
    **{"casual-chat": "own-topic", "speaking-practice": "own-topic", "interview": "interview-general"},
    **{"adventure": "adventure-island", "lesson": "lesson-past"},
}
DEFAULT_DIFFICULTY = 3
MAX_MINUTES = 24 * 60
# With less, a ratio to it can exceed the range of a number.
LEAST_MINUTES = 0.001
NO_FILE = "Send a file, as multipart/form-data."
SOUND = "A file in any common format, at most 25 MB and 10 minutes."

LANGUAGES = list(language.load_all())

_LANGUAGE = re.compile(r"[A-Za-z]{2}(?:[-_][A-Za-z0-9_-]{1,20})?")


@extend_schema_field(str)
class StoredIdField(serializers.Field[str, object, str, object]):
    """Read an id that may be stored already. An empty one, or null, counts as not given."""

    def run_validation(self, data: object = empty) -> object:
        return super().run_validation(empty if data is None or data == "" else data)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or not ids.may_be_stored(data):
            raise serializers.ValidationError(ids.RULE)
        return data


class SpeechSerializer(BodySerializer):
    text = TextField(max_length=MAX_SPOKEN)
    voice = TextField(max_length=100, allow_blank=True, default="")
    conversationId = StoredIdField(default=None)
    messageId = StoredIdField(default=None)


class SpokenLanguageField(serializers.CharField):
    """Read the language of a recording as two letters. For `en-GB` this is `en`."""

    def run_validation(self, data: object = empty) -> object:
        return super().run_validation(empty if data == "" else data)

    def to_internal_value(self, data: str) -> str:
        code = super().to_internal_value(data)
        if not _LANGUAGE.fullmatch(code) or code[:2].lower() not in language.HEARD:
            raise serializers.ValidationError("Write the code of a language, such as en.")
        return code[:2].lower()


class RecordingSerializer(BodySerializer):
    audio = serializers.FileField(
        allow_empty_file=True, error_messages={"required": NO_FILE, "invalid": NO_FILE}, help_text=SOUND
    )
    language = SpokenLanguageField(default=language.DEFAULT)


class TargetSerializer(BodySerializer):
    targetLanguage = ChosenField(LANGUAGES)


class TranslationSerializer(TargetSerializer):
    text = TextField(max_length=MAX_TRANSLATED)


class LineSerializer(ItemSerializer):
    role = serializers.ChoiceField(
        choices=Message.Role.choices, error_messages={"invalid_choice": "Write user or assistant."}
    )
    content = TextField(max_length=MAX_CONTENT, allow_blank=True, allow_null=False)


class DifficultyField(serializers.IntegerField):
    """Read a whole number. Older clients store their settings as text."""

    def to_internal_value(self, data: float | int | str) -> int:
        if isinstance(data, float):
            self.fail("invalid")
        return super().to_internal_value(data)


class AboutSerializer(BodySerializer):
    """Check what a talk is about."""

    topic = TextField(max_length=500, allow_blank=True, default="")
    difficulty = DifficultyField(
        min_value=1, max_value=len(LEVELS), default=DEFAULT_DIFFICULTY, help_text=f"{LEVELS[0]} to {LEVELS[-1]}."
    )
    language = ChosenField(LANGUAGES, default=language.DEFAULT, help_text="The language of explanations.")
    mode = ChosenField(list(SCENARIO_OF_MODE), default=next(iter(SCENARIO_OF_MODE)))

    def brief(self, lines: list[Line]) -> Brief:
        """Return the brief for the mode's scenario whose title is the topic, or for the mode's usual scenario."""
        asked = self.validated_data
        topic, usual = asked["topic"], scenario.get(SCENARIO_OF_MODE[asked["mode"]])
        kind = "chat" if usual.kind == "own" else usual.kind
        fitting = (each for each in scenario.load_all().values() if each.kind == kind)
        return Brief(
            scenario=next((each for each in fitting if each.title.casefold() == topic.casefold()), usual),
            level=LEVELS[asked["difficulty"] - 1],
            seed=lines[0].text if lines else topic,
            topic=topic,
            language=asked["language"],
        )


class ChatSerializer(AboutSerializer):
    messages = LineSerializer(many=True, max_length=MAX_MESSAGES)  # type: ignore[call-arg]

    def validate_messages(self, messages: list[dict[str, str]]) -> list[Line]:
        return _lines(messages)


class TalkSerializer(AboutSerializer):
    conversation = LineSerializer(many=True, max_length=MAX_MESSAGES)  # type: ignore[call-arg]
    timeLimit = NumberField(
        min_value=LEAST_MINUTES, max_value=MAX_MINUTES, allow_null=True, default=None, help_text="Minutes."
    )

    def validate_conversation(self, messages: list[dict[str, str]]) -> list[Line]:
        return _lines(messages)


class WordsSerializer(BodySerializer):
    content = TextField(max_length=MAX_CONTENT)


class ItemIdField(serializers.CharField):
    def to_internal_value(self, data: object) -> str:
        try:
            return protocol.item_id_of(data) or ""
        except ProtocolError as problem:
            raise serializers.ValidationError(str(problem)) from problem


class SpeedField(serializers.FloatField):
    """Read a number from JSON or from a form."""

    def to_internal_value(self, data: float | int | str) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class TypedTurnSerializer(BodySerializer):
    """Check one turn that is typed."""

    # The learner's own words about the scenario `own-topic`.
    topic = TextField(
        max_length=500,
        allow_blank=True,
        required=False,
        help_text="For the scenario `own-topic`, like the next three fields.",
    )
    goal = TextField(max_length=500, allow_blank=True, required=False)
    rules = TextField(max_length=500, allow_blank=True, required=False)
    expectations = TextField(max_length=500, allow_blank=True, required=False)
    text = TextField(max_length=protocol.MAX_TEXT)
    messageId = ItemIdField(
        required=False, help_text="An id for the turn, such as `user-<ms>`. Sending it again changes nothing."
    )
    reply = serializers.BooleanField(default=True, help_text="false: only transcribe and save the turn.")
    scenario = TextField(
        max_length=64,
        allow_blank=True,
        required=False,
        help_text="Used only until the first turn, like the fields that follow.",
    )
    level = NamedChoiceField(LEVELS, required=False)
    language = NamedChoiceField(LANGUAGES, required=False, help_text="The language of explanations.")
    keepsAudio = serializers.BooleanField(
        required=False, help_text="false: keep the words, but no recording of this turn and its answer."
    )
    speed = SpeedField(
        required=False,
        help_text=f"{session_fields.SPEED.low} to {session_fields.SPEED.high}; another value becomes the nearest one.",
    )


class TurnSerializer(TypedTurnSerializer):
    """Check one turn over HTTP: either `audio` or `text`."""

    audio = serializers.FileField(required=False, allow_empty_file=True, help_text=SOUND)
    text = TextField(max_length=protocol.MAX_TEXT, required=False)

    def to_internal_value(self, data: object) -> Json:
        # null is the same as a field that is not sent.
        given = {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data
        return dict(super().to_internal_value(given))

    def validate(self, attrs: Json) -> Json:
        if ("audio" in attrs) == ("text" in attrs):
            raise serializers.ValidationError("Send either `audio`, a file, or `text`.")
        if refusals := session_fields.session_wishes(_session(attrs)).refusals:
            raise refusals[0]
        return attrs

    def asked(self) -> SubmittedTurn:
        fields = self.validated_data
        file: UploadedFile | None = fields.get("audio")
        return SubmittedTurn(
            audio=file.read() if file else None,
            text=fields.get("text"),
            message_id=fields.get("messageId"),
            wants_reply=fields["reply"],
            session=_session(fields),
        )


def _session(fields: Json) -> Json:
    """Return the fields as the `session` of a `session.update` that asks for `talk.*` events."""
    talk = {name: fields[name] for name in ("scenario", "level", "language", *OWN_WORDS) if name in fields}
    if "keepsAudio" in fields:
        talk["keeps_audio"] = fields["keepsAudio"]
    sound = {"audio": {"output": {"speed": fields["speed"]}}} if "speed" in fields else {}
    return {"talk": talk, **sound}


def _lines(messages: list[dict[str, str]]) -> list[Line]:
    """Return messages as lines, without those that have no words."""
    if sum(len(message["content"]) for message in messages) > MAX_TALK:
        raise serializers.ValidationError(f"This holds more than {MAX_TALK:,} characters.")
    return [Line(message["role"], message["content"]) for message in messages if message["content"]]
