"""What the provider is sent for what a talk asks of it. Each event that may fail has an id that says what it was for."""

import base64
from collections.abc import Sequence

from tutor.engines.base import Line
from tutor.engines.openai_realtime import items
from tutor.engines.openai_realtime.ask import Ask
from tutor.engines.openai_realtime.configuration import Configuration
from tutor.engines.openai_realtime.connection import Connection
from tutor.engines.openai_realtime.hearing import BYTES_PER_MS, Hearing

PIECE = 1000 * BYTES_PER_MS


def sound(connection: Connection, hearing: Hearing, pcm: bytes | bytearray) -> None:
    hearing.sent += len(pcm)
    for start in range(0, len(pcm), PIECE):
        connection.append(base64.b64encode(pcm[start : start + PIECE]).decode())


def dialogue(connection: Connection, lines: Sequence[Line]) -> None:
    for line in items.newest(lines):
        connection.send("conversation.item.create", item=items.message(line))


def turn(connection: Connection, ask: Ask) -> None:
    """What the learner said, if that is new; its sound is there already."""
    if ask.text is not None:
        item = items.message(Line("user", ask.text))
        connection.send("conversation.item.create", event_id=f"item_{ask.number}", item=item)
    elif ask.pcm:
        connection.send("input_audio_buffer.commit", event_id=f"commit_{ask.number}")


def create(connection: Connection, ask: Ask, configuration: Configuration) -> None:
    """The number comes back with the response."""
    response: dict[str, object] = {"metadata": {"ask": str(ask.number)}}
    if ask.cue:
        response["instructions"] = f"{configuration.instructions}\n\n{ask.cue}"
    connection.send("response.create", event_id=f"create_{ask.number}", response=response)


def cancel(connection: Connection, ask: Ask) -> None:
    connection.send("response.cancel", response_id=ask.response_id)


def truncate(connection: Connection, ask: Ask, played_ms: int) -> None:
    """What was not heard of the answer was not said."""
    left = max(0, played_ms) * BYTES_PER_MS
    for item_id, size in ask.items.items():
        if left < size:
            heard_ms = max(0, left) // BYTES_PER_MS
            connection.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=heard_ms)
        left -= size


def whole(connection: Connection, configuration: Configuration) -> None:
    """The session at its beginning."""
    connection.speed = configuration.speed
    connection.send("session.update", session=configuration.whole())


def turn_detection(connection: Connection, configuration: Configuration) -> None:
    connection.send("session.update", event_id="update_detection", session=configuration.turn_detection())


def pace(connection: Connection, configuration: Configuration) -> None:
    """The speed, if it has changed."""
    session = configuration.pace()
    if session and connection.speed != configuration.speed:
        connection.speed = configuration.speed
        connection.send("session.update", event_id="update_speed", session=session)
