"""One talk's engine, and those that stand in for it. When one fails, the next goes on with the same turn, and says so; an engine
that failed rests for a while, in all talks, and is returned to between two turns."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from django.conf import settings

from audio.encoding import BYTES_PER_SECOND
from talking_agent import metrics
from tutor.engines.base import (
    Detection,
    Engine,
    EngineError,
    Event,
    Heard,
    Line,
    ListenerEvent,
    Lost,
    Session,
    Unheard,
    Unusable,
    Words,
)
from tutor.scenario import Brief
from tutor.turn import Turn

logger = logging.getLogger(__name__)

REST = 30.0  # seconds, when trying again may help
LONG_REST = 600.0  # and when it will not: a key or a model that is refused
GIVEN_UP_AFTER = 30.0  # more seconds, for an answer that nobody else can give
GOES_ON = "The talk goes on with a simpler partner."
IS_BACK = "The usual partner is back."
TOO_LONG = "The answer takes too long."
IS_SLOW = "The answer takes longer than usual. Please wait."

_resting: dict[str, float] = {}  # engine → until when, of time.monotonic()


@dataclass(frozen=True, slots=True)
class Notice:
    """What the learner is told beside the answer. `engine`: which talks from now on."""

    code: str
    message: str
    engine: str


Noticed = Callable[[ListenerEvent | Notice], Awaitable[None]]


def is_resting(engine: Engine) -> bool:
    return time.monotonic() < _resting.get(engine.name, 0.0)


def first_awake(engines: Sequence[Engine]) -> Engine:
    """The preferred one of those that do not rest; where all do, the last."""
    return next((engine for engine in engines if not is_resting(engine)), engines[-1])


def rest(engine: Engine, error: EngineError) -> None:
    """Let this engine alone for a while, unless it is well. The operator is told, once for each rest."""
    if isinstance(error, Unusable):
        logger.warning("The engine %s could not do one thing: %s", engine.name, error.detail)
        return
    if not is_resting(engine):
        logger.error("The engine %s failed: %s", engine.name, error.detail)
    metrics.engine_failed(engine.name)
    _resting[engine.name] = time.monotonic() + (REST if error.retryable else LONG_REST)


def rested() -> None:
    """Whatever failed may be asked again."""
    _resting.clear()


class Relay:
    """`open`, then what a `Session` has. `turn` is the learner's present turn, whose sound a successor must hear, too."""

    def __init__(self, engines: Sequence[Engine], noticed: Noticed) -> None:
        self.engine = first_awake(engines)
        self._engines, self._noticed = engines, noticed
        self._stack = contextlib.AsyncExitStack()
        self._session: Session
        self._opened_with: tuple[Brief, Sequence[Line]]
        self._detection: Detection | None = None
        self._speed = 1.0
        self._received = self._given = 0  # bytes: of the whole talk, and of them to this session

    # The life of a session

    async def open(self, brief: Brief, lines: Sequence[Line]) -> None:
        self._opened_with = brief, lines
        before, self._stack = self._stack, contextlib.AsyncExitStack()
        self._session = await self._stack.enter_async_context(self.engine.talk(brief, lines))
        self._session.speed = self._speed
        self._session.noticed = partial(self._notice, self._session)
        self._given = 0
        if self._detection and self.engine.detects_turns:
            await self._session.detect_turns(self._detection)
        await before.aclose()  # last, for it takes its time: whatever fails meanwhile is not this session's

    async def close(self) -> None:
        await self._stack.aclose()

    async def warm(self) -> None:
        """Raises EngineError, if there is no engine left that could talk."""
        session = self._session
        try:
            await self.engine.warm()
        except EngineError as error:
            if not await self._switch(error, session):
                raise
            await self.warm()

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._speed = self._session.speed = speed

    # What a session does

    async def hear(self, turn: Turn, pcm: bytes) -> None:
        """More of this turn, which has it already."""
        self._received += len(pcm)
        if turn.heard_by is self._session:
            await self._give(pcm)
        else:
            await self.bring_up_to(turn)

    async def pass_by(self, pcm: bytes) -> None:
        """Sound of nobody's turn: only an engine that detects turns wants it."""
        self._received += len(pcm)
        if self.detects:
            await self._give(pcm)

    async def bring_up_to(self, turn: Turn | None) -> None:
        """Let the session hear all of this turn, if it is another one that heard it; or the talk itself did."""
        if turn and turn.text is None and turn.heard_by is not self._session:
            turn.heard_by = self._session
            await self._give(bytes(turn.pcm))

    def has_heard(self, turn: Turn) -> None:
        turn.heard_by = self._session

    async def end_turn(self) -> None:
        await self._session.end_turn()

    async def interrupt(self, played_ms: int) -> None:
        await self._session.interrupt(played_ms)

    @property
    def detects(self) -> bool:
        """The engine listens for turns by itself."""
        return self._detection is not None and self.engine.detects_turns

    async def detect_turns(self, detection: Detection | None) -> None:
        self._detection = detection
        if self.engine.detects_turns:
            await self._session.detect_turns(detection)

    def reply(
        self, turn: Turn | None, text: str | None, present: Callable[[], Turn | None]
    ) -> AsyncGenerator[Event, None]:
        """The reply of the engine in use, or of the next one where that fails before its first word. `turn`: what it answers,
        `present`: the turn that is being spoken. Raises EngineError."""
        return self._replied(self._session, self._session.reply(text), turn, text, present)

    async def _replied(
        self,
        session: Session,
        events: AsyncIterator[Event],
        turn: Turn | None,
        text: str | None,
        present: Callable[[], Turn | None],
    ) -> AsyncGenerator[Event, None]:
        is_heard = begun = False
        while True:
            try:
                async with contextlib.aclosing(self._patiently(events)) as patient:
                    async for event in patient:
                        if isinstance(event, Heard | Unheard):
                            if is_heard:
                                continue
                            is_heard, text = True, event.text if isinstance(event, Heard) else text
                        begun = begun or isinstance(event, Words)
                        yield event
                return
            except EngineError as error:
                has_successor = await self._switch(error, session)
                if begun or not has_successor:  # what has been heard of an answer cannot be said again
                    raise
                events = await self._ask_again(turn, text, present())
                session = self._session

    async def _ask_again(self, turn: Turn | None, text: str | None, present: Turn | None) -> AsyncIterator[Event]:
        """Of the new session, which must hear first what the one before has heard."""
        if text is None:
            await self.bring_up_to(turn)
        events = self._session.reply(text)
        if present is not turn:
            await self._session.end_turn()
        await self.bring_up_to(present)
        return events

    async def return_if_rested(self) -> None:
        """Between two turns: go back to the preferred engine, once it has rested."""
        preferred = first_awake(self._engines)
        if self._engines.index(preferred) < self._engines.index(self.engine):
            await self._change_to(preferred, IS_BACK)

    async def _patiently(self, events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
        """The events of a reply; until its first word, no longer than the learner has patience for."""
        timeout: float | None = settings.ENGINE_PATIENCE / 1000
        is_told = False
        coming: asyncio.Future[Event | None] | None = None
        try:
            while True:
                began = time.monotonic()
                coming = coming or asyncio.ensure_future(anext(events, None))
                if (await asyncio.wait([coming], timeout=timeout))[0]:
                    event = coming.result()
                    coming = None
                    if event is None:
                        return
                    spent = time.monotonic() - began
                    timeout = None if timeout is None or isinstance(event, Words) else max(0.1, timeout - spent)
                    yield event
                elif is_told or self._next():
                    raise EngineError(TOO_LONG, retryable=True, detail="no answer in time.")
                else:
                    is_told, timeout = True, GIVEN_UP_AFTER
                    await self._noticed(Notice("slow", IS_SLOW, self.engine.name))
        finally:
            if coming:
                coming.cancel()
                await asyncio.wait([coming])
            await events.aclose()  # type: ignore[attr-defined]  # an async generator

    async def _give(self, pcm: bytes) -> None:
        self._given += len(pcm)
        await self._session.hear(pcm)

    def _next(self) -> Engine | None:
        """Who goes on, should this engine fail."""
        later = self._engines[self._engines.index(self.engine) + 1 :]
        return next((engine for engine in later if not is_resting(engine)), later[-1] if later else None)

    async def _switch(self, error: EngineError, failed: Session) -> bool:
        """Go on with the next engine; False if there is none. A session that has been left already may fail as it likes."""
        if failed is not self._session:
            return True
        rest(self.engine, error)
        successor = self._next()
        if successor is None:
            return False
        await self._change_to(successor, f"{error} {GOES_ON}")
        return True

    async def _change_to(self, engine: Engine, why: str) -> None:
        self.engine = engine
        await self.open(*self._opened_with)
        await self._noticed(Notice("engine", why, engine.name))

    async def _notice(self, session: Session, happened: ListenerEvent | Lost) -> None:
        """`at_ms` of a session counts what it was given; the talk counts all that it received."""
        if session is not self._session:
            return
        if isinstance(happened, Lost):
            await self._switch(happened.error, session)
        else:
            missed = (self._received - self._given) * 1000 // BYTES_PER_SECOND
            await self._noticed(replace(happened, at_ms=happened.at_ms + missed))
