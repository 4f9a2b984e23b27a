from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connections


class _NotNamed(str):
    """The default alias where no `--database` was given: equal to it, for Django's checks, yet told from one that was."""


class Command(migrate.Command):
    help = "Migrates every configured database, or the one that --database names."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=_NotNamed(DEFAULT_DB_ALIAS))

    def handle(self, *args: Any, **options: Any) -> None:
        named = options["database"]
        for alias in connections if isinstance(named, _NotNamed) else [named]:
            super().handle(*args, **{**options, "database": alias})
