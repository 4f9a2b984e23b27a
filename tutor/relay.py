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
GOES_ON = "Another partner goes on."
AGAIN = "Try again in a moment."
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
        self._heard: Turn | None = None  # whose sound this session has, and has not been told to be over
        self._changing: asyncio.Task[None] | None = None  # to another engine
        self._closed = self._is_lost = False  # lost: nobody is left, and the learner knows

    # The life of a session

    async def open(self, brief: Brief, lines: Sequence[Line]) -> None:
        """Begin a session with the engine in use. One that was open is left: a reply of it that has not begun, and fails with
        it, is asked for again."""
        await self._changed()
        self._opened_with = brief, lines
        await self._open(self.engine)

    async def close(self) -> None:
        """A reply that somebody still waits for fails, and is nobody else's then."""
        await self._changed()
        self._closed = True
        await self._stack.aclose()

    async def _open(self, engine: Engine) -> None:
        brief, lines = self._opened_with
        stack = contextlib.AsyncExitStack()
        session = await stack.enter_async_context(engine.talk(brief, lines))
        session.speed = self._speed
        session.noticed = partial(self._notice, session)
        before, self._stack = self._stack, stack
        self.engine, self._session = engine, session  # at once: nobody finds the one without the other
        self._given, self._heard = 0, None
        if self._detection and engine.detects_turns:
            await session.detect_turns(self._detection)
        await before.aclose()  # last, for it takes its time: whatever fails meanwhile is not this session's

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
        """Let the session hear all of this turn, if it is another one that heard it; or the talk itself did. A change to another
        engine that is under way is over then, though who began it may have been cancelled."""
        await self._changed()
        if turn and turn.text is None and turn.heard_by is not self._session:
            self.has_heard(turn)
            if turn.pcm:  # else there would be a turn that nobody said
                await self._give(bytes(turn.pcm))

    def has_heard(self, turn: Turn) -> None:
        turn.heard_by = self._session
        self._heard = turn

    async def end_turn(self) -> None:
        self._heard = None
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
        self._is_lost = False
        return self._replied(self.engine, self._session, self._session.reply(text), turn, text, present)

    async def _replied(
        self,
        engine: Engine,
        session: Session,
        events: AsyncIterator[Event],
        turn: Turn | None,
        text: str | None,
        present: Callable[[], Turn | None],
    ) -> AsyncGenerator[Event, None]:
        is_heard = begun = False
        while True:
            try:
                async with contextlib.aclosing(self._patiently(engine, events)) as patient:
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
                if text == "":  # nothing was said: there is nothing to answer
                    return
                await self._make_room_for(turn)
                if text is None:
                    await self.bring_up_to(turn)
                engine, session = self.engine, self._session
                events = session.reply(text)
                await self._go_on_after(turn, present())

    async def _make_room_for(self, turn: Turn | None) -> None:
        """The new session may have begun to hear what was said after this turn, which it is to answer first."""
        later = self._heard
        if later and later is not turn:
            await self.end_turn()
            later.heard_by = None  # it will be let hear all of it again

    async def _go_on_after(self, turn: Turn | None, present: Turn | None) -> None:
        """The answer to `turn` has been asked for again; unless that is still spoken, it is over."""
        if turn and present is not turn:
            await self.end_turn()
        await self.bring_up_to(present)

    async def _patiently(self, engine: Engine, events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
        """The events of a reply of this engine; until its first word, no longer than the learner has patience for."""
        patience = settings.ENGINE_PATIENCE / 1000
        slow: asyncio.Task[None] | None = None
        if self._next(engine) is None:
            slow = asyncio.create_task(self._tell_of_slowness(engine, patience))
            patience += GIVEN_UP_AFTER
        try:
            until, event = time.monotonic() + patience, None
            while not isinstance(event, Words):
                event = await _next_of(events, until)
                if event is None:
                    return
                yield event
            if slow:
                slow.cancel()
            async for event in events:
                yield event
        finally:
            if slow:
                slow.cancel()
            await events.aclose()  # type: ignore[attr-defined]  # an async generator

    async def _tell_of_slowness(self, engine: Engine, patience: float) -> None:
        await asyncio.sleep(patience)
        await self._noticed(Notice("slow", IS_SLOW, engine.name))

    async def _give(self, pcm: bytes) -> None:
        self._given += len(pcm)
        await self._session.hear(pcm)

    def _next(self, engine: Engine) -> Engine | None:
        """Who goes on, should this engine fail."""
        later = self._engines[self._engines.index(engine) + 1 :]
        return next((each for each in later if not is_resting(each)), later[-1] if later else None)

    async def return_if_rested(self) -> None:
        """Between two turns: go back to the preferred engine, once it has rested."""
        await self._changed()
        preferred = first_awake(self._engines)
        if self._engines.index(preferred) < self._engines.index(self.engine):
            await self._change_to(preferred, IS_BACK)

    async def _switch(self, error: EngineError, failed: Session) -> bool:
        """Go on with the next engine; False if there is none. A session that has been left already may fail as it likes."""
        await self._changed()
        if failed is not self._session or self._closed:
            return not self._closed
        rest(self.engine, error)
        successor = self._next(self.engine)
        if successor is None:
            return False
        await self._change_to(successor, f"{error} {GOES_ON}")
        return True

    async def _change_to(self, engine: Engine, why: str) -> None:
        """Whoever asks for it may be cancelled half-way: the change is not, and is waited for by who comes next."""
        self._changing = asyncio.create_task(self._change(engine, why))
        await asyncio.shield(self._changing)

    async def _change(self, engine: Engine, why: str) -> None:
        await self._open(engine)
        await self._noticed(Notice("engine", why, engine.name))

    async def _changed(self) -> None:
        """Returns when no change is under way."""
        while self._changing and not self._changing.done():
            await asyncio.wait([self._changing])

    async def _notice(self, session: Session, happened: ListenerEvent | Lost) -> None:
        """`at_ms` of a session counts what it was given; the talk counts all that it received."""
        if session is not self._session:
            return
        if isinstance(happened, Lost):
            if not await self._switch(happened.error, session) and not (self._closed or self._is_lost):
                self._is_lost = True
                await self._noticed(Notice("engine", f"{happened.error} {AGAIN}", self.engine.name))
        else:
            missed = (self._received - self._given) * 1000 // BYTES_PER_SECOND
            await self._noticed(replace(happened, at_ms=happened.at_ms + missed))


async def _next_of(events: AsyncIterator[Event], until: float) -> Event | None:
    """The next event, or None. Raises EngineError, if it does not come until then, of time.monotonic(). There is no task for
    it: what comes goes on at once."""
    try:
        async with asyncio.timeout(max(0.1, until - time.monotonic())) as limit:
            return await anext(events, None)
    except TimeoutError:
        if not limit.expired():  # it is the engine's own
            raise
        raise EngineError(TOO_LONG, retryable=True, detail="no answer in time.") from None
