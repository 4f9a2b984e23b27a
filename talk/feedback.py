"""Analyse a conversation, and save the analysis of a stored one with it."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from conversations import store
from core.json_types import Json
from core.threads import in_thread
from talk.call_with_fallback import attempts
from talk.dialogue import Dialogue
from tutor import analysis, safety
from tutor.domain import Line
from tutor.scenario import Brief
from usage.metering import is_amount

# A model takes long to write an analysis, and may be asked twice.
ANALYSIS_WITHIN_S = 90.0


async def analyse(lines: Sequence[Line], brief: Brief, time_limit: float | None) -> Json:
    """Return the contract's `analysis`, with the engine's name. `time_limit` is in minutes. Raises EngineError."""
    is_serious = any(line.role == "user" and safety.in_distress(line.text) for line in lines)
    lines = [line for line in lines if analysis.may_be_scored(line)]
    judged = analysis.newest(lines)
    for attempt in attempts(within=ANALYSIS_WITHIN_S):
        async with attempt as engine:
            found = await engine.analyse(judged, brief=brief, language=brief.language)
    if is_serious:
        found = replace(found, feedback=f"{analysis.SERIOUS} {found.feedback}")
    return analysis.wire(found, lines, engine=engine.name, level=brief.level, time_limit=time_limit)


async def of_conversation(learner: uuid.UUID, wire_id: str) -> Json | None:
    """Analyse a conversation, save the analysis in place of the one before, and return it. Return None if it is unknown.

    Raises EngineError (CannotDo if no engine can analyse), store.OutOfReach, store.ConversationDeleted.
    """
    stored = await in_thread(store.get, learner, wire_id)
    if stored is None:
        return None
    dialogue = Dialogue.of(wire_id, stored, "")
    shape = await analyse(dialogue.lines, dialogue.brief, time_limit(stored.conversation.config))
    await in_thread(store.save, learner, wire_id, columns={"analysis": shape}, messages=[], replace=False)
    return shape


def time_limit(config: object) -> float | None:
    """Return a conversation's time limit in minutes. None if it has none, or an invalid one from an old client."""
    limit = config.get("timeLimit") if isinstance(config, dict) else None
    return float(limit) if is_amount(limit) and 0.001 <= limit <= 1e6 else None
