"""What goes wrong, by order: on which path, how, and for how many requests."""

from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from bench.provider.settings import BadSetting

STATUSES = {"400", "401", "403", "404", "429", "500", "503"}
# slow: delay_ms late. cut: the connection is closed in mid-answer. reset: the same, with a TCP reset.
# malformed: an event that is not JSON. silence: no word more, and no hanging up. failed: the API's own event for a failure.
KINDS = STATUSES | {"slow", "cut", "reset", "malformed", "silence", "failed"}
TALKS = "/v1/realtime"


@dataclass
class Fault:
    """`after` events still pass (pieces, where the answer is bare audio); with `event`, only those of this type count.

    Events of a chat stream are of the type `chat.completion.chunk`. An answer that is not streamed is one event.
    """

    path: str  # may have wildcards: /v1/audio/*
    kind: str
    times: int | None = 1  # None: until cleared
    after: int = 0
    event: str | None = None
    delay_ms: float = 0
    retry_after: float | None = None  # seconds
    code: str | None = None  # the error's, in place of the usual one
    _passed: int = field(default=0, init=False)

    @property
    def at_the_door(self) -> bool:
        """Whether it strikes before the first word of an answer, or before a talk is let in."""
        silent_from_the_start = self.kind == "silence" and not self.after and not self.event
        return self.kind in STATUSES or self.kind == "slow" or silent_from_the_start

    def strikes(self, event: str) -> bool:
        """Count this event; True if it is the one that the fault takes."""
        if self.event and self.event != event:
            return False
        self._passed += 1
        return self._passed > self.after


class Faults:
    """Those that are set, in the order in which they were."""

    def __init__(self) -> None:
        self._set: list[Fault] = []

    def add(self, fields_of_fault: dict[str, Any]) -> None:
        """Raises BadSetting."""
        known = {each.name for each in fields(Fault) if each.init}
        if unknown := fields_of_fault.keys() - known:
            raise BadSetting(f"A fault has no {', '.join(sorted(unknown))}.")
        if fields_of_fault.get("kind") not in KINDS or "path" not in fields_of_fault:
            raise BadSetting(f"A fault needs a path, and a kind of {', '.join(sorted(KINDS))}.")
        fault = Fault(**fields_of_fault)
        if fault.kind == "failed" and not fault.event and fnmatchcase(TALKS, fault.path):
            fault.event = "response.output_item.added"  # an answer that fails before its first word
        self._set.append(fault)

    def extend(self, others: "Faults") -> None:
        self._set.extend(others._set)

    def clear(self) -> None:
        self._set.clear()

    def for_request(self, path: str) -> Fault | None:
        """The fault that this request meets; it counts its own events."""
        for fault in self._set:
            if fnmatchcase(path, fault.path):
                return self._claim(fault)
        return None

    def at_handshake(self, path: str) -> Fault | None:
        for fault in self._set:
            if fault.at_the_door and fnmatchcase(path, fault.path):
                return self._claim(fault)
        return None

    def in_talk(self, path: str, event: str) -> Fault | None:
        """The fault that takes this event of an open talk. A fault can be set in mid-talk, and counts from then on."""
        for fault in self._set:
            if not fault.at_the_door and fnmatchcase(path, fault.path) and fault.strikes(event):
                return self._claim(fault)
        return None

    def _claim(self, fault: Fault) -> Fault:
        if fault.times is not None:
            fault.times -= 1
            if not fault.times:
                self._set.remove(fault)
        fault._passed = 0
        return replace(fault)
