"""Send the provider the events for a talk's requests. The id of an event that may fail names its purpose."""

import base64
from collections.abc import Sequence

from engines.openai_realtime.connection import RealtimeConnection
from engines.openai_realtime.input_audio import BYTES_PER_MS, UnansweredAudio
from engines.openai_realtime.pending_responses import PendingResponse
from tutor.domain import Line

PIECE = 1000 * BYTES_PER_MS
# Of the dialogue, for a new session: about 3000 tokens. The rest of the context is for the coming dialogue.
MOST_LINES, MOST_CHARACTERS = 40, 12_000

OPENING = "The learner has just come and has said nothing yet: begin the conversation."
GOING_ON = "The learner is back, or has been silent for a while: go on where you left off, and ask your question again."
ANSWERING = "Answer what the learner said last."


def cue(lines: Sequence[Line]) -> str:
    """Return the instruction for a reply to nothing new."""
    if not lines:
        return OPENING
    return ANSWERING if lines[-1].role == "user" else GOING_ON


def audio(connection: RealtimeConnection, buffer: UnansweredAudio, pcm: bytes | bytearray) -> None:
    buffer.sent += len(pcm)
    for start in range(0, len(pcm), PIECE):
        connection.append(base64.b64encode(pcm[start : start + PIECE]).decode())


def dialogue(connection: RealtimeConnection, lines: Sequence[Line]) -> None:
    """Send the end of the dialogue to a new session."""
    kept: list[Line] = []
    characters = 0
    for line in reversed(lines[-MOST_LINES:]):
        characters += len(line.text)
        if characters > MOST_CHARACTERS:
            break
        if line.text:
            kept.append(line)
    for line in reversed(kept):
        message(connection, line)


def message(connection: RealtimeConnection, line: Line) -> None:
    connection.send("conversation.item.create", item=_message(line))


def turn(connection: RealtimeConnection, pending: PendingResponse) -> None:
    """Send the learner's words, if they are new. Their audio was sent already."""
    if pending.text is not None:
        item = _message(Line("user", pending.text))
        connection.send("conversation.item.create", event_id=f"item_{pending.number}", item=item)
    elif pending.pcm:
        connection.send("input_audio_buffer.commit", event_id=f"commit_{pending.number}")


def create(connection: RealtimeConnection, pending: PendingResponse, instructions: str) -> None:
    """Request a response. The provider returns the number of the pending response with it."""
    response: dict[str, object] = {"metadata": {"ask": str(pending.number)}}
    if pending.cue:
        response["instructions"] = f"{instructions}\n\n{pending.cue}"
    connection.send("response.create", event_id=f"create_{pending.number}", response=response)


def cancel(connection: RealtimeConnection | None, pending: PendingResponse) -> None:
    """Cancel the response, but only once: a reply may be interrupted first and left later."""
    if connection and pending.is_spoken and not (pending.left or pending.cancelled):
        pending.cancelled = True
        connection.send("response.cancel", response_id=pending.response_id)


def leave(connection: RealtimeConnection | None, pending: PendingResponse) -> None:
    """Give up a reply that no caller waits for. If its response has not begun yet, it is cancelled when it does."""
    cancel(connection, pending)
    pending.left = True


def truncate(connection: RealtimeConnection, pending: PendingResponse, played_ms: int) -> None:
    """Remove the part of the answer that the learner did not hear from the provider's dialogue."""
    left = max(0, played_ms) * BYTES_PER_MS
    for item_id, size in pending.items.items():
        if left < size:
            heard_ms = max(0, left) // BYTES_PER_MS
            connection.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=heard_ms)
        left -= size


def _message(line: Line) -> dict[str, object]:
    kind = "input_text" if line.role == "user" else "output_text"
    return {"type": "message", "role": line.role, "content": [{"type": kind, "text": line.text}]}
