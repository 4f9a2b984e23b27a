"""Inject faults on demand: on a path, of a kind, for a number of requests."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import PrivateAttr, model_validator

from simulators.openai.simulator_settings import Strict

TALKS = "/v1/realtime"


class Fault(Strict):
    """Describe one fault. It lets `after` events pass first. With `event`, only events of this type count.

    If the answer is bare audio, pieces count. Events of a chat stream have the type `chat.completion.chunk`. An answer
    that is not streamed is one event.

    Beside HTTP's status codes, the kinds are:

    - slow: the answer is delay_ms late.
    - cut: the connection closes in the middle of the answer.
    - reset: as cut, with a TCP reset.
    - malformed: an event is not JSON.
    - silence: nothing more is sent, and the connection stays open.
    - failed: the API's own event for a failure.
    """

    # May have wildcards: /v1/audio/*.
    path: str
    kind: Literal[
        "400", "401", "403", "404", "429", "500", "503", "slow", "cut", "reset", "malformed", "silence", "failed"
    ]
    # None: until it is cleared.
    times: int | None = 1
    after: int = 0
    event: str | None = None
    delay_ms: float = 0
    retry_after: float | None = None  # seconds
    # The code of the error, instead of the usual one.
    code: str | None = None
    _passed: int = PrivateAttr(0)

    @model_validator(mode="after")
    def _fail_before_the_first_word(self) -> "Fault":
        if self.kind == "failed" and not self.event and fnmatchcase(TALKS, self.path):
            self.event = "response.output_item.added"
        return self

    @property
    def is_early(self) -> bool:
        """Return whether it strikes before the first word of an answer, or before a talk is accepted."""
        silent_from_the_start = self.kind == "silence" and not self.after and not self.event
        return self.kind.isdigit() or self.kind == "slow" or silent_from_the_start

    def strikes(self, event: str) -> bool:
        """Count this event. Return True if the fault replaces it."""
        if self.event and self.event != event:
            return False
        self._passed += 1
        return self._passed > self.after


class Faults:
    """Hold the faults that are `set`, in their order."""

    def __init__(self) -> None:
        self.set: list[Fault] = []

    def for_request(self, path: str) -> Fault | None:
        """Return the fault that this request meets. It counts its own events."""
        return self._claim(self._on(path))

    def at_handshake(self, path: str) -> Fault | None:
        return self._claim(fault for fault in self._on(path) if fault.is_early)

    def in_talk(self, path: str, event: str) -> Fault | None:
        """Return the fault that replaces this event of an open talk. A fault counts events from when it was set."""
        return self._claim(fault for fault in self._on(path) if not fault.is_early and fault.strikes(event))

    def _on(self, path: str) -> list[Fault]:
        return [fault for fault in self.set if fnmatchcase(path, fault.path)]

    def _claim(self, found: Iterable[Fault]) -> Fault | None:
        """Return a copy of the first fault, and count it as used."""
        fault = next(iter(found), None)
        if fault is None:
            return None
        if fault.times is not None:
            fault.times -= 1
            if not fault.times:
                self.set.remove(fault)
        fault._passed = 0
        return fault.model_copy()
