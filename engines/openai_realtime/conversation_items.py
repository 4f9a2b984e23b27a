"""Build the conversation items of a session: the dialogue so far, and the cue for a reply to nothing new."""

from collections.abc import Sequence

from tutor.domain import Line

MOST_LINES = 40
# About 3000 tokens. The rest of the context is for the coming dialogue.
MOST_CHARACTERS = 12_000

OPENING = "The learner has just come and has said nothing yet: begin the conversation."
GOING_ON = "The learner is back, or has been silent for a while: go on where you left off, and ask your question again."
ANSWERING = "Answer what the learner said last."


def newest(lines: Sequence[Line]) -> list[Line]:
    """Return the end of the dialogue that a new session is given."""
    kept: list[Line] = []
    characters = 0
    for line in reversed(lines[-MOST_LINES:]):
        characters += len(line.text)
        if characters > MOST_CHARACTERS:
            break
        if line.text:
            kept.append(line)
    return kept[::-1]


def message(line: Line) -> dict[str, object]:
    kind = "input_text" if line.role == "user" else "output_text"
    return {"type": "message", "role": line.role, "content": [{"type": kind, "text": line.text}]}


def cue(lines: Sequence[Line]) -> str:
    """Return the instruction for a reply to nothing new."""
    if not lines:
        return OPENING
    return ANSWERING if lines[-1].role == "user" else GOING_ON
