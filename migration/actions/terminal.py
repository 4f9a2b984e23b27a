"""Ask for confirmation before a change. All actions that change something do so."""

import sys

# The exit code of an action that only showed that there is something to do.
TO_DO = 2


def confirmed(question: str) -> bool:
    """Ask the operator, and return whether the answer was yes. Without a terminal it is no."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False
