"""Share the basics of the Realtime API: a session's socket, its events, and its usage."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from openai.resources.realtime.realtime import AsyncRealtimeConnection as Socket

from core.json_types import Json
from engines.openai.clients import client, model
from engines.openai.error_translation import GARBLED
from engines.openai.usage_fields import fields_of, seconds, tokens
from tutor.domain import EngineError
from usage.metering import Used

# Seconds. A provider that does not answer the close must not delay the next request.
CLOSED_WITHIN = 0.5

ServerEvent = Json
# Keeps a reference to each task, since a task without one may be garbage-collected.
_closing: set[asyncio.Task[None]] = set()


async def opened(stage: str, *, within: float) -> Socket:
    """Open a session for this stage of settings.OPENAI within `within` seconds.

    Raises the exceptions that `error_translation.translated` handles.
    """
    # Options of `websockets`, on which the client is built. The client passes on any option.
    options: Any = {"open_timeout": within, "close_timeout": CLOSED_WITHIN}
    return await client(stage).realtime.connect(model=model(stage), websocket_connection_options=options).enter()


async def close(socket: Socket) -> None:
    """Close the session, even if the waiting caller is cancelled. A session that is not closed stays open for an hour."""
    await asyncio.shield(closing(socket))


def closing(socket: Socket) -> asyncio.Task[None]:
    """Start to close the session and return the task, for callers that do not wait for it."""
    task = asyncio.create_task(socket.close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)
    return task


async def received(socket: Socket, what: str) -> ServerEvent:
    """Return the next event.

    The client's own `recv` checks it against all its types, which takes ten times as long as everything else that is
    done with a piece of audio. `what` names the call for operators: "speech". Raises EngineError, and the exceptions
    that `error_translation.translated` handles.
    """
    frame = await socket.recv_bytes()
    with understood(what):
        event = json.loads(frame)
        if not isinstance(event, dict):
            raise TypeError("An event is an object.")
        return event


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn the exceptions of reading an event into EngineError, since a provider may send any JSON."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise EngineError(GARBLED, retryable=True, detail=f"{what}: an event cannot be read.") from error


def of_response(stage: str, counted: object) -> Used:
    """Return the usage of a response from its `usage`. Counts nothing where the provider does not say."""
    counted = fields_of(counted)
    given, made = fields_of(counted.get("input_token_details")), fields_of(counted.get("output_token_details"))
    cached = fields_of(given.get("cached_tokens_details"))
    text_cached, audio_cached = tokens(cached, "text_tokens"), tokens(cached, "audio_tokens")
    return Used(
        stage,
        model(stage),
        text_in=tokens(given, "text_tokens") - text_cached,
        audio_in=tokens(given, "audio_tokens") - audio_cached,
        cached_in=text_cached + audio_cached,
        text_out=tokens(made, "text_tokens"),
        audio_out=tokens(made, "audio_tokens"),
    )


def of_transcription(counted: object) -> Used:
    """Return the usage of a transcription from its `usage`, in seconds or in tokens, as the model is billed."""
    counted = fields_of(counted)
    given = fields_of(counted.get("input_token_details"))
    return Used(
        "transcription",
        model("transcription"),
        seconds=seconds(counted),
        text_in=tokens(given, "text_tokens"),
        audio_in=tokens(given, "audio_tokens"),
        text_out=tokens(counted, "output_tokens"),
    )
