"""Define the checks of `storage verify`. A check returns what it found, or raises a Finding that says what is wrong."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

PATIENCE = 4.0  # seconds for one check

Answer = TypeVar("Answer")


class CheckState(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_SUPPORTED = "not supported by this server"
    NOT_CONFIGURED = "not configured"


class Finding(Exception):
    """Report what a check found to be wrong, and what to do about it. Both are sentences for an operator, without secrets."""

    state: CheckState

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(what)
        self.what, self.do = what, do


class CheckFailed(Finding):
    state = CheckState.FAILED

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what, do)


class Warned(Finding):
    state = CheckState.WARNING

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what, do)


class NotSupported(Finding):
    state = CheckState.NOT_SUPPORTED


class NotConfigured(Finding):
    state = CheckState.NOT_CONFIGURED


@dataclass(frozen=True, slots=True)
class Probe:
    """Define one check. `run` returns what it found, or raises a Finding. It is called in a thread of its own, and may hang."""

    group: str
    name: str
    run: Callable[[], str]
    timeout: float = PATIENCE


class Once(Generic[Answer]):
    """Ask a question once for several checks. The first check to call asks it, and the others wait for the same answer."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self._ask = ask
        self._answers: list[Answer] = []
        self._lock = threading.Lock()

    def __call__(self) -> Answer:
        with self._lock:
            if not self._answers:
                self._answers.append(self._ask())
            return self._answers[0]
