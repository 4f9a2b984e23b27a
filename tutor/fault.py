"""A fault of ours, as the log may have it."""

import traceback
from pathlib import Path

FRAMES = 6


def of(error: BaseException) -> str:
    """What it is, and where it came from, the innermost place first. Without its message, and those of its causes: they may
    quote what a learner said, or a key."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    return " < ".join([type(error).__name__, *places])
