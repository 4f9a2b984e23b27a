"""Copy operators' accounts when they move from the local file to PostgreSQL."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections

from migration.archive import accounts
from migration.archive.accounts import RestoredAccounts

FILE = "accounts.sqlite3"
ALIAS = "accounts_file"


def belongs(source: str, destination: str) -> bool:
    """Return whether operators' accounts move with this migration: from their local file to PostgreSQL."""
    to_postgresql = connections["default"].vendor == "postgresql" and destination in ("cloud", "postgresql")
    return source == "local" and to_postgresql and (settings.DATA_DIR / FILE).exists()


def copy_to_default() -> int:
    """Copy the accounts and groups that `default` lacks, and return how many accounts. Existing ones are not changed."""
    connections.databases[ALIAS] = connections.databases["local"] | {"NAME": settings.DATA_DIR / FILE}
    try:
        if get_user_model()._meta.db_table not in connections[ALIAS].introspection.table_names():
            # The file was never migrated, so no operator ever signed in with it.
            return 0
        restored = RestoredAccounts()
        accounts.restore(accounts.dump(ALIAS), restored, dry=False)
        return restored.accounts
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.databases[ALIAS]
