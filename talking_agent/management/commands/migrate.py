from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connections


class _NotNamed(str):
    """The default alias where no `--database` was given: equal to it, for Django's checks, yet told from one that was."""


class Command(migrate.Command):
    help = "Migrates every configured database, or the one that --database names."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--skip-unreachable",
            action="store_true",
            help="Succeed without the databases that are down; the server migrates them when they are back.",
        )
        parser.set_defaults(database=_NotNamed(DEFAULT_DB_ALIAS))

    def handle(self, *args: Any, **options: Any) -> None:
        named = options["database"]
        skip = options.pop("skip_unreachable", False)
        unreachable = []
        for alias in connections if isinstance(named, _NotNamed) else [named]:
            try:
                super().handle(*args, **{**options, "database": alias})
            except _unreachable(alias) as error:
                unreachable.append(f"The database {alias!r} was not migrated: {_first_line(error)}")
        if unreachable and not skip:
            raise CommandError("\n".join(unreachable))
        for each in unreachable:
            self.stderr.write(f"{each}\nThe server migrates it when it is back.")


def _first_line(error: Exception) -> str:
    return (str(error) or repr(error.__cause__)).splitlines()[0]  # what the MongoDB backend translates has no words


def _unreachable(alias: str) -> tuple[type[Exception], ...]:
    if connections[alias].vendor != "mongodb":
        return (OperationalError, InterfaceError)
    from pymongo.errors import PyMongoError  # raised as it is by what looks for tables

    return (DatabaseError, PyMongoError)
