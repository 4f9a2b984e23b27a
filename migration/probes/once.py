import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Once(Generic[Answer]):
    """A question that several probes need answered: the first to ask asks it, the others wait for the same answer."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self._ask = ask
        self._answers: list[Answer] = []
        self._lock = threading.Lock()

    def __call__(self) -> Answer:
        with self._lock:
            if not self._answers:
                self._answers.append(self._ask())
            return self._answers[0]
