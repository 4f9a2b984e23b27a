"""Limit the number of talks at once, the speed at which a client sends, and the time that a talk may be idle."""

import asyncio
import sys
import time

from core import site_limits
from core.admission import Slots

RETRY_AFTER = 30  # seconds

FULL = (
    "All places are taken at the moment: as many learners are talking as the server can serve. Try again in a minute."
)
TALKS_ELSEWHERE = "You are talking in other windows already. End one of those talks to begin another."
TALKS_AT_ADDRESS = (
    "As many learners are talking at your address as one address may have at once. "
    "Try again when one of them has finished."
)
IDLE = "The talk was paused because nothing was said for a while. Go on whenever you like."

# `follow_limits` sets their sizes.
LOCAL_TALK_SLOTS = Slots("talks with the embedded engine", 0, 0)
HOSTED_TALK_SLOTS = Slots("talks with other engines", 0, 0)
for slots in (LOCAL_TALK_SLOTS, HOSTED_TALK_SLOTS):
    slots.busy, slots.too_many, slots.retry_after = FULL, TALKS_ELSEWHERE, RETRY_AFTER
# Each talk has a place here, too, counted by its address.
ADDRESS_SLOTS = Slots(
    "talks by address", sys.maxsize, 0, too_many=TALKS_AT_ADDRESS, busy=TALKS_AT_ADDRESS, retry_after=RETRY_AFTER
)


def follow_limits() -> None:
    """Let the slots have the sizes that the limits say now. Talks in progress go on."""
    LOCAL_TALK_SLOTS.total = site_limits.value("LOCAL_TALKS")
    HOSTED_TALK_SLOTS.total = site_limits.value("PROVIDER_TALKS")
    LOCAL_TALK_SLOTS.each = HOSTED_TALK_SLOTS.each = site_limits.value("TALKS_PER_LEARNER")
    ADDRESS_SLOTS.each = site_limits.of_address("TALKS_PER_LEARNER")


def slots_for(engine: str) -> Slots:
    """Return the slots of the talks that use this engine now."""
    return LOCAL_TALK_SLOTS if engine == "local" else HOSTED_TALK_SLOTS


# Seconds after which an idle talk is paused. A turn may take ten minutes.
IDLE_S = 15 * 60.0
# Seconds after which an idle talk is paused if a newcomer would be refused otherwise.
MAKES_ROOM_S = 3 * 60.0
# Seconds for a client that has never sent anything.
SILENT_S = 120.0

# PACE: bytes of events a second (twenty times the speed of speech). BURST: bytes at once (four minutes of speech).
# EVENT: bytes that each event counts in addition to its own.
PACE, BURST, EVENT = 1_280_000, 16 * 1024 * 1024, 3_200
# Values in the JSON of an event.
MOST_VALUES = 10_000


class RateLimiter:
    """Slow down a client that sends too fast."""

    def __init__(self) -> None:
        self._credit, self._at = float(BURST), time.monotonic()

    async def spend(self, size: int) -> None:
        """Wait until an event of this many bytes may be processed."""
        now = time.monotonic()
        self._credit = min(float(BURST), self._credit + (now - self._at) * PACE) - size - EVENT
        self._at = now
        if self._credit < 0:
            await asyncio.sleep(-self._credit / PACE)
