import json
import os
import sys
from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from core import cloud
from migration.actions.terminal import Options

ACTIONS = ("verify", "test", "migrate", "setup", "cost", "prune", "orphans", "backup", "restore", "scrub")
# The exit code that shells use for a program that is ended by Ctrl-C.
INTERRUPTED = 130


class Command(BaseCommand):
    help = "Check and test the storage, and move, archive and delete the stored data."
    # No system checks run first, because `verify` reports problems itself.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        chosen = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name in ACTIONS:
            action = import_module(f"migration.actions.{name}")
            described = (action.__doc__ or "").strip()
            action.add_arguments(chosen.add_parser(name, help=described.splitlines()[0], description=described))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            well = self._carried_out(options)
        except CommandError as error:
            # With --json, a program reads the standard output, and not the error output.
            if options.get("json"):
                self.stdout.write(json.dumps({"error": str(error)}))
            raise
        except BrokenPipeError:
            # The reader has gone, as `head` does. This is not worth a message.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            well = False
        if not well:
            raise SystemExit(1)

    def _carried_out(self, options: Options) -> bool:
        """Carry out the action, and return whether it went well. Raises CommandError for what an operator can fix."""
        try:
            with cloud.impatiently():
                well: bool = import_module(f"migration.actions.{options['action']}").run(options, self.stdout)
        except KeyboardInterrupt:
            if self.stdout.isatty():
                # End the line of progress.
                self.stdout.write("")
            said = "Interrupted. Run it again to continue: nothing is done twice."
            raise CommandError(said, returncode=INTERRUPTED) from None
        except DatabaseError as error:
            said = str(error).partition("\n")[0].rstrip(".")
            raise CommandError(
                f"A database cannot be used: {said}. `manage.py storage verify` shows which one, and what to do."
            ) from error
        finally:
            self.stdout.flush()
        return well
