"""Read leniently the conversations that browsers hold from the earlier application.

A bad field costs that field and a bad message that message. A conversation is refused only if it has no usable message.
Everything that could not be used is reported.

The fields alone tell the shapes apart: nested or flat entries of `conversationHistory`, entries of
`englishPracticeConversations`, and the API's own answers.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import Field

from conversations.drafts import Draft
from conversations.error_messages import in_words
from conversations.ids import is_wire_id
from conversations.models import Columns, Message
from conversations.serializers import (
    MAX_CONTENT,
    MAX_MESSAGES,
    ConfigSerializer,
    ConversationSerializer,
    FreeField,
    MessageSerializer,
    MillisecondsField,
)
from core.json_types import Json

MAX_TITLE = 200
MAX_TOPIC = 500
EXCERPT = 60
ROLES = {
    "user": Message.Role.USER,
    "learner": Message.Role.USER,
    "human": Message.Role.USER,
    "assistant": Message.Role.ASSISTANT,
    "ai": Message.Role.ASSISTANT,
    "agent": Message.Role.ASSISTANT,
    "bot": Message.Role.ASSISTANT,
    "model": Message.Role.ASSISTANT,
}
PREFIXES = {Message.Role.USER: "user", Message.Role.ASSISTANT: "ai"}
CONFIG = tuple(ConfigSerializer().fields)
NOT_TEXT = re.compile("[\0\ud800-\udfff]")
MILLISECONDS = re.compile(r"\d{1,15}", re.ASCII)
DEAD = "The recording was only in the tab that made it, and is gone."
ELSEWHERE = "The recording is not in here, only a link to it."
# Stands for a recording that comes with another request: all recordings may be too large for one.
LATER = "later"
NOT_AUDIO = "The recording cannot be read: this is no data URL."


class LegacyGoalSerializer(serializers.Serializer[object]):
    text = serializers.CharField(max_length=500)
    done = serializers.BooleanField(default=False)


class UnusableEntry(ValueError):
    """Report an entry of which nothing can be used. The message says why."""


@dataclass(slots=True)
class LostPart:
    """Hold a part of an entry that could not be used.

    `message` is the id of a message that was lost or lost its recording. Otherwise `field` names a field of the
    conversation.
    """

    why: str
    message: str | None = None
    text: str = ""
    field: str | None = None

    def shape(self) -> dict[str, str | None]:
        return {"message": self.message, "text": self.text, "field": self.field, "why": self.why}


@dataclass(slots=True)
class Said:
    """Hold a message, with its recording as a data URL (`sound`) that is not decoded yet.

    `silent` says why there is no recording.
    """

    draft: Draft
    sound: str = ""
    silent: str = ""
    dated: bool = True

    def lost(self, why: str) -> LostPart:
        return LostPart(why, message=self.draft.id, text=excerpt(self.draft.content))


@dataclass(slots=True)
class LegacyConversation:
    """Hold a conversation in the form that the store takes."""

    id: str
    title: str
    columns: Columns
    said: list[Said] = field(default_factory=list)
    lost: list[LostPart] = field(default_factory=list)


def read(raw: object) -> LegacyConversation:
    """Read an entry of any shape. Raises UnusableEntry.

    The same entry always gives the same ids, whether it brought its own or not.
    """
    if not isinstance(raw, dict):
        raise UnusableEntry("This is not a conversation.")
    sent = raw.get("messages")
    if not isinstance(sent, list):
        raise UnusableEntry("There is no list of messages in it.")
    if not sent:
        raise UnusableEntry("Nothing was said in it.")
    lost: list[LostPart] = []
    columns = _columns(raw, lost)
    begun = columns.get("started_at") or columns.get("timestamp")
    said = _messages(sent, begun, lost)
    if not said:
        raise UnusableEntry(f"None of its messages can be used: {lost[-1].why}")
    if begun is None and said[0].dated:
        begun = said[0].draft.at
    wire_id = _own_id(raw.get("id"))
    if not wire_id:
        # The same conversation gets the same id again. The recordings do not count, because they may come later.
        stamp = 0 if begun is None else int(begun.timestamp() * 1000)
        wire_id = f"conv-{stamp}-{_digest(columns['topic'], *(each.draft.id for each in said))[:7]}"
    columns.setdefault("timestamp", begun or said[0].draft.at)
    title = columns.get("title") or columns.get("topic") or "A conversation"
    return LegacyConversation(wire_id, title, columns, said, lost)


def label(raw: object) -> tuple[str | None, str]:
    """Return the id and the title of a value that may not be a conversation, as far as it has them."""
    if not isinstance(raw, dict):
        return None, ""
    config = raw.get("config")
    names = (raw.get("title"), config.get("topic") if isinstance(config, dict) else None, raw.get("topic"))
    title = next((name for name in names if isinstance(name, str)), "")
    wire_id = raw.get("id")
    return (excerpt(wire_id) if isinstance(wire_id, str) else None), excerpt(title)


def excerpt(text: str) -> str:
    text = clean(text[: 4 * EXCERPT]).strip()
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…"


def clean(text: str) -> str:
    """Replace NUL and unpaired surrogates, which no database can store."""
    return NOT_TEXT.sub("\ufffd", text)


# A conversation


def _columns(raw: Json, lost: list[LostPart]) -> Columns:
    fields = ConversationSerializer().fields
    columns: Columns = {}
    for name, column in ConversationSerializer.COLUMNS.items():
        if name not in ("title", "config") and (value := _checked(fields[name], name, raw.get(name), lost)) is not None:
            columns[column] = value
    if (goals := _checked(LegacyGoalSerializer(many=True), "goals", raw.get("goals"), lost)) is not None:
        columns["goals"] = [dict(goal) for goal in goals]
    columns["config"] = _config(raw, lost)
    columns["topic"] = columns["config"].get("topic", "")
    title = _text(raw.get("title"), "title", MAX_TITLE, lost)
    if title and title != columns["topic"]:
        columns["title"] = title
    if "ended_at" in columns:
        columns.setdefault("call_ended", True)
    return columns


def _config(raw: Json, lost: list[LostPart]) -> Json:
    """Return the configuration, nested in `config` or flat beside the messages."""
    nested = raw.get("config")
    if nested is not None and not isinstance(nested, dict):
        lost.append(LostPart("This is not an object.", field="config"))
        nested = None
    sent = {name: raw[name] for name in CONFIG if name in raw} | (nested or {})
    fields = ConfigSerializer().fields
    config = {}
    for name, value in sent.items():
        if name == "topic":
            value = _text(value, name, MAX_TOPIC, lost)
        elif name in fields:
            value = _checked(fields[name], name, value, lost)
        elif name == "__proto__" or NOT_TEXT.search(name):
            lost.append(LostPart("No field can be called so.", field=excerpt(name)))
            value = None
        else:
            held = _checked(FreeField(), excerpt(name), {name: value}, lost)
            value = None if held is None else held[name]
        if value is not None:
            config[name] = value
    return config


def _checked(check: Field, name: str, value: object, lost: list[LostPart]) -> Any:
    """Return the value as the serializers take it, or None if it is missing or bad. Report a bad one in `lost`."""
    if value is None:
        return None
    if isinstance(check, MillisecondsField) and isinstance(value, str) and MILLISECONDS.fullmatch(value):
        value = int(value)
    try:
        return check.run_validation(value)
    except ValidationError as error:
        lost.append(LostPart(in_words(error.detail), field=name))
    except (OverflowError, RecursionError):
        lost.append(LostPart("This is out of range.", field=name))
    return None


def _text(value: object, name: str, longest: int, lost: list[LostPart]) -> str:
    if isinstance(value, str):
        if len(value) > longest:
            lost.append(LostPart(f"Only its first {longest:,} characters were kept.", field=name))
        return clean(value[:longest])
    if value is not None:
        lost.append(LostPart("This is not text.", field=name))
    return ""


def _own_id(value: object) -> str:
    """Return the id that was sent, or an empty string if it cannot be part of a URL."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
        return str(value)
    return value if isinstance(value, str) and is_wire_id(value) else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


# Its messages


def _messages(sent: list[object], begun: datetime | None, lost: list[LostPart]) -> list[Said]:
    """Return the usable messages in their order. Messages without a time follow one another by a millisecond."""
    known: dict[str, tuple[str, str]] = {}
    said: list[Said] = []
    at = begun or timezone.now()
    for number, raw in enumerate(sent[:MAX_MESSAGES], start=1):
        each = _message(raw, number, known, lost)
        if each is None:
            continue
        if each.dated:
            at = each.draft.at
        elif said:
            at += timedelta(milliseconds=1)
        each.draft.at = at
        said.append(each)
    if len(sent) > MAX_MESSAGES:
        lost.append(
            LostPart(f"Only the first {MAX_MESSAGES:,} messages were kept, of {len(sent):,}.", field="messages")
        )
    return said


def _message(raw: object, number: int, known: dict[str, tuple[str, str]], lost: list[LostPart]) -> Said | None:
    if not isinstance(raw, dict):
        lost.append(LostPart("This is not a message.", message=f"{number}"))
        return None
    content = next((raw[name] for name in ("content", "text", "message") if isinstance(raw.get(name), str)), "")
    name = excerpt(raw["id"]) if isinstance(raw.get("id"), str) and raw["id"] else f"{number}"
    role = _role(raw)
    if role is None:
        lost.append(LostPart("It does not say who spoke.", message=name, text=excerpt(content)))
        return None
    sound, silent = _sound(raw)
    if not content.strip() and not sound and raw.get("audioData") != LATER:
        lost.append(LostPart("It is empty.", message=name))
        return None
    moment: datetime | None = _checked(MillisecondsField(), "timestamp", raw.get("timestamp"), [])
    wire_id = _message_id(raw, role, content, moment, known)
    if wire_id is None:
        # A copy of an earlier message.
        return None
    if len(content) > MAX_CONTENT:
        why = f"Only the first {MAX_CONTENT:,} characters were kept, of {len(content):,}."
        lost.append(LostPart(why, message=wire_id, text=excerpt(content)))
    draft = Draft(wire_id, role, clean(content[:MAX_CONTENT]), moment or timezone.now())
    # Only the API's own answers have these two fields.
    fields = MessageSerializer().fields
    bad: list[LostPart] = []
    corrections = _checked(fields["corrections"], "corrections", raw.get("corrections"), bad)
    draft.corrections = None if corrections is None else [dict(each) for each in corrections]
    draft.interrupted = _checked(fields["interrupted"], "interrupted", raw.get("interrupted"), bad)
    lost += [LostPart(f"{each.field}: {each.why}", message=wire_id, text=excerpt(draft.content)) for each in bad]
    return Said(draft, sound, silent, dated=moment is not None)


def _role(raw: Json) -> Message.Role | None:
    if isinstance(raw.get("isUser"), bool):
        return Message.Role.USER if raw["isUser"] else Message.Role.ASSISTANT
    role = raw.get("role")
    if isinstance(role, str):
        return ROLES.get(role.strip().lower())
    wire_id = raw.get("id") if isinstance(raw.get("id"), str) else ""
    return next((role for role, prefix in PREFIXES.items() if str(wire_id).startswith(f"{prefix}-")), None)


def _sound(raw: Json) -> tuple[str, str]:
    """Return the data URL of the recording, and the reason if there was a recording but no data URL."""
    sent = [raw[name] for name in ("audioData", "audioUrl") if raw.get(name)]
    if url := next((each for each in sent if isinstance(each, str) and each.startswith("data:")), ""):
        return url, ""
    if LATER in sent:
        return "", ""
    if any(isinstance(each, str) and each.startswith("blob:") for each in sent):
        return "", DEAD
    if raw.get("audioS3Key") or any(isinstance(each, str) and re.match("https?:|/", each) for each in sent):
        return "", ELSEWHERE
    return "", NOT_AUDIO if sent else ""


def _message_id(
    raw: Json,
    role: Message.Role,
    content: str,
    moment: datetime | None,
    known: dict[str, tuple[str, str]],
) -> str | None:
    """Return the message's own id, or one derived from its text. Return None for a copy of an earlier message."""
    said = (role.value, content)
    wire_id = _own_id(raw.get("id"))
    if known.get(wire_id) == said:
        return None
    if not wire_id or wire_id in known:
        stamp = 0 if moment is None else int(moment.timestamp() * 1000)
        stem = f"{PREFIXES[role]}-{stamp}-{_digest(wire_id, *map(clean, said))[:7]}"
        wire_id = stem
        again = 1
        # The same text, such as "Yes.", may have been said twice.
        while wire_id in known:
            again += 1
            wire_id = f"{stem}-{again}"
    known[wire_id] = said
    return wire_id
