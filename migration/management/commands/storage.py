from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from migration import actions


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
            well = actions.named(options["action"]).run(options, self.stdout)
        except DatabaseError as error:
            said = str(error).partition("\n")[0]
            raise CommandError(
                f"A database cannot be used: {said}. Is it migrated? `manage.py migrate` does it."
            ) from error
        if not well:
            raise SystemExit(1)
