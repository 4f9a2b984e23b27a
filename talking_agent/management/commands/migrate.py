from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connections

from core import cloud, file_modes
from talking_agent.migration_lock import migration_lock


class _NotNamed(str):
    """Mark the default alias as not given by `--database`. It is equal to the alias in Django's checks."""


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

    def handle(self, *args: object, **options: object) -> None:
        named = options["database"]
        assert isinstance(named, str)
        skip = options.pop("skip_unreachable", False)
        unreachable = []
        for alias in connections if isinstance(named, _NotNamed) else [named]:
            try:
                with migration_lock(alias):
                    super().handle(*args, **{**options, "database": alias})
            except _unreachable(alias) as error:
                unreachable.append(f"The database {alias!r} was not migrated: {_in_words(alias, error)}")
        file_modes.correct()
        if unreachable and not skip:
            raise CommandError("\n".join(unreachable))
        for each in unreachable:
            self.stderr.write(f"{each}\nThe server migrates it when it is back.")


def _in_words(alias: str, error: Exception) -> str:
    # Imported here because it loads psycopg, which a server without PostgreSQL does not need.
    from migration.checks.database_errors import in_words
    from migration.checks.database_servers import KINDS

    connection = connections[alias]
    if connection.vendor in KINDS:
        return " ".join(in_words(error, connection))
    # A file on this machine.
    return f"{connection.settings_dict['NAME']} cannot be used: {cloud.sentence(error)}"


def _unreachable(alias: str) -> tuple[type[Exception], ...]:
    if connections[alias].vendor != "mongodb":
        return (OperationalError, InterfaceError)
    # The search for tables raises it untranslated.
    from pymongo.errors import PyMongoError

    return (DatabaseError, PyMongoError)
