"""A provider may send any JSON.

Each event of a talk comes with each of its fields missing or of another type. The talk continues or ends with the
engine's own error, and never repeats the provider's words.
"""

import asyncio
import base64
import contextlib
import copy
import json
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import websockets
from websockets.asyncio.server import ServerConnection, serve

from engines.interface import (
    Detection,
    Heard,
    ListenerEvent,
    Speech,
    SpeechStarted,
    Spoken,
    TurnDetectionLost,
    TurnEnded,
    Unheard,
    Words,
)
from engines.openai.error_translation import BUSY, GARBLED, GONE, REFUSED
from engines.openai_realtime import session as realtime_session
from engines.openai_realtime.session import RealtimeSession
from engines.openai_realtime.tests import scripted as script
from engines.openai_realtime.tests.scripted import Event
from engines.openai_realtime.tests.talk import VOICE, talking, words
from simulators.openai import Provider
from tests.talking import silence
from tutor.domain import EngineError

LISTENING = {"transcription": {"model": "whisper-1"}, "turn_detection": {"type": "server_vad"}}
SECRET = "sk-What the provider wrote"
LEFT_OUT = object()
OTHERS = (LEFT_OUT, None, 1e999, [7], {SECRET: SECRET}, SECRET)
REFUSED_VOICE = script.error("invalid_value", param="session.audio.output.voice")
NOT_MADE_OUT = "conversation.item.input_audio_transcription.failed"
BEGINNING = ["session.created", "session.updated"]
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "response.created",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.done",
    "conversation.item.input_audio_transcription.completed",
    NOT_MADE_OUT,
    "error",
]
AT_ONCE = 100
# Seconds that the talk waits for an answer.
PATIENCE = 0.5


@dataclass
class Case:
    """Hold one garbled event in the first session of a talk.

    `told` holds all events and errors that the talk received, `last` those of the typed turn at the end.
    """

    at: int
    event: Event
    told: list[object] = field(default_factory=list)
    last: list[object] = field(default_factory=list)

    def is_well(self) -> bool:
        """Check that the typed turn was answered or failed clearly, and that all events are of the engine's types."""
        is_over = self.last[-1:] == [Spoken()] or isinstance(self.last[-1], EngineError)
        return is_over and all(map(_is_of_its_kind, self.told + self.last))


def _is_of_its_kind(told: object) -> bool:
    match told:
        case Words(text) | Heard(text):
            return isinstance(text, str)
        case Speech(pcm):
            return isinstance(pcm, bytes)
        case SpeechStarted(at_ms) | TurnEnded(at_ms):
            return type(at_ms) is int
        case TurnDetectionLost(error):
            return _is_of_its_kind(error)
        case EngineError():
            return str(told) in (BUSY, GARBLED, GONE, REFUSED) and SECRET not in told.detail
    return isinstance(told, Spoken | Unheard)


def garbled(event: Event) -> Iterator[Event]:
    """Return the event in all its invalid shapes."""
    for path in _paths(event):
        for other in OTHERS:
            changed = copy.deepcopy(event)
            *way, last = path
            place: Any = changed
            for step in way:
                place = place[step]
            if other is not LEFT_OUT:
                place[last] = other
            elif isinstance(place, dict):
                del place[last]
            yield changed


def _paths(found: Any) -> Iterator[tuple[Any, ...]]:
    inner = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for step, value in inner:
        yield (step,)
        yield from ((step, *rest) for rest in _paths(value))


async def real_events(provider: Provider) -> list[Event]:
    """Return one of each event that the provider sends for a detected turn, in order."""
    came: dict[str, Event] = {}
    url, key = f"ws{provider.url[4:]}/realtime?model=gpt-realtime-2.1", {"Authorization": "Bearer sk-simulated"}
    async with websockets.connect(url, additional_headers=key) as socket:
        for sent in (
            {"type": "session.update", "session": {"type": "realtime", "audio": {"input": LISTENING}}},
            {"type": "input_audio_buffer.append", "audio": _base64(silence(0.5) + VOICE + silence(1))},
            {"type": "response.cancel", "response_id": "none"},
        ):
            await socket.send(json.dumps(sent))
        while not {*BEGINNING, *TURN} - {NOT_MADE_OUT} <= came.keys():
            event = json.loads(await socket.recv())
            came.setdefault(event["type"], event)
    made_out = came[TURN[7]]
    came[NOT_MADE_OUT] = {**made_out, "type": NOT_MADE_OUT, "error": came["error"]["error"]}
    return [came[kind] for kind in BEGINNING] + [REFUSED_VOICE] + [came[kind] for kind in TURN]


def _base64(pcm: bytes) -> str:
    return base64.b64encode(pcm).decode()


class Server:
    """Refuse the audio at first, then detect a turn as soon as turn detection is on, and answer every other request."""

    def __init__(self, events: list[Event], cases: list[Case]) -> None:
        self.cases = cases
        # By case.
        self.sessions: Counter[int] = Counter()
        self._events = events

    async def serve(self, socket: ServerConnection) -> None:
        said: list[Event] = []
        with contextlib.suppress(websockets.ConnectionClosed):
            async for frame in socket:
                sent = json.loads(frame)
                if not said and sent["type"] == "session.update":
                    said = self._said(int(re.findall(r"case-(\d+)", sent["session"]["instructions"])[0]))
                for event in self._answer(sent, said):
                    await socket.send(json.dumps(event))

    def _said(self, number: int) -> list[Event]:
        self.sessions[number] += 1
        case, said = self.cases[number], list(self._events)
        if self.sessions[number] == 1:
            said[case.at] = case.event
        return said

    def _answer(self, sent: Event, said: list[Event]) -> list[Event]:
        created, updated, refused, *turn = said
        if sent["type"] == "response.create":
            return script.answer(sent, response_id=sent["event_id"])
        if sent["type"] != "session.update":
            return []
        audio = sent["session"]["audio"]
        if audio.get("input", {}).get("turn_detection"):
            return turn
        return [created, refused] if "voice" in audio.get("output", {}) else [updated]


@contextlib.asynccontextmanager
async def serving(events: list[Event], cases: list[Case], settings: Any) -> AsyncIterator[Server]:
    server = Server(events, cases)
    async with serve(server.serve, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}/v1"
        settings.OPENAI = {stage: {**chosen, "url": url, "key": "sk"} for stage, chosen in settings.OPENAI.items()}
        yield server


async def lived_through(number: int, case: Case) -> None:
    """Run a detected turn with the garbled event, then a typed turn. Return what the talk got."""
    async with talking(mistakes=(f"case-{number}",)) as caller:
        over = asyncio.Event()

        async def follow(happened: ListenerEvent | TurnDetectionLost) -> None:
            case.told.append(happened)
            if isinstance(happened, TurnEnded):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        await answered(caller.session, None, case.told)
            if not isinstance(happened, SpeechStarted):
                over.set()

        caller.session.noticed = follow
        await caller.session.detect_turns(Detection(1400))
        with contextlib.suppress(TimeoutError):
            # The turn may never be detected.
            async with asyncio.timeout(2 * PATIENCE):
                await over.wait()
        caller.session.noticed = None
        await caller.session.detect_turns(None)
        async with asyncio.timeout(60):
            await answered(caller.session, "Hello.", case.last)


async def answered(session: RealtimeSession, text: str | None, told: list[object]) -> None:
    replying = session.reply(text)
    await session.end_turn()
    try:
        async with contextlib.aclosing(replying):
            async for event in replying:
                told.append(event)
    except EngineError as error:
        told.append(error)


@pytest.mark.parametrize("at", range(13), ids=[*BEGINNING, "error at the beginning", *TURN])
async def test_the_talk_survives_it(
    openai_configured: Provider,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    at: int,
):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(realtime_session, "BEGUN_WITHIN", 2.0)
    events = await real_events(openai_configured)
    cases = [Case(at, event) for event in garbled(events[at])]
    some = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, case: Case) -> None:
        async with some:
            await lived_through(number, case)

    async with serving(events, cases, settings):
        await asyncio.gather(*(one(number, case) for number, case in enumerate(cases)))
    assert [case for case in cases if not case.is_well()] == []
    assert SECRET not in caplog.text


async def test_characters_that_no_database_accepts_are_removed():
    def answer(event: Event) -> list[Event]:
        return script.answer(event, "Y\0es\ud800.") if event["type"] == "response.create" else []

    async with script.scripted(answer), talking() as caller:
        assert words(await caller.answer("Hello.")) == "Yes."
