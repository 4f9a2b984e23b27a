"""Check the set-up of the cloud and of this machine, and say how to fix what is wrong.

To test the permissions, it writes a few bytes to the bucket and a row to the database, and deletes both. It changes nothing else.
Exit code 1: a check failed.
"""

import json
import os
import shutil
import textwrap
from itertools import groupby

from django.core.management.base import CommandParser, OutputWrapper
from django.utils.termcolors import colorize

from migration import checks
from migration.actions.terminal import Options
from migration.checks import CheckState, Result

# A symbol for each state, and a colour for those who see it.
SYMBOLS = {
    CheckState.OK: ("✓", "green"),
    CheckState.WARNING: ("!", "yellow"),
    CheckState.FAILED: ("✗", "red"),
    CheckState.NOT_SUPPORTED: ("-", "blue"),
    CheckState.NOT_CONFIGURED: ("·", "blue"),
}
WIDTH = 120


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(options: Options, out: OutputWrapper) -> bool:
    results = checks.in_order(checks.verify())
    if options["json"]:
        out.write(json.dumps(checks.report(results), indent=2, ensure_ascii=False))
    else:
        coloured = out.isatty() and not options.get("no_color") and "NO_COLOR" not in os.environ
        out.write(table(results, coloured=coloured))
    return checks.is_valid(results)


def table(results: list[Result], *, coloured: bool) -> str:
    names = max(len(result.name) for result in results)
    lines = []
    for group, members in groupby(results, key=lambda result: result.group):
        lines += [group, *(line for member in members for line in _lines(member, names, coloured)), ""]
    return "\n".join([*lines, checks.summary(results)])


def _lines(result: Result, names: int, coloured: bool) -> list[str]:
    symbol, colour = SYMBOLS[result.state]
    state = f"{symbol} {checks.WORDS[result.state]:<{max(map(len, checks.WORDS.values()))}}"
    before = f"  {state}  {result.name:<{names}}  "
    width = max(40, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) - len(before))
    found = textwrap.wrap(result.found, width)
    advice = textwrap.wrap(result.advice, width, initial_indent="→ ", subsequent_indent="  ")
    first, *rest = found + advice
    return [
        before.replace(state, colorize(state, fg=colour) if coloured else state) + first,
        *(" " * len(before) + line for line in rest),
    ]
