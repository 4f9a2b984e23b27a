"""Corrections that are made beside the answer, by an engine that does not correct before it speaks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from conversations.changes import Draft
from tutor import fault, spending
from tutor.dialogue import Dialogue
from tutor.engines.base import Correction, Engine, EngineError, Line
from tutor.keeper import Keeper, Save
from tutor.protocol import Event, correction_shape, event
from tutor.turn import Turn

logger = logging.getLogger(__name__)

CONTEXT = 4  # lines before the one that is checked: what it answers
WITHIN = 20.0  # seconds
NOT_CHECKED = "This turn could not be checked for mistakes."


class Checks:
    """Those of one talk. Each ends in a `talk.correction`, or in a notice that there is none."""

    def __init__(self, dialogue: Dialogue, keeper: Keeper, send: Callable[[Event], Awaitable[None]]) -> None:
        self._dialogue, self._keeper, self._send = dialogue, keeper, send
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, engine: Engine, turn: Turn, text: str, before: Sequence[Line]) -> None:
        task = asyncio.create_task(self._check(engine, turn, text, before[-CONTEXT:]))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finished(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _check(self, engine: Engine, turn: Turn, text: str, before: Sequence[Line]) -> None:
        try:
            async with asyncio.timeout(WITHIN):
                with spending.counted(engine.name) as used:
                    found = await engine.correct(text, context=before, language=self._dialogue.brief.language)
            await self._tell(turn, text, found, spending.measured(engine.name, used) if used else None)
        except (EngineError, TimeoutError) as error:
            logger.warning("A turn was not corrected: %s", getattr(error, "detail", "no answer in time."))
            await self._tell_of_none(turn)
        except Exception as error:  # noqa: BLE001  # the outermost loop of a check: a fault in it is not the talk's
            logger.error("A turn was not corrected: %s", fault.of(error))
            await self._tell_of_none(turn)

    async def _tell_of_none(self, turn: Turn) -> None:
        await self._send(event("talk.notice", code="not_corrected", item_id=turn.item_id, message=NOT_CHECKED))

    async def _tell(self, turn: Turn, text: str, found: Sequence[Correction], measured: dict[str, Any] | None) -> None:
        assert turn.item_id
        assert turn.at
        shapes = [correction_shape(each) for each in found]
        await self._send(event("talk.correction", item_id=turn.item_id, corrections=shapes))
        if shapes or measured:
            draft = Draft(turn.item_id, "user", text, turn.at, corrections=shapes, measured=measured)
            self._keeper.put(Save(draft, b"", self._dialogue.columns(), is_told=bool(shapes)))
