"""Limit the calls to the engines in a minute. They cost money at a provider, or a lot of computing time here."""

from core.counts import counted
from learners import throttling
from learners.visitors import Visitor, limits_of

TOO_MANY = "You have made more than {limit} calls in a minute. Wait {wait}, then go on."


def count_call(visitor: Visitor) -> None:
    """Count one call. Raises throttling.Exceeded."""
    throttling.spend(*limits_of(visitor, "calls", "CALLS_PER_MINUTE", throttling.MINUTE))


def too_many_calls(exceeded: throttling.Exceeded) -> str:
    """Return the sentence for a refused call."""
    return TOO_MANY.format(limit=exceeded.limit.most, wait=counted(exceeded.wait_s, "second"))
