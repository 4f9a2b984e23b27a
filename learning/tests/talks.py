"""Save talks with mistakes, as a talk does."""

import uuid
from datetime import UTC, datetime, timedelta

from conversations import store
from conversations.drafts import Draft
from core.json_types import Json

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
WORDS = {"said": "work", "better": "works"}
WORK: Json = {"said": "work", "better": "works", "why": "After he, the verb takes -s.", "category": "agreement"}


def turn(
    content: str = "He work in London.",
    *corrections: Json,
    days: float = 0,
    id: str = "",
    measured: Json | None = None,
    role: str = "user",
) -> Draft:
    at = AT + timedelta(days=days)
    id = id or f"user-{at.timestamp():.3f}"
    return Draft(id, role, content, at, corrections=list(corrections), measured=measured)


def talk(learner: uuid.UUID, wire_id: str, *turns: Draft, config: Json | None = None) -> uuid.UUID:
    """Save the turns as a conversation, and return its key."""
    columns = {"topic": "Work", "config": config or {}}
    return store.save(learner, wire_id, columns=columns, messages=turns, replace=False).conversation.pk


def attempt(card: uuid.UUID, outcome: str, *, days: float, prompt: str = "p", content: str = "He works.") -> Draft:
    """Return an attempt at the card of WORK."""
    return turn(content, days=days, measured={"review": {**WORDS, "outcome": outcome, "prompt": prompt}})


def uptake(card: uuid.UUID, *, days: float) -> Draft:
    """Return a turn that avoids the mistake of the card of WORK."""
    return turn("She works hard.", days=days, measured={"uptake": [WORDS]})
