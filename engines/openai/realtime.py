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
    """Close the session, even if the waiting caller is cancelled.

    A session that is not closed stays open for an hour.
    """
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
    counted = counted if isinstance(counted, dict) else {}
    given, made = _details(counted, "input_token_details"), _details(counted, "output_token_details")
    cached = _details(given, "cached_tokens_details")
    text_cached, audio_cached = _tokens(cached, "text_tokens"), _tokens(cached, "audio_tokens")
    return Used(
        stage,
        model(stage),
        text_in=_tokens(given, "text_tokens") - text_cached,
        audio_in=_tokens(given, "audio_tokens") - audio_cached,
        cached_in=text_cached + audio_cached,
        text_out=_tokens(made, "text_tokens"),
        audio_out=_tokens(made, "audio_tokens"),
    )


def of_transcription(counted: object) -> Used:
    """Return the usage of transcribing the learner's words from its `usage`.

    It is in seconds or in tokens, depending on how the model is billed.
    """
    counted = counted if isinstance(counted, dict) else {}
    given = _details(counted, "input_token_details")
    return Used(
        "transcription",
        model("transcription"),
        seconds=counted.get("seconds") or 0.0,
        text_in=_tokens(given, "text_tokens"),
        audio_in=_tokens(given, "audio_tokens"),
        text_out=_tokens(counted, "output_tokens"),
    )


def _details(counted: Json, name: str) -> Json:
    found = counted.get(name)
    return found if isinstance(found, dict) else {}


def _tokens(counted: Json, name: str) -> int:
    """Count an invalid number as 0, so that an answer is not lost because of its bill."""
    found = counted.get(name)
    return found if isinstance(found, int) else 0
