"""What the actions share: the question before a change, and sizes for people."""

import sys

TO_DO = 2  # the exit code of what only showed that there is something to do


def confirmed(question: str) -> bool:
    """Did somebody at a terminal say yes? Without a terminal, nobody did."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False


def size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
