"""What is said at the end of a talk, kept with its conversation."""

import uuid
from collections.abc import Sequence
from typing import Any

from conversations import store
from conversations.models import Message
from conversations.store import Stored
from conversations.threads import in_thread
from tutor import analysis
from tutor.asking import ask
from tutor.dialogue import Dialogue

WITHIN = 90.0  # seconds: a model writes long, and may be asked twice


async def of_conversation(learner: uuid.UUID, wire_id: str) -> dict[str, Any] | None:
    """The analysis of a conversation in the contract's shape, saved with it in place of one before; None if there is no such
    conversation.

    Raises EngineError (CannotDo where no engine has the means), store.OutOfReach, store.Deleted.
    """
    stored = await in_thread(store.get, learner, wire_id)
    if stored is None:
        return None
    dialogue = Dialogue.of(wire_id, stored, "")
    brief, judged = dialogue.brief, analysis.newest(dialogue.lines)
    seconds = seconds_spoken(stored, stored.messages[len(stored.messages) - len(judged) :])
    found, engine = await ask(
        lambda engine: engine.analyse(judged, brief=brief, seconds=seconds, language=brief.language), within=WITHIN
    )
    limit = time_limit(stored.conversation.config)
    shape = analysis.wire(
        found, dialogue.lines, engine=engine.name, level=brief.level, time_limit=limit, seconds=seconds
    )
    await in_thread(store.save, learner, wire_id, columns={"analysis": shape}, messages=[], replace=False)
    return shape


def seconds_spoken(stored: Stored, messages: Sequence[Message]) -> float | None:
    """How long the learner's recordings of these messages are; None if any of their turns has none, for then its words have no
    time."""
    spoken = [row for row in messages if row.role == Message.Role.USER and row.content.strip()]
    recordings = [stored.recordings.get(row.audio_key) for row in spoken]
    known = [recording.duration for recording in recordings if recording]
    return sum(known) if known and len(known) == len(spoken) else None


def time_limit(config: Any) -> float | None:
    """Minutes; None where the conversation has no limit, or one that cannot be read: old clients save what they like."""
    limit = config.get("timeLimit") if isinstance(config, dict) else None
    if isinstance(limit, int | float) and not isinstance(limit, bool) and 0.001 <= limit <= 1e6:
        return float(limit)
    return None
