"""Operators' accounts, when they move from the local file to PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import connections, transaction
from django.db.models import QuerySet

FILE = "accounts.sqlite3"
ALIAS = "accounts_file"


def belong(source: str, destination: str) -> bool:
    """Do accounts move with such a migration? There is a local file with some, and they are kept in PostgreSQL now."""
    to_postgresql = connections["default"].vendor == "postgresql" and destination in ("cloud", "postgresql")
    return source == "local" and to_postgresql and (settings.DATA_DIR / FILE).exists()


def copy_to_default() -> int:
    """Copy the accounts that `default` does not have, by name, with their passwords, groups and permissions; returns how many.

    An account that is there already is left as it is.
    """
    with _file() as old:
        users = get_user_model().objects
        if users.model._meta.db_table not in connections[old].introspection.table_names():
            return 0  # never migrated: nobody was ever let in with it
        there = set(users.using("default").values_list("username", flat=True))
        missing = list(users.using(old).exclude(username__in=there))
        for user in missing:
            # By name of the database: the router would ask `default`. Not prefetched: `set` would take that for what is there.
            groups = [group.name for group in user.groups.using(old)]
            permissions = _named(user.user_permissions.using(old))
            user.pk = None
            user._state.adding = True
            with transaction.atomic(using="default"):  # an account without its groups would be taken for copied
                user.save(using="default")
                user.groups.set(_groups(groups, old))
                user.user_permissions.set(_permissions(permissions))
    return len(missing)


def _groups(names: list[str], old: str) -> list[Group]:
    found = []
    for name in names:
        group, created = Group.objects.using("default").get_or_create(name=name)
        if created:
            theirs = Group.objects.using(old).get(name=name).permissions.using(old)
            group.permissions.set(_permissions(_named(theirs)))
        found.append(group)
    return found


def _named(permissions: QuerySet[Permission]) -> list[tuple[str, str]]:
    """The app and the codename of each: keys differ from database to database."""
    return [(each.content_type.app_label, each.codename) for each in permissions.select_related("content_type")]


def _permissions(named: list[tuple[str, str]]) -> list[Permission]:
    every = Permission.objects.using("default").select_related("content_type")
    return [each for each in every if (each.content_type.app_label, each.codename) in named]


@contextmanager
def _file() -> Iterator[str]:
    """The alias of the local file, for as long as it is needed."""
    like_local = connections.databases["local"] | {"NAME": settings.DATA_DIR / FILE}
    connections.databases[ALIAS] = like_local
    try:
        yield ALIAS
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.databases[ALIAS]
