"""Speak an answer while it is being written."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any

from engines.interface import Event, Speech, Thought, Words
from engines.openai import text_to_speech
from engines.openai.error_translation import GARBLED
from engines.openai_pipeline.clauses import Clauses
from engines.openai_pipeline.wording import spoken
from tutor.domain import EngineError

# Requests for speech at a time: the clause that is arriving, and the next one.
AT_ONCE = 2
# A learner cannot follow more. The rest is not waited for.
MOST_SENTENCES = 4
# The limit for an answer without sentences.
MOST_CHARACTERS = 800
# Words. A shorter part, such as "Great!", does not count as a sentence.
SENTENCE = 3


class _Clip:
    """Hold a clause that is being synthesized: pieces of PCM, then None, or the error that ended it."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.pieces: asyncio.Queue[bytes | EngineError | None] = asyncio.Queue()


class SpokenAnswer:
    """Speak one answer.

    `events` gets for each clause its Words when its audio begins, then its Speech. So if an answer cannot be spoken,
    another engine can still give it.
    """

    def __init__(self, events: asyncio.Queue[Event | None], speed: float) -> None:
        self._events, self._speed = events, speed
        self._clips: asyncio.Queue[_Clip | EngineError | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []
        self._first: _Clip | None = None
        self._has_played = False

    async def follow(self, deltas: AsyncGenerator[str, None]) -> None:
        """Speak the text of `deltas` and return after the last audio.

        Nothing of the answer keeps running after that, or after a cancellation. Raises EngineError, but only after all
        that could be spoken was spoken.
        """
        async with self._group:
            self._begin(self._write(deltas))
            self._begin(self._prepare())
            failure = await self._play()
            for task in self._tasks:
                task.cancel()
        if failure:
            raise failure

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(self._group.create_task(work))

    async def _prepare(self) -> None:
        """Open connections for speech while the first clause is being written.

        An error here is ignored, since it occurs again when the clause is spoken.
        """
        with contextlib.suppress(EngineError):
            await text_to_speech.warm(self._speed)

    async def _write(self, deltas: AsyncGenerator[str, None]) -> None:
        clauses, sentences, characters = Clauses(), 0, 0
        try:
            async with aclosing(deltas):
                async for delta in deltas:
                    for clause in clauses.feed(delta):
                        self._say(clause)
                        ends = clause.rstrip("\"'\u201d\u2019)*_ \n")[-1:] in ".!?\u2026"
                        sentences += ends and len(clause.split()) >= SENTENCE
                        characters += len(clause)
                    if sentences >= MOST_SENTENCES or characters >= MOST_CHARACTERS:
                        break
                else:
                    for clause in clauses.rest():
                        self._say(clause)
            self._clips.put_nowait(None)
        except EngineError as error:
            self._clips.put_nowait(error)
            if self._first and not self._has_played:
                # Another engine's whole answer is better than the beginning of this one.
                self._first.pieces.put_nowait(error)

    def _say(self, clause: str) -> None:
        if words := spoken(clause):
            clip = _Clip(words)
            if self._first is None:
                self._first = clip
                self._events.put_nowait(Thought())
            self._begin(self._speak(clip))
            self._clips.put_nowait(clip)

    async def _speak(self, clip: _Clip) -> None:
        try:
            async with self._room, aclosing(text_to_speech.speak(clip.words, speed=self._speed)) as pieces:
                async for piece in pieces:
                    clip.pieces.put_nowait(piece)
            clip.pieces.put_nowait(None)
        except EngineError as error:
            clip.pieces.put_nowait(error)

    async def _play(self) -> EngineError | None:
        """Play the clips in order. Returns the error that ended them too early, or None."""
        while clip := await self._clips.get():
            if isinstance(clip, EngineError):
                return clip
            is_first = True
            while piece := await clip.pieces.get():
                if isinstance(piece, EngineError):
                    return piece
                if is_first:
                    self._events.put_nowait(Words(clip.words))
                    is_first, self._has_played = False, True
                self._events.put_nowait(Speech(piece))
        if self._has_played:
            return None
        return EngineError(GARBLED, retryable=True, detail="chat: there is nothing to say in the answer.")
