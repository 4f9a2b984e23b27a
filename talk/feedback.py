"""Analyse a conversation at the end of a talk, and save the analysis with it."""

import uuid

from conversations import store
from core.json_types import Json
from core.threads import in_thread
from talk.call_with_fallback import ask
from talk.dialogue import Dialogue
from tutor import analysis

# A model takes long to write an analysis, and may be asked twice.
ANALYSIS_WITHIN_S = 90.0


async def of_conversation(learner: uuid.UUID, wire_id: str) -> Json | None:
    """Analyse a conversation, save the analysis in place of the one before, and return it in the contract's shape.

    Return None if there is no such conversation.

    Raises EngineError (CannotDo if no engine can analyse), store.OutOfReach, store.ConversationDeleted.
    """
    stored = await in_thread(store.get, learner, wire_id)
    if stored is None:
        return None
    dialogue = Dialogue.of(wire_id, stored, "")
    brief, judged = dialogue.brief, analysis.newest(dialogue.lines)
    found, engine = await ask(
        lambda engine: engine.analyse(judged, brief=brief, language=brief.language), within=ANALYSIS_WITHIN_S
    )
    limit = time_limit(stored.conversation.config)
    shape = analysis.wire(found, dialogue.lines, engine=engine.name, level=brief.level, time_limit=limit)
    await in_thread(store.save, learner, wire_id, columns={"analysis": shape}, messages=[], replace=False)
    return shape


def time_limit(config: object) -> float | None:
    """Return a conversation's time limit in minutes. None if it has none, or an invalid one from an old client."""
    limit = config.get("timeLimit") if isinstance(config, dict) else None
    if isinstance(limit, int | float) and not isinstance(limit, bool) and 0.001 <= limit <= 1e6:
        return float(limit)
    return None
