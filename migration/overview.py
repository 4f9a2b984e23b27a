"""Describe the state of the cloud to an operator: in one line, and each half on its own."""

from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError

from core import cloud
from core.counts import counted
from migration import waiting
from migration.byte_sizes import size
from migration.waiting import PendingCounts


@dataclass(frozen=True, slots=True)
class Half:
    """Hold the state of one half: up, down or off. `reason` is the server's own message, for operators."""

    name: str
    state: str
    since: datetime
    cause: str
    reason: str

    def in_words(self) -> str:
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
        conversations = counted(self.pending.conversations, "conversation")
        recordings = f"{counted(self.pending.recordings, 'recording')} ({size(self.pending.bytes)})"
        return f"Waiting on this machine: {conversations} and {recordings}."


def overview() -> Overview:
    """Return the state of the cloud, as far as it is known. Only the local database is asked."""
    halves = []
    for each in cloud.halves:
        state = "off" if not each.on else "up" if each.up else "down"
        halves.append(Half(each.name, state, each.since, each.cause, "" if each.up else each.reason))
    states = {half.state for half in halves}
    state = "degraded" if "down" in states else "on" if "up" in states else "off"
    try:
        pending: PendingCounts | None = waiting.counts()
    except DatabaseError:
        pending = None
    return Overview(state, halves, pending)
