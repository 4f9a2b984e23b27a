"""A probe looks at one thing and says what it found, or raises why it is not as it should be. The runner asks all of them side
by side, and waits for none of them longer than it may take: whatever hangs is left behind."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, SimpleQueue

from django.db import connections

PATIENCE = 4.0  # seconds for one probe
IN_ALL = 4.7  # with what comes around them, an answer within 5

logger = logging.getLogger(__name__)


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_SUPPORTED = "not supported by this server"
    NOT_CONFIGURED = "not configured"


class Finding(Exception):
    """What a probe found that is not as it should be, and what to do about it: sentences for an operator, without secrets."""

    state: State

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(what)
        self.what, self.do = what, do


class Failed(Finding):
    state = State.FAILED

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what, do)


class Warned(Finding):
    state = State.WARNING

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what, do)


class NotSupported(Finding):
    state = State.NOT_SUPPORTED


class NotConfigured(Finding):
    state = State.NOT_CONFIGURED


@dataclass(frozen=True, slots=True)
class Probe:
    """`run` says what it found, or raises a Finding. It is called in a thread of its own, and may hang."""

    group: str
    name: str
    run: Callable[[], str]
    timeout: float = PATIENCE


@dataclass(frozen=True, slots=True)
class Result:
    group: str
    name: str
    state: State
    found: str
    advice: str
    seconds: float
    place: int = 0  # among the probes, as they were given


def run(probes: Iterable[Probe], *, within: float = IN_ALL) -> Iterator[Result]:
    """The results, as they come; the last one after `within` seconds at the latest."""
    began = time.monotonic()
    answers: SimpleQueue[Result] = SimpleQueue()
    waiting = dict(enumerate(probes))
    for number, probe in waiting.items():
        threading.Thread(
            target=lambda number, probe: answers.put(_answer(probe, number)),
            args=(number, probe),
            name=f"probe: {probe.name}",
            daemon=True,  # one that hangs keeps no process from ending
        ).start()
    while waiting:
        number = min(waiting, key=lambda number: waiting[number].timeout)
        left = began + min(waiting[number].timeout, within) - time.monotonic()
        try:
            result = answers.get(timeout=max(0.0, left))
        except Empty:
            result = _too_late(waiting[number], number, time.monotonic() - began)
        if waiting.pop(result.place, None):  # or it was given up already
            yield result


def _answer(probe: Probe, place: int) -> Result:
    began = time.monotonic()
    try:
        state, found, advice = State.OK, probe.run(), ""
    except Finding as finding:
        state, found, advice = finding.state, finding.what, finding.do
    except Exception as error:  # one probe that is at its wits' end does not take the others along
        logger.exception("The probe %r of %s could not be carried out.", probe.name, probe.group)
        state, found = State.FAILED, f"It could not be looked at ({type(error).__name__})."
        advice = "The log of this process has the details."
    finally:
        connections.close_all()  # this thread's
    return Result(probe.group, probe.name, state, found, advice, round(time.monotonic() - began, 3), place)


def _too_late(probe: Probe, place: int, seconds: float) -> Result:
    found = f"There was no answer within {seconds:.0f} s."
    advice = "Something takes the connection and does not answer: see whether it is overloaded, or stopped."
    return Result(probe.group, probe.name, State.FAILED, found, advice, round(seconds, 3), place)
