"""Speak sentences with the agent's voice for work in the background, from a thread."""

import asyncio
import uuid

from engines.interface import is_live
from learners.visitors import Visitor
from talk import speaking
from usage import payer

# Seconds for a sentence.
WITHIN = 60.0

# The loop of the server, which has the connections of the engines. None in a command.
_loop: asyncio.AbstractEventLoop | None = None


def use(loop: asyncio.AbstractEventLoop | None) -> None:
    """Let the engines run on this loop."""
    global _loop
    _loop = loop


def speak(learner: uuid.UUID, text: str) -> bytes:
    """Return PCM of the text, and count its cost towards the learner's limits. Raises EngineError, CallRefused, TimeoutError."""
    work = _speak(learner, text)
    return asyncio.run_coroutine_threadsafe(work, _loop).result(WITHIN + 1) if _loop else asyncio.run(work)


async def _speak(learner: uuid.UUID, text: str) -> bytes:
    payer.work_for(Visitor(learner, ""))
    # Voices of talks come first.
    is_live.set(False)
    async with asyncio.timeout(WITHIN):
        return await (await speaking.begin_speech(text, "")).read()
