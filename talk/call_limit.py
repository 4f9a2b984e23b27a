"""Limit the calls to the engines in a minute. They cost money at a provider, or a lot of computing time here."""

from learners import throttling
from learners.visitors import Visitor, limits_of

TOO_MANY = "This is more than {limit} calls in a minute. Wait {seconds} seconds, then go on."


def count_call(visitor: Visitor) -> None:
    """Count one call. Raises throttling.Exceeded."""
    throttling.spend(*limits_of(visitor, "calls", "CALLS_PER_MINUTE", throttling.MINUTE))


def too_many_calls(exceeded: throttling.Exceeded) -> str:
    """Return the sentence for a refused call."""
    return TOO_MANY.format(limit=exceeded.limit.most, seconds=exceeded.wait_s)
