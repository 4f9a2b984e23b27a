from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from audio.encoding import Clip
from audio.models import Recording
from conversations.changes import MessageChange
from core.json_types import Json


@dataclass(slots=True)
class Draft:
    """Hold a message to save. Fields that are None keep the stored value of an existing message."""

    id: str
    role: str
    content: str
    at: datetime
    audio: Clip | None = None
    audio_key: str | None = None
    corrections: list[Json] | None = None
    interrupted: bool | None = None
    measured: Json | None = None


def as_changes(drafts: Iterable[Draft], voices: Mapping[str, Recording]) -> list[MessageChange]:
    """Return the drafts as parts of a change. `voices` are their recordings by the drafts' ids."""
    sent = []
    for position, draft in enumerate(drafts):
        columns = {
            "role": draft.role,
            "content": draft.content,
            "timestamp": draft.at,
            "audio_key": voices[draft.id].key if draft.id in voices else draft.audio_key,
            "corrections": draft.corrections,
            "interrupted": draft.interrupted,
            "measured": draft.measured,
        }
        known = {name: value for name, value in columns.items() if value is not None}
        sent.append(MessageChange(draft.id, known | {"deleted_at": None}, position))
    return sent
