"""Send the provider the events for a talk's requests.

Each event that may fail has an id that says its purpose.
"""

import base64
from collections.abc import Sequence

from engines.openai_realtime import conversation_items
from engines.openai_realtime.configuration import Configuration
from engines.openai_realtime.connection import RealtimeConnection
from engines.openai_realtime.input_audio import BYTES_PER_MS, Hearing
from engines.openai_realtime.pending_response import Ask
from tutor.domain import Line

PIECE = 1000 * BYTES_PER_MS


def sound(connection: RealtimeConnection, hearing: Hearing, pcm: bytes | bytearray) -> None:
    hearing.sent += len(pcm)
    for start in range(0, len(pcm), PIECE):
        connection.append(base64.b64encode(pcm[start : start + PIECE]).decode())


def dialogue(connection: RealtimeConnection, lines: Sequence[Line]) -> None:
    for line in conversation_items.newest(lines):
        connection.send("conversation.item.create", item=conversation_items.message(line))


def turn(connection: RealtimeConnection, ask: Ask) -> None:
    """Send the learner's words, if they are new. Their audio was sent already."""
    if ask.text is not None:
        item = conversation_items.message(Line("user", ask.text))
        connection.send("conversation.item.create", event_id=f"item_{ask.number}", item=item)
    elif ask.pcm:
        connection.send("input_audio_buffer.commit", event_id=f"commit_{ask.number}")


def create(connection: RealtimeConnection, ask: Ask, configuration: Configuration) -> None:
    """Request a response. The reply's number comes back with it."""
    response: dict[str, object] = {"metadata": {"ask": str(ask.number)}}
    if ask.cue:
        response["instructions"] = f"{configuration.instructions}\n\n{ask.cue}"
    connection.send("response.create", event_id=f"create_{ask.number}", response=response)


def cancel(connection: RealtimeConnection | None, ask: Ask) -> None:
    """Cancel the response, but only once: a reply may be interrupted first and left later."""
    if connection and ask.is_spoken and not (ask.left or ask.cancelled):
        ask.cancelled = True
        connection.send("response.cancel", response_id=ask.response_id)


def leave(connection: RealtimeConnection | None, ask: Ask) -> None:
    """Give up a reply that no caller waits for. If its response has not begun yet, it is cancelled when it does."""
    cancel(connection, ask)
    ask.left = True


def truncate(connection: RealtimeConnection, ask: Ask, played_ms: int) -> None:
    """Remove the part of the answer that the learner did not hear from the provider's dialogue."""
    left = max(0, played_ms) * BYTES_PER_MS
    for item_id, size in ask.items.items():
        if left < size:
            heard_ms = max(0, left) // BYTES_PER_MS
            connection.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=heard_ms)
        left -= size


def whole(connection: RealtimeConnection, configuration: Configuration) -> None:
    """Send the configuration for the beginning of a session."""
    connection.speed = configuration.speed
    connection.send("session.update", session=configuration.whole())


def turn_detection(connection: RealtimeConnection, configuration: Configuration) -> None:
    connection.send("session.update", event_id="update_detection", session=configuration.turn_detection())


def pace(connection: RealtimeConnection, configuration: Configuration) -> None:
    """Send the speed, if it has changed."""
    session = configuration.pace()
    if session and connection.speed != configuration.speed:
        connection.speed = configuration.speed
        connection.send("session.update", event_id="update_speed", session=session)
