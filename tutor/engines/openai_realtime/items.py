"""What a session at the provider is told of the talk: the dialogue so far, and what to say where nobody has said anything."""

from collections.abc import Sequence
from typing import Any

from tutor.engines.base import Line

MOST_LINES = 40
MOST_CHARACTERS = 12_000  # about 3000 tokens; the rest of the context is for what is still to be said

OPENING = "The learner has just come and has said nothing yet: begin the conversation."
GOING_ON = "The learner is back, or has been silent for a while: go on where you left off, and ask your question again."
ANSWERING = "Answer what the learner said last."


def newest(lines: Sequence[Line]) -> list[Line]:
    """The end of the dialogue, as much of it as a new session is given."""
    kept: list[Line] = []
    characters = 0
    for line in reversed(lines[-MOST_LINES:]):
        characters += len(line.text)
        if characters > MOST_CHARACTERS:
            break
        if line.text:
            kept.append(line)
    return kept[::-1]


def message(line: Line) -> dict[str, Any]:
    kind = "input_text" if line.role == "user" else "output_text"
    return {"type": "message", "role": line.role, "content": [{"type": kind, "text": line.text}]}


def cue(lines: Sequence[Line]) -> str:
    """What the agent is to do when asked for a reply to nothing new."""
    if not lines:
        return OPENING
    return ANSWERING if lines[-1].role == "user" else GOING_ON
