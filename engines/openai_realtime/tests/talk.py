"""Run a talk with the engine alone."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from typing import TypeVar

from engines.interface import Event, ListenerEvent, Speech, TurnDetectionLost, TurnEnded, Words
from engines.openai_realtime.engine import RealtimeEngine
from engines.openai_realtime.session import RealtimeSession
from simulators.openai import sound
from tutor import scenario
from tutor.domain import Line
from tutor.scenario import Brief
from usage import metering

TALK = "/v1/realtime"
SLICE = 48 * 40  # 40 ms
VOICE = sound.tone("a learner who speaks", 60)  # 1.2 s
FOREVER = {"times": None}

Noticed = TypeVar("Noticed")


def brief() -> Brief:
    return Brief(scenario.get("travel"), "B1", "seed")


class Caller:
    """Use a session as a talk does: keep the transcript, and request replies when turns end."""

    def __init__(self, session: RealtimeSession, lines: list[Line]) -> None:
        self.session, self.lines = session, lines
        self.noticed: list[ListenerEvent | TurnDetectionLost] = []
        self.used: list[metering.Used] = []
        # The answers to turns that the provider detected.
        self.answers: list[list[Event]] = []

    async def hear(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), SLICE):
            await self.session.hear(pcm[start : start + SLICE])

    async def answer(self, text: str | None = None) -> list[Event]:
        """Return all events of a reply."""
        replying = self.session.reply(text)
        await self.session.end_turn()
        with metering.collected() as self.used:
            events = [event async for event in replying]
        if said := words(events):
            self.lines.append(Line("assistant", said))
        return events

    async def turn(self, pcm: bytes = VOICE) -> list[Event]:
        await self.hear(pcm)
        return await self.answer()

    async def begun(self, text: str | None = None) -> tuple[AsyncGenerator[Event, None], list[Event]]:
        """Return a reply up to its first audio, and its events so far."""
        replying = self.session.reply(text)
        await self.session.end_turn()
        events: list[Event] = []
        async for event in replying:
            events.append(event)
            if isinstance(event, Speech):
                break
        return replying, events

    async def follow(self, happened: ListenerEvent | TurnDetectionLost) -> None:
        """Note the event, and answer a finished turn, as in hands-free mode."""
        self.noticed.append(happened)
        if isinstance(happened, TurnEnded):
            self.answers.append(await self.answer())

    def noticed_of(self, kind: type[Noticed]) -> list[Noticed]:
        return [each for each in self.noticed if isinstance(each, kind)]


@contextlib.asynccontextmanager
async def talking(*lines: Line, mistakes: tuple[str, ...] = ()) -> AsyncIterator[Caller]:
    """Begin a talk. The instructions name these `mistakes`."""
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
