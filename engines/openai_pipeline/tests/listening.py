"""Feed a session, and collect its events."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from engines.interface import Event, Speech, Thought, Words
from engines.openai_pipeline.engine import PipelineEngine
from engines.openai_pipeline.session import PipelineSession
from simulators.openai import sound
from tutor import scenario
from tutor.domain import Line
from tutor.scenario import Brief

SAID = sound.tone("a learner who speaks", 60)  # 1.2 s
LINES = (Line("assistant", "Hello! Where did you go?"),)
HEARD = "I goes to London, um, yesterday."
REPLY = "Ah, you went to London. What did you see there? Tell me about it, please."
CLAUSES = ["Ah, you went to London.", "What did you see there?", "Tell me about it, please."]
CHAT, SPEECH, HEARING, READING = (
    *("/v1/chat/completions", "/v1/audio/speech", "/v1/audio/transcriptions"),
    "/v1/realtime",
)


def brief() -> Brief:
    return Brief(scenario=scenario.get("travel"), level="B1", seed="talk")


async def answered(
    engine: PipelineEngine, pcm: bytes = SAID, text: str | None = None, lines: Sequence[Line] = LINES
) -> list[Event]:
    async with engine.talk(brief(), lines) as session:
        return await answered_in(session, pcm, text)


async def answered_in(session: PipelineSession, pcm: bytes = SAID, text: str | None = None) -> list[Event]:
    await session.hear(pcm)
    reply = session.reply(text)
    await session.end_turn()
    return [event async for event in reply if event != Thought()]


async def up_to(kind: type, reply: AsyncGenerator[Event, None]) -> list[Event]:
    """Return the events up to the first one of this kind, then close the reply."""
    events: list[Event] = []
    async with aclosing(reply):
        async for event in reply:
            if event != Thought():
                events.append(event)
            if isinstance(event, kind):
                break
    return events


def words(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Words)]


def voice(events: Sequence[Event]) -> bytes:
    return b"".join(event.pcm for event in events if isinstance(event, Speech))


def tasks_beside() -> set[asyncio.Task[Any]]:
    """Return the tasks of this loop, except the test's own and those of idle connections."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return {task for task in tasks if "Connection.keepalive" not in repr(task.get_coro())}
