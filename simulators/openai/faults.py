"""Inject faults on demand: on a path, of a kind, for a number of requests."""

from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase

from core.json_types import Json
from simulators.openai.simulator_settings import BadSetting

STATUSES = {"400", "401", "403", "404", "429", "500", "503"}
# - slow: the answer is delay_ms late.
# - cut: the connection closes in the middle of the answer.
# - reset: as cut, with a TCP reset.
# - malformed: an event is not JSON.
# - silence: nothing more is sent, and the connection stays open.
# - failed: the API's own event for a failure.
KINDS = STATUSES | {"slow", "cut", "reset", "malformed", "silence", "failed"}
TALKS = "/v1/realtime"


@dataclass
class Fault:
    """Describe one fault. It lets `after` events pass first. With `event`, only events of this type count.

    If the answer is bare audio, pieces count. Events of a chat stream have the type `chat.completion.chunk`. An answer
    that is not streamed is one event.
    """

    # May have wildcards: /v1/audio/*.
    path: str
    kind: str
    # None: until it is cleared.
    times: int | None = 1
    after: int = 0
    event: str | None = None
    delay_ms: float = 0
    retry_after: float | None = None  # seconds
    # The code of the error, instead of the usual one.
    code: str | None = None
    _passed: int = field(default=0, init=False)

    @property
    def at_the_door(self) -> bool:
        """Return whether it strikes before the first word of an answer, or before a talk is accepted."""
        silent_from_the_start = self.kind == "silence" and not self.after and not self.event
        return self.kind in STATUSES or self.kind == "slow" or silent_from_the_start

    def strikes(self, event: str) -> bool:
        """Count this event. Return True if the fault replaces it."""
        if self.event and self.event != event:
            return False
        self._passed += 1
        return self._passed > self.after


class Faults:
    """Hold the faults that are set, in their order."""

    def __init__(self) -> None:
        self._set: list[Fault] = []

    def add(self, fields_of_fault: Json) -> None:
        """Add a fault. Raises BadSetting."""
        known = {each.name for each in fields(Fault) if each.init}
        if unknown := fields_of_fault.keys() - known:
            raise BadSetting(f"A fault has no {', '.join(sorted(unknown))}.")
        if fields_of_fault.get("kind") not in KINDS or "path" not in fields_of_fault:
            raise BadSetting(f"A fault needs a path, and a kind of {', '.join(sorted(KINDS))}.")
        fault = Fault(**fields_of_fault)
        if fault.kind == "failed" and not fault.event and fnmatchcase(TALKS, fault.path):
            # The answer fails before its first word.
            fault.event = "response.output_item.added"
        self._set.append(fault)

    def extend(self, others: "Faults") -> None:
        self._set.extend(others._set)

    def clear(self) -> None:
        self._set.clear()

    def for_request(self, path: str) -> Fault | None:
        """Return the fault that this request meets. It counts its own events."""
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
        """Return the fault that replaces this event of an open talk.

        A fault may be set during a talk, and counts events from then on.
        """
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
