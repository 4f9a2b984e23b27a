"""Dump operators' accounts, and restore them in `default`. An archive holds the dump. A migration copies it directly.

These are users with the hashes of their passwords, their learners, addresses, second factors and accounts at an OpenID
provider, groups, and permissions, all by their natural keys: primary keys differ between databases. Sessions and devices
are left out: people sign in again.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, connections, transaction
from django.db.models import Model, Prefetch

from core.json_types import Json
from learners.models import Account
from migration.archive import UnusableArchive
from migration.archive.layout import ACCOUNTS, of_row, to_row

ALIAS = "default"
# The rows that belong to a user, by their name in the dump.
OF_USERS: dict[str, type[Any]] = {
    "account": Account,
    "addresses": EmailAddress,
    "providers": SocialAccount,
    "authenticators": Authenticator,
}
SIGN_IN = "sign_in"


@dataclass(slots=True)
class RestoredAccounts:
    """Count what was restored, and name the permissions that this installation does not have."""

    accounts: int = 0
    accounts_same: int = 0
    groups: int = 0
    unknown_permissions: list[str] = field(default_factory=list)


def dump(using: str = ALIAS) -> Json:
    """Return all groups and users of a database, ready to be written as JSON."""
    # Name the database, because the router would ask `default`.
    permissions = Permission.objects.using(using).select_related("content_type")
    of_users = Prefetch("groups", Group.objects.using(using)), Prefetch("user_permissions", permissions)
    users = get_user_model().objects.using(using).prefetch_related(*of_users)
    groups = Group.objects.using(using).prefetch_related(Prefetch("permissions", permissions)).order_by("pk")
    tables = connections[using].introspection.table_names()
    # A file that was not migrated since an older version has not all of them.
    models = {name: model for name, model in OF_USERS.items() if model._meta.db_table in tables}
    dumped = []
    for user in users.order_by("pk"):
        columns = {name: value for name, value in of_row(user).items() if name != "id"}
        columns["groups"] = [group.name for group in user.groups.all()]
        columns["permissions"] = _names(user.user_permissions.all())
        columns[SIGN_IN] = {
            name: [_without_keys(row) for row in model.objects.using(using).filter(user=user).order_by("pk")]
            for name, model in models.items()
        }
        dumped.append(columns)
    return {
        "groups": [{"name": group.name, "permissions": _names(group.permissions.all())} for group in groups],
        "users": dumped,
    }


def restore(found: Json, restored: RestoredAccounts, *, dry: bool) -> None:
    """Create the accounts and groups that are missing, by name. Existing ones are not changed. Raises UnusableArchive."""
    try:
        with transaction.atomic(using=ALIAS):
            permissions_here = Permission.objects.using(ALIAS).select_related("content_type")
            known = {_name(each): each for each in permissions_here}
            for group in found["groups"]:
                permissions = _permissions(group["permissions"], known, restored)
                if not Group.objects.using(ALIAS).filter(name=group["name"]).exists():
                    restored.groups += 1
                    if not dry:
                        Group.objects.using(ALIAS).create(name=group["name"]).permissions.set(permissions)
            for user in found["users"]:
                _make_user(dict(user), known, restored, dry=dry)
    except (KeyError, TypeError, AttributeError) as error:
        raise UnusableArchive(f"{ACCOUNTS} was not made by `storage backup`.") from error
    restored.unknown_permissions = sorted(set(restored.unknown_permissions))


def _make_user(user: Json, known: dict[str, Permission], restored: RestoredAccounts, *, dry: bool) -> None:
    groups, permissions = user.pop("groups"), _permissions(user.pop("permissions"), known, restored)
    # Archives of earlier versions have none.
    sign_in: dict[str, list[Json]] = user.pop(SIGN_IN, {})
    model = get_user_model()
    if model.objects.using(ALIAS).filter(username=user["username"]).exists():
        restored.accounts_same += 1
        return
    restored.accounts += 1
    row = to_row(ACCOUNTS, model, user | {"id": 0})
    if not dry:
        # It gets another primary key here.
        row.pk = None
        row.save(using=ALIAS, force_insert=True)
        row.groups.set(Group.objects.using(ALIAS).filter(name__in=groups))
        row.user_permissions.set(permissions)
        for name, columns in ((name, each) for name, rows in sign_in.items() for each in rows):
            own = to_row(ACCOUNTS, OF_USERS[name], columns | {"id": 0, "user_id": row.pk})
            own.pk = None
            # Skip a learner, or an account at a provider, that another user of this site has.
            with suppress(IntegrityError), transaction.atomic(using=ALIAS):
                own.save(using=ALIAS, force_insert=True)


def _without_keys(row: Model) -> Json:
    return {name: value for name, value in of_row(row).items() if name not in ("id", "user_id")}


def _permissions(names: Iterable[str], known: dict[str, Permission], restored: RestoredAccounts) -> list[Permission]:
    restored.unknown_permissions += [name for name in names if name not in known]
    return [known[name] for name in names if name in known]


def _names(permissions: Iterable[Permission]) -> list[str]:
    return sorted(_name(each) for each in permissions)


def _name(permission: Permission) -> str:
    codename, app, model = permission.natural_key()
    return f"{app}.{model}.{codename}"
