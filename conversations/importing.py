"""Import conversations from browsers. Adds what is missing and leaves existing data as it is."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from django.db import OperationalError
from rest_framework.exceptions import ValidationError

from audio import quota, sound_threads
from audio.encoding import BadAudio
from conversations import legacy, merging, preferences, store
from conversations.changes import conversation_key, message_key
from conversations.error_messages import WORDS_ONLY, in_words
from conversations.legacy import LegacyConversation, LostPart, Said
from conversations.serializers import MAX_SOUND, AudioField
from core import cloud

# Seconds that one entry waits for the cloud: an entry may hold megabytes of sound.
PATIENCE = 10.0
STATES = ("imported", "updated", "unchanged", "deleted", "unusable")


@dataclass(slots=True)
class Import:
    """Hold the learner and the options of one import.

    With `dry_run` nothing is saved. With `bring_back` deleted conversations are imported, too.
    """

    learner: uuid.UUID
    dry_run: bool = False
    bring_back: bool = False
    # Seconds of sound that may still be decoded: decoding takes time.
    seconds: float = MAX_SOUND


class ImportResult(TypedDict):
    id: str | None
    title: str
    state: str
    messages: int
    recordings: int
    added: dict[str, int]
    lost: list[dict[str, str | None]]
    waiting: list[str]
    error: NotRequired[str]


def bring_in(entries: Iterable[object], task: Import) -> list[ImportResult]:
    """Import entries and return one result for each, in the shape of `POST /api/import`.

    Returns fewer results if the storage fails on the way. Raises store.OutOfReach, OSError, OperationalError or
    quota.QuotaExceeded if it fails on the first entry.
    """
    results: list[ImportResult] = []
    for raw in entries:
        try:
            with cloud.patience(PATIENCE):
                results.append(_bring_in(raw, task))
        except (store.OutOfReach, OSError, OperationalError, quota.QuotaExceeded):
            if not results:
                raise
            break
    return results


def _bring_in(raw: object, task: Import) -> ImportResult:
    try:
        entry = legacy.read(raw)
    except legacy.UnusableEntry as why:
        wire_id, title = legacy.label(raw)
        return _result(wire_id, title, "unusable", error=str(why))
    before = store.existing(task.learner, entry.id)
    if before and before.conversation.deleted_at and not task.bring_back:
        return _result(entry.id, entry.title, "deleted", messages=len(entry.said), lost=entry.lost)
    key = conversation_key(task.learner, entry.id)
    keys = {each.draft.id: message_key(key, each.draft.id) for each in entry.said}
    lacks = {wire_id: merging.lacking(before, message) for wire_id, message in keys.items()}
    waiting = [each.draft.id for each in entry.said if lacks[each.draft.id] and not _hear(each, entry, task)]
    added = [each for each in entry.said if lacks[each.draft.id] == "all"]
    voices = [each for each in entry.said if each.draft.audio]
    there = [before.messages[message] for message in keys.values() if message in before.messages] if before else []
    voices_there = sum(bool(row.audio_key and not row.deleted_at) for row in there)
    is_back = bool(before and before.conversation.deleted_at)
    if (added or voices or is_back) and not task.dry_run:
        store.add(task.learner, entry.id, columns=entry.columns, messages=[each.draft for each in entry.said])
    return _result(
        entry.id,
        entry.title,
        "imported" if before is None or is_back else "updated" if added or voices else "unchanged",
        messages=len(entry.said),
        recordings=len(voices) + voices_there,
        added={"messages": len(added), "recordings": len(voices)},
        lost=entry.lost,
        waiting=waiting,
    )


def _hear(said: Said, entry: LegacyConversation, task: Import) -> bool:
    """Decode the message's recording, if it has one. Return False if no decoding time is left."""
    if said.silent:
        entry.lost.append(said.lost(said.silent))
    if not said.sound:
        return True
    if not preferences.of(task.learner).keeps_audio:
        entry.lost.append(said.lost(WORDS_ONLY))
        return True
    if task.seconds <= 0:
        return False
    try:
        said.draft.audio = sound_threads.from_upload(AudioField().run_validation(said.sound))
    except ValidationError as error:
        entry.lost.append(said.lost(in_words(error.detail)))
    except BadAudio as error:
        entry.lost.append(said.lost(str(error)))
    else:
        task.seconds -= said.draft.audio.duration
    return True


def _result(
    wire_id: str | None,
    title: str,
    state: str,
    *,
    messages: int = 0,
    recordings: int = 0,
    added: dict[str, int] | None = None,
    lost: Iterable[LostPart] = (),
    waiting: Iterable[str] = (),
    error: str = "",
) -> ImportResult:
    result: ImportResult = {
        "id": wire_id,
        "title": title,
        "state": state,
        "messages": messages,
        "recordings": recordings,
        "added": added or {"messages": 0, "recordings": 0},
        "lost": [each.shape() for each in lost],
        "waiting": list(waiting),
    }
    if error:
        result["error"] = error
    return result
