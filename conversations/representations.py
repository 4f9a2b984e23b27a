"""Build the JSON of conversations for responses. (`serializers.py` reads it from requests.)

The representations are plain dictionaries, because a history has thousands of messages.
"""

from datetime import datetime
from typing import NotRequired, TypedDict

from audio import recordings
from conversations import preferences
from conversations.models import Message
from conversations.store import StoredConversation
from core import cloud
from core.json_types import Json


class Where(TypedDict):
    storage: str
    degraded: NotRequired[bool]
    down: NotRequired[dict[str, str]]


class MessageShape(TypedDict):
    id: str
    role: str
    content: str
    timestamp: int
    corrections: NotRequired[list[Json]]
    interrupted: NotRequired[bool]
    measured: NotRequired[Json]
    audioS3Key: NotRequired[str]
    audioDuration: NotRequired[float]
    audioUrl: NotRequired[str]


class ConversationShape(TypedDict):
    id: str
    title: str
    timestamp: str
    messages: list[MessageShape]
    config: Json
    goals: list[Json]
    callEnded: bool
    timeRemaining: float | None
    startTime: int | None
    endTime: int | None
    duration: float | None
    analysis: Json | None
    keptUntil: NotRequired[str]
    storage: str


def milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def where(storage: str | None = None) -> Where:
    """Describe where this response was stored, or where a message said now would go.

    With a part of the cloud down, also say which services are degraded and why.
    """
    shape: Where = {"storage": storage or ("cloud" if cloud.database.usable else "local")}
    if down := cloud.down():
        shape |= {"degraded": True, "down": down}
    return shape


def conversation(stored: StoredConversation, *, signed: bool = False) -> ConversationShape:
    """Return the contract's shape with the project's own fields. With `signed`, add a fresh `audioUrl` to recordings."""
    row = stored.conversation
    shape: ConversationShape = {
        "id": row.wire_id,
        "title": row.title or row.topic,
        "timestamp": _iso(row.timestamp),
        "messages": [message(each, stored, signed=signed) for each in stored.messages],
        "config": row.config,
        "goals": row.goals,
        "callEnded": row.call_ended,
        "timeRemaining": row.time_remaining,
        "startTime": milliseconds(row.started_at),
        "endTime": milliseconds(row.ended_at),
        "duration": row.duration,
        "analysis": row.analysis,
        "storage": stored.storage,
    }
    newest = max([row.timestamp, *(each.timestamp for each in stored.messages)])
    if until := preferences.kept_until(newest, row.learner):
        shape["keptUntil"] = _iso(until)
    return shape


def message(row: Message, stored: StoredConversation, *, signed: bool = False) -> MessageShape:
    shape: MessageShape = {
        "id": row.wire_id,
        "role": row.role,
        "content": row.content,
        "timestamp": round(row.timestamp.timestamp() * 1000),
    }
    if row.corrections:
        shape["corrections"] = row.corrections
    if row.interrupted:
        shape["interrupted"] = True
    if row.measured:
        shape["measured"] = row.measured
    if row.audio_key:
        shape["audioS3Key"] = row.audio_key
    if voice := stored.recordings.get(row.audio_key):
        shape["audioDuration"] = round(voice.duration, 3)
        if signed and (link := recordings.link(voice)):
            shape["audioUrl"] = link
    return shape
