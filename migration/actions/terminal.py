"""Define what the actions share: their options, progress on a terminal, and confirmation before a change."""

import sys
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

# The options of an action, which argparse has parsed. Their types are those of the action's `add_arguments`.
Options = Mapping[str, Any]

# The exit code of an action that only showed that there is something to do.
TO_DO = 2
# Failures to show on the terminal.
SHOWN = 20


def is_confirmed(question: str, options: Options) -> bool:
    """Return whether --yes or the operator's answer confirms a change. With --json, only --yes does."""
    return options["yes"] or (not options["json"] and confirmed(question))


def confirmed(question: str) -> bool:
    """Ask the operator, and return whether the answer was yes. Without a terminal it is no."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False


class ProgressLine:
    """Show progress in one line that is overwritten, on a terminal and without --json only."""

    def __init__(self, out: OutputWrapper, options: Options) -> None:
        self._out, self._is_seen = out, out.isatty() and not options["json"]
        self._shown = ""

    def show(self, line: str) -> None:
        if self._is_seen and line != self._shown:
            self._out.write(f"\r{line:<79}", ending="")
            self._out.flush()
            self._shown = line

    def end(self) -> None:
        if self._is_seen:
            self._out.write("")
