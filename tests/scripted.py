"""Run engines that follow a script. For a talk they are like real ones."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from engines.interface import Capabilities, Detection, Event, Heard, Speech, Spoken, Words
from tutor.domain import Correction, EngineError, Line
from tutor.moderation import Category
from tutor.scenario import Brief

SOUND = b"\x10\x10" * 2400


@dataclass(eq=False)
class ScriptedEngine:
    """Hold the script of an engine.

    `replies` has the events of each reply. A number among them is a wait in seconds, an asyncio.Event is a wait until
    it is set or the session is closed, and an EngineError is raised. `opens` is a wait before a session opens; None
    opens it at once.
    """

    name: str
    replies: list[list[Any]]
    detects_turns: bool = False
    supports_preemptive: bool = False
    corrects_aloud: bool = True
    invents_in_silence: bool = False
    # What the provider's service finds, by a word of the text, and the seconds that it takes.
    finds: dict[str, Category] = field(default_factory=dict)
    finds_after: float = 0.0
    corrections: tuple[Correction, ...] | Exception = ()
    warms: EngineError | None = None
    opens: asyncio.Event | None = None
    sessions: list["ScriptedSession"] = field(default_factory=list)
    speaks: bytes | Exception = SOUND
    judged: list[str] = field(default_factory=list)
    # Words and speed of speech outside the talk's replies.
    spoken: list[tuple[str, float]] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            detects_turns=self.detects_turns,
            supports_preemptive=self.supports_preemptive,
            corrects_aloud=self.corrects_aloud,
            invents_in_silence=self.invents_in_silence,
            moderates=bool(self.finds),
        )

    async def moderate(self, text: str) -> frozenset[Category]:
        self.judged.append(text)
        await asyncio.sleep(self.finds_after)
        return frozenset(category for word, category in self.finds.items() if word in text)

    async def warm(self) -> None:
        if self.warms:
            raise self.warms

    async def correct(self, text: str, *, context: Sequence[Line] = (), language: str = "en") -> tuple[Correction, ...]:
        if isinstance(self.corrections, Exception):
            raise self.corrections
        return self.corrections

    async def speak(self, text: str, *, speed: float = 1.0, voice: str = "") -> AsyncGenerator[bytes, None]:
        self.spoken.append((text, speed))
        if isinstance(self.speaks, Exception):
            raise self.speaks
        yield self.speaks

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
        # The talk sets this callback.
        self.noticed: Any = None
        # The audio of each turn.
        self.heard: list[bytes] = [b""]
        # For each requested reply, the typed text and the audio to be answered.
        self.asked: list[tuple[str | None, bytes]] = []
        self.detection: Detection | None = None
        self.interrupted: list[int] = []
        # The number of replies that have begun.
        self.begun = 0
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
        """Close the session. A reply that is awaited fails."""
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
