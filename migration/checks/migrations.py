"""Check whether a database has the tables that this version of the code expects."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from core.findings import CheckFailed, Warned

Names = set[tuple[str, str]]


def applied_to(connection: BaseDatabaseWrapper) -> Names:
    return set(MigrationRecorder(connection).applied_migrations())


def check_applied(applied: Names) -> str:
    """Raise CheckFailed if a migration waits to be applied, and Warned if the database is ahead of the code."""
    loader = MigrationLoader(None)
    expected = set(loader.graph.nodes)
    if waiting := expected - applied:
        some = ", ".join(".".join(each) for each in sorted(waiting)[:3]) + (", …" if len(waiting) > 3 else "")
        one = len(waiting) == 1
        raise CheckFailed(
            f"{len(waiting)} {'migration waits' if one else 'migrations wait'} to be applied: {some}.",
            "Run manage.py migrate, with this version of the code.",
        )
    apps = {app for app, _ in expected}
    if unknown := {(app, name) for app, name in applied - set(loader.disk_migrations) if app in apps}:
        raise Warned(
            f"The database has been migrated by a newer version ({'.'.join(min(unknown))}).",
            "Update this server to that version.",
        )
    return f"All {len(expected)} migrations are applied."
