"""Correct turns in parallel with the reply, for engines that do not correct before they speak."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence

from conversations.drafts import Draft
from core import safe_traceback
from engines.interface import Engine
from talk.call_with_fallback import attempts
from talk.dialogue import Dialogue
from talk.fallback import FallbackSession
from talk.outgoing import Outgoing
from talk.protocol import correction_shape
from talk.saver import Save, TurnSaver
from talk.turn import Turn
from tutor.domain import Correction, EngineError, EnoughForToday, Line
from usage import spending

logger = logging.getLogger(__name__)

# Number of lines before the checked one, which it may answer.
CONTEXT = 4
CHECK_WITHIN_S = 20.0
NOT_CHECKED = "This turn could not be checked for mistakes."


class Checks:
    """Run the checks of one talk. Each ends with a `talk.correction`, or with a notice that the check failed."""

    def __init__(
        self, dialogue: Dialogue, fallback_session: FallbackSession, turn_saver: TurnSaver, outgoing: Outgoing
    ) -> None:
        self._dialogue, self._fallback_session = dialogue, fallback_session
        self._turn_saver, self._outgoing = turn_saver, outgoing
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, turn: Turn, text: str, before: Sequence[Line], found: Awaitable[bool]) -> bool:
        """Start the check of a turn. Return False if there is none, because the engine corrects before it speaks.

        If something is `found` in the words by moderation, they are not corrected.
        """
        engine = self._fallback_session.engine
        if engine.capabilities.corrects_aloud:
            return False
        task = asyncio.create_task(self._check(engine, turn, text, before[-CONTEXT:], found))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return True

    async def finished(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _check(
        self, engine: Engine, turn: Turn, text: str, before: Sequence[Line], found: Awaitable[bool]
    ) -> None:
        try:
            async with asyncio.timeout(CHECK_WITHIN_S):
                with spending.counted(engine.name) as used:
                    corrections = await self._corrected(engine, text, before)
                if await found:
                    corrections = ()
            assert turn.item_id
            assert turn.at
            shapes = [correction_shape(each) for each in corrections]
            measured = spending.measured(engine.name, used) if used else None
            await self._outgoing.send("talk.correction", item_id=turn.item_id, corrections=shapes)
            if shapes or measured:
                draft = Draft(turn.item_id, "user", text, turn.at, corrections=shapes, measured=measured)
                self._turn_saver.put(Save(draft, b"", self._dialogue.columns(), notifies=bool(shapes)))
        except (EngineError, TimeoutError) as error:
            logger.warning("A turn was not corrected: %s", getattr(error, "detail", "no answer in time."))
        # The outermost loop of a check. Its failure must not end the talk.
        except Exception as error:  # noqa: BLE001
            logger.error("A turn was not corrected: %s", safe_traceback.of(error))
        else:
            return
        await self._outgoing.send("talk.notice", code="not_corrected", item_id=turn.item_id, message=NOT_CHECKED)

    async def _corrected(self, engine: Engine, text: str, before: Sequence[Line]) -> tuple[Correction, ...]:
        """Return the mistakes that this engine finds, or another one if it would cost more than is left for today."""
        language = self._dialogue.brief.language
        try:
            return await engine.correct(text, context=before, language=language)
        except EnoughForToday:
            for attempt in attempts(within=CHECK_WITHIN_S):
                async with attempt as another:
                    found = await another.correct(text, context=before, language=language)
            return found
