"""A talk with the engine alone, for its tests."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from typing import TypeVar

from bench.provider import sound
from tutor import scenario, usage
from tutor.engines.base import Event, Line, ListenerEvent, Lost, Speech, TurnEnded, Words
from tutor.engines.openai_realtime.engine import RealtimeEngine
from tutor.engines.openai_realtime.session import RealtimeSession
from tutor.scenario import Brief

TALK = "/v1/realtime"
SLICE = 48 * 40  # 40 ms
VOICE = sound.tone("a learner who speaks", 60)  # 1.2 s
FOREVER = {"times": None}

Noticed = TypeVar("Noticed")


def brief() -> Brief:
    return Brief(scenario.get("travel"), "B1", "seed")


class Caller:
    """What a talk does with a session: it keeps the transcript, and asks for replies when turns end."""

    def __init__(self, session: RealtimeSession, lines: list[Line]) -> None:
        self.session, self.lines = session, lines
        self.noticed: list[ListenerEvent | Lost] = []
        self.used: list[usage.Used] = []
        self.answers: list[list[Event]] = []  # to the turns that the provider has found

    async def hear(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), SLICE):
            await self.session.hear(pcm[start : start + SLICE])

    async def answer(self, text: str | None = None) -> list[Event]:
        """A whole reply."""
        replying = self.session.reply(text)
        await self.session.end_turn()
        with usage.collected() as self.used:
            events = [event async for event in replying]
        if said := words(events):
            self.lines.append(Line("assistant", said))
        return events

    async def turn(self, pcm: bytes = VOICE) -> list[Event]:
        await self.hear(pcm)
        return await self.answer()

    async def begun(self, text: str | None = None) -> tuple[AsyncGenerator[Event, None], list[Event]]:
        """A reply up to its first sound, and what came of it."""
        replying = self.session.reply(text)
        await self.session.end_turn()
        events: list[Event] = []
        async for event in replying:
            events.append(event)
            if isinstance(event, Speech):
                break
        return replying, events

    async def follow(self, happened: ListenerEvent | Lost) -> None:
        """Hands-free: whoever breaks in is let speak; whoever has finished is answered."""
        self.noticed.append(happened)
        if isinstance(happened, TurnEnded):
            self.answers.append(await self.answer())

    def noticed_of(self, kind: type[Noticed]) -> list[Noticed]:
        return [each for each in self.noticed if isinstance(each, kind)]


@contextlib.asynccontextmanager
async def talking(*lines: Line, mistakes: tuple[str, ...] = ()) -> AsyncIterator[Caller]:
    """`mistakes` reach the provider with the instructions."""
    transcript = list(lines)
    async with RealtimeEngine().talk(replace(brief(), mistakes=mistakes), transcript) as session:
        caller = Caller(session, transcript)
        session.noticed = caller.follow
        yield caller


def words(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Words))


def voice(events: list[Event]) -> bytes:
    return b"".join(event.pcm for event in events if isinstance(event, Speech))


async def until(condition: Callable[[], object], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "It did not come to pass."
        await asyncio.sleep(0.02)
