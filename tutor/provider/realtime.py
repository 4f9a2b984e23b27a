"""The Realtime API, as far as all who use it share it: a session's socket, its events, and what it counts."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from openai.resources.realtime.realtime import AsyncRealtimeConnection as Socket

from tutor.engines.base import EngineError
from tutor.provider.clients import client, model
from tutor.provider.errors import GARBLED
from tutor.usage import Used

CLOSED_WITHIN = 0.5  # seconds; a provider that does not take leave must not delay whoever comes next

ServerEvent = dict[str, Any]
_closing: set[asyncio.Task[None]] = set()  # a task that nobody holds may vanish


async def opened(stage: str, *, within: float) -> Socket:
    """A new session for this stage of settings.OPENAI, `within` seconds. Raises what `errors.translated` knows."""
    # Options of the `websockets` that the client stands on, which takes whatever it is given.
    options: Any = {"open_timeout": within, "close_timeout": CLOSED_WITHIN}
    return await client(stage).realtime.connect(model=model(stage), websocket_connection_options=options).enter()


async def close(socket: Socket) -> None:
    """It goes on where whoever waits for it is cancelled: a session that nobody leaves stays open for an hour."""
    await asyncio.shield(closing(socket))


def closing(socket: Socket) -> asyncio.Task[None]:
    """`close`, for those who do not wait for it."""
    task = asyncio.create_task(socket.close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)
    return task


async def received(socket: Socket, what: str) -> ServerEvent:
    """The next event. The client's own `recv` checks it against all its types, which takes ten times as long as all else that is
    done with a piece of sound. `what`, for operators: "speech". Raises EngineError, and what `errors.translated` knows."""
    frame = await socket.recv_bytes()
    with understood(what):
        event = json.loads(frame)
        if not isinstance(event, dict):
            raise TypeError("An event is an object.")
        return event


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Around whatever is made of an event: a provider may send any JSON. Raises EngineError."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise EngineError(GARBLED, retryable=True, detail=f"{what}: an event cannot be read.") from error


def of_response(stage: str, counted: object) -> Used:
    """What a response took, by its `usage`; nothing is counted where the provider does not say."""
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
    """What it took to make out the learner's words, by its `usage`: seconds or tokens, as the model is paid for."""
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


def _details(counted: dict[str, Any], name: str) -> dict[str, Any]:
    found = counted.get(name)
    return found if isinstance(found, dict) else {}


def _tokens(counted: dict[str, Any], name: str) -> int:
    """What is no figure is not counted: an answer must not be lost by its bill."""
    found = counted.get(name)
    return found if isinstance(found, int) else 0
