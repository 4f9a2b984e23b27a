"""Queue what happens beside the replies: turns that an engine detects, and changes of engines."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from engines.interface import ListenerEvent


@dataclass(frozen=True, slots=True)
class Notice:
    """Hold a notice for the learner beside the reply. `engine` names the engine in use from now on."""

    code: str
    message: str
    engine: str


@dataclass(frozen=True, slots=True)
class EngineReport:
    """Hold one event, whose `at_ms` counts all sound, or notice. Set `acted_on` when the talk has acted on it."""

    happened: ListenerEvent | Notice
    acted_on: asyncio.Event = field(default_factory=asyncio.Event)


class EngineReports:
    """Queue the reports of one talk, until they are closed.

    The reader must take the next report before it has acted on the last one. Otherwise it could wait for ever: the end
    of a turn may wait for a reply, and that reply for the report of a change of engines.
    """

    def __init__(self) -> None:
        # None marks the end.
        self._queue: asyncio.Queue[EngineReport | None] = asyncio.Queue()
        self._closed = False

    async def __aiter__(self) -> AsyncGenerator[EngineReport, None]:
        while report := await self._queue.get():
            yield report

    def put(self, happened: ListenerEvent | Notice) -> asyncio.Event:
        """Queue a report. Return an event that is set when the talk has acted on it, or at once if it is closed."""
        report = EngineReport(happened)
        if self._closed:
            report.acted_on.set()
        else:
            self._queue.put_nowait(report)
        return report.acted_on

    def close(self) -> None:
        self._closed = True
        self._queue.put_nowait(None)
