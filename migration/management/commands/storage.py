import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from migration import actions
from talking_agent import cloud

INTERRUPTED = 130  # the exit code of whoever is ended by Ctrl-C, as shells have it


class Command(BaseCommand):
    help = "Says whether storage is set up right, proves that it works, and moves what is stored."
    requires_system_checks: list[str] = []  # what is wrong is for `verify` to tell

    def add_arguments(self, parser: CommandParser) -> None:
        chosen = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name in actions.NAMES:
            action = actions.named(name)
            described = (action.__doc__ or "").strip()
            action.add_arguments(chosen.add_parser(name, help=described.splitlines()[0], description=described))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            well = self._carried_out(options)
        except CommandError as error:
            if options.get("json"):  # a program reads what is printed, not what is told beside it
                self.stdout.write(json.dumps({"error": str(error)}))
            raise
        except BrokenPipeError:  # whoever read it has gone, as `head` does: nobody wants to hear of it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            well = False
        if not well:
            raise SystemExit(1)

    def _carried_out(self, options: Mapping[str, Any]) -> bool:
        """Raises CommandError for whatever an operator can do something about."""
        try:
            with cloud.impatiently():
                well: bool = actions.named(options["action"]).run(options, self.stdout)
        except KeyboardInterrupt:
            if self.stdout.isatty():
                self.stdout.write("")  # after a line of progress
            said = "Interrupted. Run it again to go on: what is done already is not done twice."
            raise CommandError(said, returncode=INTERRUPTED) from None
        except DatabaseError as error:
            said = str(error).partition("\n")[0].rstrip(".")
            raise CommandError(
                f"A database cannot be used: {said}. `manage.py storage verify` says which one, and what to do."
            ) from error
        finally:
            self.stdout.flush()
        return well
