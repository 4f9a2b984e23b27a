"""Describe the state of the cloud to an operator: in one line, and each half on its own."""

from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError

from core import cloud
from core.cloud import Breaker
from core.counts import counted
from migration import waiting
from migration.byte_sizes import size
from migration.waiting import PendingCounts


@dataclass(frozen=True, slots=True)
class Half:
    """Hold the state of one half: up, down or off. `reason` is the server's own message, for operators."""

    name: str
    state: str
    since: datetime | None = None
    cause: str = ""
    reason: str = ""

    def in_words(self) -> str:
        assert self.since
        if self.state == "up":
            return f"the {self.name} is up"
        return f"the {self.name} is down since {self.since:%Y-%m-%d %H:%M} UTC ({self.cause})"


@dataclass(frozen=True, slots=True)
class Overview:
    """Hold the state of the cloud: on, degraded or off. `pending` is None while the local database cannot be read."""

    state: str
    halves: list[Half]
    pending: PendingCounts | None

    @property
    def line(self) -> str:
        if self.state == "off":
            return "Cloud storage is off: everything is kept on this machine."
        known = "; ".join(half.in_words() for half in self.halves if half.state != "off")
        return f"Cloud storage is {self.state}: {known}. {self.waiting}"

    @property
    def waiting(self) -> str:
        if self.pending is None:
            return "What waits on this machine cannot be counted: its local database cannot be read."
        if not (self.pending.conversations or self.pending.recordings):
            return "Nothing waits on this machine."
        return f"Waiting on this machine: {in_numbers(self.pending)}."


def overview() -> Overview:
    """Return the state of the cloud, as far as it is known. Only the local database is asked."""
    halves = [_half(each) for each in cloud.halves]
    states = {half.state for half in halves}
    state = "degraded" if "down" in states else "on" if "up" in states else "off"
    try:
        pending: PendingCounts | None = waiting.counts()
    except DatabaseError:
        pending = None
    return Overview(state, halves, pending)


def in_numbers(pending: PendingCounts) -> str:
    talks = counted(pending.conversations, "conversation")
    return f"{talks} and {counted(pending.recordings, 'recording')} ({size(pending.bytes)})"


def _half(half: Breaker) -> Half:
    if not half.on:
        return Half(half.name, "off")
    return Half(half.name, "up" if half.up else "down", half.since, half.cause, "" if half.up else half.reason)
