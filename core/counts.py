"""Name units of numbers, and put numbers of things into words."""

import math

# Bytes.
MB = 1024 * 1024


def counted(number: int, thing: str) -> str:
    """Return the number with the thing in the singular or the plural: "1 recording", "2,000 recordings"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def hours_until(seconds: float) -> str:
    """Return a wait in whole hours, rounded up, so that the wait is over by then."""
    return counted(max(1, math.ceil(seconds / 3600)), "hour")
