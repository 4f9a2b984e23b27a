"""Run a talk with its preferred engine, and fall back to the next engine when one fails.

The next engine goes on with the same turn, and the learner gets a notice. An engine that failed rests for a while, in
all talks. Afterwards talks return to it, between two turns.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

from django.conf import settings

from audio.encoding import BYTES_PER_SECOND
from core import metrics
from engines.interface import Detection, Engine, Event, Heard, ListenerEvent, Session, TurnDetectionLost, Unheard, Words
from talk.engine_reports import EngineReports, Notice
from talk.turn import Turn
from tutor.domain import EngineError, EnoughForToday, Line, UnusableAnswer
from tutor.instructions import LEVELS
from tutor.scenario import Brief
from usage import budget

logger = logging.getLogger(__name__)

# Seconds of rest if trying again may help.
REST = 30.0
# Seconds of rest if trying again will not help, because the provider refuses the key or the model.
LONG_REST = 600.0
# Additional seconds to wait for a reply if no other engine is left.
GIVEN_UP_AFTER = 30.0
GOES_ON = "Another partner goes on."
AGAIN = "Try again in a moment."
IS_BACK = "The usual partner is back."
TOO_LONG = "The answer takes too long."
IS_SLOW = "The answer takes longer than usual. Please wait."

# Engine → the end of its rest, in seconds of time.monotonic().
_resting: dict[str, float] = {}


def is_resting(engine: Engine) -> bool:
    """Return whether an engine rests: it failed recently, or it costs money and the learner's budget of today is spent."""
    return time.monotonic() < _resting.get(engine.name, 0.0) or not budget.allows(engine.name)


def first_awake(engines: Sequence[Engine]) -> Engine:
    """Return the first engine that does not rest, or the last one if all rest. `engines` starts with the preferred."""
    return next((engine for engine in engines if not is_resting(engine)), engines[-1])


def rest(engine: Engine, error: EngineError) -> None:
    """Let this engine rest for a while, unless only one request was unusable, or one learner's budget is used up.

    Log one error for each rest.
    """
    if isinstance(error, EnoughForToday):
        return
    if isinstance(error, UnusableAnswer):
        logger.warning("The engine %s could not do one thing: %s", engine.name, error.detail)
        return
    if not is_resting(engine):
        logger.error("The engine %s failed: %s", engine.name, error.detail)
    metrics.engine_failed(engine.name)
    _resting[engine.name] = time.monotonic() + (REST if error.retryable else LONG_REST)


def rested() -> None:
    """End the rest of all engines, so that they may be used again."""
    _resting.clear()


class FallbackSession:
    """Wrap the engines' sessions in one that survives a change of engines.

    Call `open` first, and act on `reports`. The other methods are those of `engines.interface.Session`, with the turn
    that the sound belongs to. So the next engine can get the sound of the whole turn.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engine = first_awake(engines)
        self.reports = EngineReports()
        self._engines = engines
        self._stack = contextlib.AsyncExitStack()
        self._session: Session
        self._opened_with: tuple[Brief, Sequence[Line]]
        self._detection: Detection | None = None
        # The speed that the learner chose.
        self._speed: float | None = None
        # Bytes of sound: received in the whole talk, and passed on to this session.
        self._received = self._given = 0
        # The turn that is being spoken, and the turn whose sound this session has, until `end_turn`.
        self._spoken: Turn | None = None
        self._heard: Turn | None = None
        # The change to another engine that is under way.
        self._changing: asyncio.Task[None] | None = None
        # Lost: no engine is left, and the learner has had a notice.
        self._closed = self._is_lost = False

    # Opening, closing and changing settings

    async def open(self, brief: Brief, lines: Sequence[Line]) -> None:
        """Begin a session with the engine in use, and leave the session before it.

        If a reply of the old session fails before its first word, it is requested again from the new one.
        """
        await self._changed()
        self._opened_with = brief, lines
        await self._open(self.engine)

    async def close(self) -> None:
        """Close the session. A reply that is still awaited fails, and no other engine takes it over."""
        await self._changed()
        self._closed = True
        self.reports.close()
        await self._stack.aclose()

    async def _open(self, engine: Engine) -> None:
        brief, lines = self._opened_with
        stack = contextlib.AsyncExitStack()
        session = await stack.enter_async_context(engine.talk(brief, lines))
        session.speed = self.speed
        session.noticed = partial(self._notice, session)
        before, self._stack = self._stack, stack
        # Set both without an await between them, so that no task sees one without the other.
        self.engine, self._session = engine, session
        self._given, self._heard = 0, None
        if self._detection and engine.capabilities.detects_turns:
            await session.detect_turns(self._detection)
        # Last, because it takes a while. Failures during it are not those of the new session.
        await before.aclose()

    async def warm(self) -> None:
        """Warm up the engine, or the next one if it fails. Raises EngineError if no engine is left."""
        session = self._session
        try:
            await self.engine.warm()
        except EngineError as error:
            if not await self._switch(error, session):
                raise
            await self.warm()

    @property
    def preferred(self) -> Engine:
        return self._engines[0]

    @property
    def speed(self) -> float:
        """Return the speed of the voice: the one that the learner chose, else the one of their level."""
        brief, _ = self._opened_with
        return self._speed or LEVELS[brief.level].speed

    def choose_speed(self, speed: float | None) -> None:
        """Set the speed of the voice, or return to the level's speed with None."""
        self._speed = speed
        self._session.speed = self.speed

    # The methods of a session

    async def hear(self, turn: Turn, pcm: bytes) -> None:
        """Pass on more sound of the turn that is being spoken. `turn.pcm` must hold it already."""
        self._spoken = turn
        self._received += len(pcm)
        if turn.heard_by is self._session:
            await self._give(pcm)
        else:
            await self.bring_up_to(turn)

    async def pass_by(self, pcm: bytes) -> None:
        """Pass on sound outside a turn. Only an engine that detects turns needs it."""
        self._received += len(pcm)
        if self.detects:
            await self._give(pcm)

    async def bring_up_to(self, turn: Turn | None) -> None:
        """Give the session all sound of this turn, if it does not have it yet.

        Wait first for a change of engines that is under way, even if the task that began it was cancelled.
        """
        await self._changed()
        if turn and turn.text is None and turn.heard_by is not self._session:
            turn.heard_by, self._heard = self._session, turn
            # Passing on empty sound would begin a turn without speech.
            if turn.pcm:
                await self._give(bytes(turn.pcm))

    def begin_turn(self, turn: Turn) -> None:
        """Note that this turn is being spoken. `pass_by` got its first sound. Call `bring_up_to` next."""
        self._spoken = turn
        # An engine that detects turns already has this sound.
        if self.detects:
            turn.heard_by, self._heard = self._session, turn

    async def end_turn(self) -> None:
        """End or drop the turn that is being spoken. All later sound belongs to the next one."""
        self._spoken = None
        await self._end_heard_turn()

    async def _end_heard_turn(self) -> None:
        self._heard = None
        await self._session.end_turn()

    async def interrupt(self, played_ms: int) -> None:
        await self._session.interrupt(played_ms)

    @property
    def detects(self) -> bool:
        """Return whether the engine detects turns now, because it can and the talk has switched that on."""
        return self._detection is not None and self.engine.capabilities.detects_turns

    async def detect_turns(self, detection: Detection | None) -> None:
        self._detection = detection
        if self.engine.capabilities.detects_turns:
            await self._session.detect_turns(detection)

    def reply(self, turn: Turn | None) -> AsyncGenerator[Event, None]:
        """Return the reply to a turn, or with None the agent's next line. Iterating raises EngineError.

        If the engine in use fails before its first word, the next one replies.
        """
        self._is_lost = False
        if why_not := budget.why_not(self.engine.name):
            return _budget_spent(why_not)
        text = turn.text if turn else None
        return self._replied(self.engine, self._session, self._session.reply(text), turn, text)

    async def _replied(
        self, engine: Engine, session: Session, events: AsyncIterator[Event], turn: Turn | None, text: str | None
    ) -> AsyncGenerator[Event, None]:
        is_heard = begun = False
        while True:
            try:
                async with contextlib.aclosing(self._with_patience(engine, events)) as patient:
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
                # The learner has heard the beginning of the reply, so another engine cannot say it again.
                if begun or not has_successor:
                    raise
                # The learner said nothing, so there is nothing to reply to.
                if text == "":
                    return
                engine, session, events = await self._request_again(turn, text)

    async def _request_again(self, turn: Turn | None, text: str | None) -> tuple[Engine, Session, AsyncIterator[Event]]:
        """Request a reply from the engine in use now. Return the engine, its session and the reply."""
        later = self._heard
        if later and later is not turn:
            # The session has to reply to `turn` first. It gets all sound of the later turn again afterwards.
            await self._end_heard_turn()
            later.heard_by = None
        if text is None:
            await self.bring_up_to(turn)
        engine, session = self.engine, self._session
        events = session.reply(text)
        # End `turn` in the new session, unless it is still being spoken.
        if turn and self._spoken is not turn:
            await self._end_heard_turn()
        await self.bring_up_to(self._spoken)
        return engine, session, events

    async def _with_patience(self, engine: Engine, events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
        """Yield the events of this engine's reply. Raises EngineError if its first word takes too long.

        The limit is ENGINE_PATIENCE. Without another engine, the learner gets a notice at this point, and the reply has
        GIVEN_UP_AFTER more seconds.
        """
        patience = settings.ENGINE_PATIENCE / 1000
        slow: asyncio.TimerHandle | None = None
        if self._successor(engine) is None:
            notice = Notice("slow", IS_SLOW, engine.name)
            slow = asyncio.get_running_loop().call_later(patience, self.reports.put, notice)
            patience += GIVEN_UP_AFTER
        try:
            until, event = time.monotonic() + patience, None
            while not isinstance(event, Words):
                event = await _next_event(events, until)
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

    async def _give(self, pcm: bytes) -> None:
        self._given += len(pcm)
        await self._session.hear(pcm)

    def _successor(self, engine: Engine) -> Engine | None:
        """Return the engine that takes over if this one fails. None if there is none."""
        later = self._engines[self._engines.index(engine) + 1 :]
        return next((each for each in later if not is_resting(each)), later[-1] if later else None)

    async def return_if_rested(self) -> None:
        """Between two turns, return to a preferred engine that has rested, or leave a provider if today's budget is spent."""
        await self._changed()
        preferred = first_awake(self._engines)
        why_not = budget.why_not(self.engine.name)
        if why_not and preferred is not self.engine:
            await self._change_to(preferred, f"{why_not} {budget.GOES_ON}")
        elif self._engines.index(preferred) < self._engines.index(self.engine):
            await self._change_to(preferred, IS_BACK)

    async def _switch(self, error: EngineError, failed: Session) -> bool:
        """Change to the next engine. Return False if there is none, or the talk is closed.

        Ignore the error if the talk has already left the session that failed, and return True unless the talk is closed.
        """
        await self._changed()
        if failed is not self._session or self._closed:
            return not self._closed
        rest(self.engine, error)
        successor = self._successor(self.engine)
        if successor is None:
            return False
        goes_on = budget.GOES_ON if isinstance(error, EnoughForToday) else GOES_ON
        await self._change_to(successor, f"{error} {goes_on}")
        return True

    async def _change_to(self, engine: Engine, why: str) -> None:
        """Change the engine in a task of its own, which goes on if the caller is cancelled. Later callers wait for it."""

        async def change() -> None:
            await self._open(engine)
            await self.reports.put(Notice("engine", why, engine.name)).wait()

        self._changing = asyncio.create_task(change())
        await asyncio.shield(self._changing)

    async def _changed(self) -> None:
        """Wait until no change of engines is under way."""
        while self._changing and not self._changing.done():
            await asyncio.wait([self._changing])

    async def _notice(self, session: Session, happened: ListenerEvent | TurnDetectionLost) -> None:
        """Pass on an event of a session. Its `at_ms` counts the sound that the session got. The talk's counts all sound."""
        if session is not self._session:
            return
        if isinstance(happened, TurnDetectionLost):
            if not await self._switch(happened.error, session) and not (self._closed or self._is_lost):
                self._is_lost = True
                await self.reports.put(Notice("engine", f"{happened.error} {AGAIN}", self.engine.name)).wait()
        else:
            missed = (self._received - self._given) * 1000 // BYTES_PER_SECOND
            await self.reports.put(replace(happened, at_ms=happened.at_ms + missed)).wait()


async def _budget_spent(why_not: str) -> AsyncGenerator[Event, None]:
    """Raise EnoughForToday in place of a reply, because today's budget is spent and there is no other engine."""
    raise EnoughForToday(why_not)
    yield


async def _next_event(events: AsyncIterator[Event], until: float) -> Event | None:
    """Return the next event, or None at the end. Raises EngineError if it does not come by `until` of time.monotonic()."""
    # Starting no task for it passes the event on without delay.
    try:
        async with asyncio.timeout(max(0.1, until - time.monotonic())) as limit:
            return await anext(events, None)
    except TimeoutError:
        # The engine has raised this TimeoutError itself.
        if not limit.expired():
            raise
        raise EngineError(TOO_LONG, retryable=True, detail="no answer in time.") from None
