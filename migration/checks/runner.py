"""Run checks side by side. A check that takes longer than it may is abandoned."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from django.db import connections

from core.findings import CheckState, Finding, Probe

# Seconds for all checks. With the work around them, the answer comes within 5.
IN_ALL = 4.7
# The advice for a check that does not answer in time.
LATE = "Something takes the connection and does not answer: see whether it is overloaded, or stopped."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    group: str
    name: str
    state: CheckState
    found: str
    advice: str
    seconds: float
    # Among the checks, in the order in which they were given.
    place: int = 0


def known(finding: Finding) -> Callable[[], str]:
    """Return a check whose finding is known beforehand."""

    def check() -> str:
        raise finding

    return check


def run(probes: Iterable[Probe], *, within: float = IN_ALL) -> Iterator[Result]:
    """Yield the results as they come, the last one after `within` seconds at the latest."""
    began = time.monotonic()
    answers: SimpleQueue[Result] = SimpleQueue()
    waiting = dict(enumerate(probes))
    for number, probe in waiting.items():
        threading.Thread(
            target=_answer,
            args=(probe, number, answers),
            name=f"probe: {probe.name}",
            # A check that hangs must not keep the process from ending.
            daemon=True,
        ).start()
    while waiting:
        number = min(waiting, key=lambda number: waiting[number].timeout)
        left = began + min(waiting[number].timeout, within) - time.monotonic()
        try:
            result = answers.get(timeout=max(0.0, left))
        except Empty:
            probe, seconds = waiting[number], time.monotonic() - began
            found = f"There was no answer within {seconds:.0f} s."
            result = Result(probe.group, probe.name, CheckState.FAILED, found, LATE, round(seconds, 3), number)
        # Leave out a late result of a check that was given up already.
        if waiting.pop(result.place, None):
            yield result


def _answer(probe: Probe, place: int, answers: "SimpleQueue[Result]") -> None:
    began = time.monotonic()
    try:
        state, found, advice = CheckState.OK, probe.run(), ""
    except Finding as finding:
        state, found, advice = finding.state, finding.what, finding.do
    except Exception as error:
        # A check with an unexpected error must not end the others.
        logger.exception("The probe %r of %s could not be carried out.", probe.name, probe.group)
        state, found = CheckState.FAILED, f"It could not be looked at ({type(error).__name__})."
        advice = "The log of this process has the details."
    finally:
        connections.close_all()  # this thread's
    answers.put(Result(probe.group, probe.name, state, found, advice, round(time.monotonic() - began, 3), place))
