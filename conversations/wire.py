"""The JSON of a conversation, out. (In: `serializers.py`.) Plain dictionaries, for a history has thousands of messages."""

from datetime import datetime
from typing import Any

from audio import recordings
from conversations.models import Message
from conversations.store import Stored
from talking_agent import cloud


def milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def where(storage: str | None = None) -> dict[str, Any]:
    """Where what is answered lies, or where what is said now goes; and what of the cloud is down, and why."""
    shape: dict[str, Any] = {"storage": storage or ("cloud" if cloud.database.usable else "local")}
    if down := cloud.down():
        shape |= {"degraded": True, "down": down}
    return shape


def conversation(stored: Stored, *, signed: bool = False) -> dict[str, Any]:
    """The contract's shape and what we add; with `signed`, each message with a voice has a fresh `audioUrl`."""
    row = stored.conversation
    return {
        "id": row.wire_id,
        "title": row.title or row.topic,
        "timestamp": row.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
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


def message(row: Message, stored: Stored, *, signed: bool = False) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": row.wire_id,
        "role": row.role,
        "content": row.content,
        "timestamp": milliseconds(row.timestamp),
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
        if signed and (link := recordings.url(voice)):
            shape["audioUrl"] = link
    return shape
