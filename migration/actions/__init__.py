"""Define what `manage.py storage ACTION` does, with a module for each action.

The module's docstring is the help. `add_arguments` adds options to an argparse parser. `run` carries the action out,
writes to `out`, and returns False if anything failed.
"""

from importlib import import_module
from types import ModuleType
from typing import Protocol

from django.core.management.base import CommandParser, OutputWrapper

from migration.actions.terminal import Options

NAMES: tuple[str, ...] = ("verify", "test", "migrate", "setup", "cost", "prune", "orphans", "backup", "restore")


class Action(Protocol):
    __doc__: str | None

    def add_arguments(self, parser: CommandParser) -> None: ...

    def run(self, options: Options, out: OutputWrapper) -> bool: ...


def named(name: str) -> ModuleType:
    return import_module(f"migration.actions.{name}")
