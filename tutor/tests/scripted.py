"""Engines that follow a script: real ones as far as a talk can tell."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tutor.engines.base import (
    Correction,
    Detection,
    EngineError,
    Event,
    Heard,
    Line,
    Speech,
    Spoken,
    Words,
)
from tutor.scenario import Brief

SOUND = b"\x10\x10" * 2400


@dataclass
class ScriptedEngine:
    """`replies`: for each reply its events; a number among them is a wait in seconds, an asyncio.Event one until it is set or
    the session is closed, an EngineError is raised. `opens`: when a session does, None at once."""

    name: str
    replies: list[list[Any]]
    detects_turns: bool = False
    begins_early: bool = False
    corrects_aloud: bool = True
    invents_in_silence: bool = False
    corrections: tuple[Correction, ...] | Exception = ()
    warms: EngineError | None = None
    opens: asyncio.Event | None = None
    sessions: list["ScriptedSession"] = field(default_factory=list)

    async def warm(self) -> None:
        if self.warms:
            raise self.warms

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        if isinstance(self.corrections, Exception):
            raise self.corrections
        return self.corrections

    @asynccontextmanager
    async def talk(self, brief: Brief, transcript: Sequence[Line]) -> AsyncIterator["ScriptedSession"]:
        session = ScriptedSession(self, brief, transcript)
        self.sessions.append(session)
        if self.opens:
            await self.opens.wait()
        try:
            yield session
        finally:
            session.close()


class ScriptedSession:
    def __init__(self, engine: ScriptedEngine, brief: Brief, transcript: Sequence[Line]) -> None:
        self.brief, self.transcript, self.speed = brief, transcript, 1.0
        self.noticed: Any = None  # set by the talk
        self.heard: list[bytes] = [b""]  # turn by turn
        self.asked: list[tuple[str | None, bytes]] = []  # text, or the sound that was to be answered
        self.detection: Detection | None = None
        self.interrupted: list[int] = []
        self.begun = 0  # replies that have begun to ask whom they ask
        self.is_closed = False
        self._closed = asyncio.Event()
        self._engine = engine

    async def hear(self, pcm: bytes) -> None:
        self.heard[-1] += pcm

    def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        self.asked.append((text, self.heard[-1]))
        return self._reply(self._engine.replies.pop(0))

    async def _reply(self, script: list[Any]) -> AsyncGenerator[Event, None]:
        self.begun += 1
        for step in script:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            elif isinstance(step, asyncio.Event):
                await self._until(step)
            else:
                yield step

    async def end_turn(self) -> None:
        self.heard.append(b"")

    async def detect_turns(self, detection: Detection | None) -> None:
        self.detection = detection

    async def interrupt(self, played_ms: int) -> None:
        self.interrupted.append(played_ms)

    def close(self) -> None:
        """A reply that is waited for fails."""
        self.is_closed = True
        self._closed.set()

    async def _until(self, happened: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(each.wait()) for each in (happened, self._closed)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        if not happened.is_set():
            raise EngineError("It is gone.", retryable=True, detail="the session was closed.")


def answer(heard: str, words: str) -> list[Any]:
    return [Heard(heard), Words(words), Speech(SOUND), Spoken()]
