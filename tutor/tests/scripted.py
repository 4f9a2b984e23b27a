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
    """`replies`: for each reply its events; a number among them is a wait in seconds, an EngineError is raised."""

    name: str
    replies: list[list[Any]]
    detects_turns: bool = False
    begins_early: bool = False
    corrects_aloud: bool = True
    invents_in_silence: bool = False
    corrections: tuple[Correction, ...] | EngineError = ()
    warms: EngineError | None = None
    sessions: list["ScriptedSession"] = field(default_factory=list)

    async def warm(self) -> None:
        if self.warms:
            raise self.warms

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        if isinstance(self.corrections, EngineError):
            raise self.corrections
        return self.corrections

    @asynccontextmanager
    async def talk(self, brief: Brief, transcript: Sequence[Line]) -> AsyncIterator["ScriptedSession"]:
        session = ScriptedSession(self, transcript)
        self.sessions.append(session)
        try:
            yield session
        finally:
            session.is_closed = True


class ScriptedSession:
    def __init__(self, engine: ScriptedEngine, transcript: Sequence[Line]) -> None:
        self.transcript, self.speed = transcript, 1.0
        self.noticed: Any = None  # set by the talk
        self.heard: list[bytes] = [b""]  # turn by turn
        self.asked: list[tuple[str | None, bytes]] = []  # text, or the sound that was to be answered
        self.detection: Detection | None = None
        self.is_closed = False
        self._engine = engine

    async def hear(self, pcm: bytes) -> None:
        self.heard[-1] += pcm

    def reply(self, text: str | None = None) -> AsyncGenerator[Event, None]:
        self.asked.append((text, self.heard[-1]))
        return self._reply(self._engine.replies.pop(0))

    async def _reply(self, script: list[Any]) -> AsyncGenerator[Event, None]:
        for step in script:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step

    async def end_turn(self) -> None:
        self.heard.append(b"")

    async def detect_turns(self, detection: Detection | None) -> None:
        self.detection = detection

    async def interrupt(self, played_ms: int) -> None:
        """The transcript has it already."""


def answer(heard: str, words: str) -> list[Any]:
    return [Heard(heard), Words(words), Speech(SOUND), Spoken()]
