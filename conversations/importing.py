"""Import conversations from browsers. Adds what is missing and leaves existing data as it is."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError
from rest_framework.exceptions import ValidationError

from audio import quota, sound_threads
from audio.encoding import BadAudio, Clip, from_upload
from conversations import changes, legacy, store
from conversations.changes import conversation_key, message_key
from conversations.error_messages import in_words
from conversations.legacy import LegacyConversation, LostPart, Said
from conversations.rows import Copy
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


def bring_in(entries: Iterable[Any], task: Import) -> list[dict[str, Any]]:
    """Import entries and return one result for each, in the shape of `POST /api/import`.

    Returns fewer results if the storage fails on the way. Raises store.OutOfReach, OSError, OperationalError or
    quota.QuotaExceeded if it fails on the first entry.
    """
    results: list[dict[str, Any]] = []
    for raw in entries:
        try:
            with cloud.patience(PATIENCE):
                results.append(_bring_in(raw, task))
        except (store.OutOfReach, OSError, OperationalError, quota.QuotaExceeded):
            if not results:
                raise
            break
    return results


def _bring_in(raw: Any, task: Import) -> dict[str, Any]:
    try:
        entry = legacy.read(raw)
    except legacy.UnusableEntry as why:
        wire_id, title = legacy.label(raw)
        return _result(wire_id, title, "unusable", error=str(why))
    before = store.existing(task.learner, entry.id)
    if before and before.conversation.deleted_at and not task.bring_back:
        return _result(entry.id, entry.title, "deleted", messages=len(entry.said), lost=entry.lost)
    key = conversation_key(task.learner, entry.id)
    lacks = {each.draft.id: changes.lacking(before, message_key(key, each.draft.id)) for each in entry.said}
    waiting = [each.draft.id for each in entry.said if lacks[each.draft.id] and not _hear(each, entry, task)]
    added = [each for each in entry.said if lacks[each.draft.id] == "all"]
    voices = [each for each in entry.said if each.draft.audio]
    is_back = bool(before and before.conversation.deleted_at)
    if (added or voices or is_back) and not task.dry_run:
        store.add(task.learner, entry.id, columns=entry.columns, messages=[each.draft for each in entry.said])
    return _result(
        entry.id,
        entry.title,
        "imported" if before is None or is_back else "updated" if added or voices else "unchanged",
        messages=len(entry.said),
        recordings=len(voices) + _voices_there(entry, key, before),
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
    if task.seconds <= 0:
        return False
    try:
        said.draft.audio = _decoded(said.sound)
    except BadAudio as error:
        entry.lost.append(said.lost(str(error)))
    else:
        task.seconds -= said.draft.audio.duration
    return True


def _decoded(url: str) -> Clip:
    try:
        data = AudioField().to_internal_value(url)
    except ValidationError as error:
        raise BadAudio(in_words(error.detail)) from error
    return sound_threads.wait_for(from_upload, data)


def _voices_there(entry: LegacyConversation, key: uuid.UUID, before: Copy | None) -> int:
    rows = before.messages if before else {}
    keys = {message_key(key, each.draft.id) for each in entry.said}
    return sum(1 for pk in keys & rows.keys() if rows[pk].audio_key and not rows[pk].deleted_at)


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
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "id": wire_id,
        "title": title,
        "state": state,
        "messages": messages,
        "recordings": recordings,
        "added": added or {"messages": 0, "recordings": 0},
        "lost": [each.shape() for each in lost],
        "waiting": list(waiting),
    }
    return result | ({"error": error} if error else {})
