"""An answer that is spoken while it is written."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from tutor.engines.base import EngineError, Event, Speech, Thought, Words
from tutor.engines.openai_pipeline.clauses import Clauses
from tutor.engines.openai_pipeline.wording import spoken
from tutor.provider import speech
from tutor.provider.errors import GARBLED

AT_ONCE = 2  # requests for speech: the clause that comes, and the next one
MOST_SENTENCES = 4  # a learner cannot listen to more; the rest is not waited for
MOST_CHARACTERS = 800  # where it has no sentences
SENTENCE = 3  # words: "Great!" is none yet


class _Clip:
    """A clause on its way to being sound: pieces of PCM, then None, or the error that ended it."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.pieces: asyncio.Queue[bytes | EngineError | None] = asyncio.Queue()


class Answer:
    """`put` takes the events: for each clause its Words, when its sound begins, so that an answer that cannot be spoken can still
    be given by another engine; then its Speech."""

    def __init__(self, put: Callable[[Event], None], speed: float) -> None:
        self._put, self._speed = put, speed
        self._clips: asyncio.Queue[_Clip | EngineError | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []
        self._first: _Clip | None = None
        self._has_sounded = False

    async def follow(self, deltas: AsyncGenerator[str, None]) -> None:
        """Returns when the last sound is out; then, or when cancelled, nothing of it is left. Raises EngineError, once what could
        be said has been."""
        async with self._group:
            self._begin(self._write(deltas))
            self._begin(self._prepare())
            failure = await self._sound()
            for task in self._tasks:
                task.cancel()
        if failure:
            raise failure

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(self._group.create_task(work))

    async def _prepare(self) -> None:
        """While the first clause is being written. What goes wrong here does so again when it is spoken."""
        with contextlib.suppress(EngineError):
            await speech.warm(self._speed)

    async def _write(self, deltas: AsyncGenerator[str, None]) -> None:
        clauses, sentences, characters = Clauses(), 0, 0
        try:
            async with aclosing(deltas):
                async for delta in deltas:
                    for clause in clauses.feed(delta):
                        self._say(clause)
                        sentences, characters = sentences + _is_sentence(clause), characters + len(clause)
                    if sentences >= MOST_SENTENCES or characters >= MOST_CHARACTERS:
                        break
                else:
                    for clause in clauses.rest():
                        self._say(clause)
            self._clips.put_nowait(None)
        except EngineError as error:
            self._clips.put_nowait(error)
            if self._first and not self._has_sounded:
                self._first.pieces.put_nowait(
                    error
                )  # another engine's whole answer is better than the beginning of this one

    def _say(self, clause: str) -> None:
        if words := spoken(clause):
            clip = _Clip(words)
            if self._first is None:
                self._first = clip
                self._put(Thought())
            self._begin(self._speak(clip))
            self._clips.put_nowait(clip)

    async def _speak(self, clip: _Clip) -> None:
        try:
            async with self._room, aclosing(speech.speak(clip.words, speed=self._speed)) as pieces:
                async for piece in pieces:
                    clip.pieces.put_nowait(piece)
            clip.pieces.put_nowait(None)
        except EngineError as error:
            clip.pieces.put_nowait(error)

    async def _sound(self) -> EngineError | None:
        """The clips in their order. Returns what ended them too early."""
        while clip := await self._clips.get():
            failure = clip if isinstance(clip, EngineError) else await self._play(clip)
            if failure:
                return failure
        if self._has_sounded:
            return None
        return EngineError(GARBLED, retryable=True, detail="chat: there is nothing to say in the answer.")

    async def _play(self, clip: _Clip) -> EngineError | None:
        is_first = True
        while piece := await clip.pieces.get():
            if isinstance(piece, EngineError):
                return piece
            if is_first:
                self._put(Words(clip.words))
                is_first, self._has_sounded = False, True
            self._put(Speech(piece))
        return None


def _is_sentence(clause: str) -> bool:
    return len(clause.split()) >= SENTENCE and clause.rstrip("\"'\u201d\u2019)*_ \n")[-1:] in ".!?\u2026"
