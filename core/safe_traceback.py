"""Describe errors of the program for the log, without private data."""

import traceback
from pathlib import Path

FRAMES = 6


def of(error: BaseException) -> str:
    """Return the error's class and places, the innermost first. Messages are left out: they may quote a learner, or a key."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    return " < ".join([type(error).__name__, *places])
