"""Help a learner who stays silent after a question: repeat the question more slowly, and later give a hint.

The transcript shows how often a question was repeated, so a new connection does not start again.
"""

from collections.abc import Sequence
from itertools import takewhile

from tutor import scenario
from tutor.domain import Line

IDLE_MS = 20_000
LEADS = ("Take your time.", "Maybe this helps.")
SLOWER = 0.8
SLOWEST = 0.6


def question(lines: Sequence[Line]) -> str:
    """Return the agent's last question. Empty if its last line asks nothing, or the learner spoke last."""
    if not lines or lines[-1].role != "assistant":
        return ""
    asked = [sentence for sentence in scenario.sentences(lines[-1].text) if sentence.endswith("?")]
    return asked[-1] if asked else ""


def helped(lines: Sequence[Line]) -> int:
    """Count how often the open question was repeated."""
    is_help = (line.role == "assistant" and line.text.startswith(LEADS) for line in reversed(lines))
    return len(list(takewhile(bool, is_help)))


def wait_ms(lines: Sequence[Line], idle_ms: int) -> int | None:
    """Return the silence before the next help, longer each time. None if no question is open, or it was repeated often enough."""
    given = helped(lines)
    return idle_ms * (given + 1) if question(lines) and given < len(LEADS) else None


def sentences(lines: Sequence[Line], hint: str) -> tuple[str, ...]:
    """Return the sentences to speak, none if no question is open. `hint` is used from the second help on."""
    asked = question(lines)
    if not asked:
        return ()
    return (LEADS[1], hint, asked) if helped(lines) else (LEADS[0], asked)


class SilenceTimer:
    """Measure how long a learner has been silent, in sound received. So a client that sends no sound gets no help."""

    def __init__(self) -> None:
        # The start of the silence, in milliseconds of all sound received. None while no silence is measured.
        self._from_ms: int | None = None

    def restart(self) -> None:
        self._from_ms = None

    def is_help_due(self, now_ms: int, unheard_ms: int, lines: Sequence[Line], idle_ms: int) -> bool:
        """Return whether the learner has been silent for long enough to be helped.

        The silence begins `unheard_ms` after the first call, when the agent has been heard to the end.
        """
        if self._from_ms is None:
            self._from_ms = now_ms + unheard_ms
        silent_ms = now_ms - self._from_ms
        if silent_ms < idle_ms:
            return False
        needed_ms = wait_ms(lines, idle_ms)
        return needed_ms is not None and silent_ms >= needed_ms


def slower(speed: float) -> float:
    """Return the speed at which a question is repeated."""
    return max(SLOWEST, speed * SLOWER)
