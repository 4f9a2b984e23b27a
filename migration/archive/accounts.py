"""Dump operators' accounts, and restore them in `default`. An archive holds the dump. A migration copies it directly.

These are users with the hashes of their passwords, groups, and permissions, all by their natural keys: primary keys
differ between databases. Sessions are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Prefetch

from core.json_types import Json
from migration.archive import UnusableArchive
from migration.archive.layout import ACCOUNTS, of_row, to_row

ALIAS = "default"


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
    dumped = []
    for user in users.order_by("pk"):
        columns = {name: value for name, value in of_row(user).items() if name != "id"}
        columns["groups"] = [group.name for group in user.groups.all()]
        columns["permissions"] = _names(user.user_permissions.all())
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


def _permissions(names: Iterable[str], known: dict[str, Permission], restored: RestoredAccounts) -> list[Permission]:
    restored.unknown_permissions += [name for name in names if name not in known]
    return [known[name] for name in names if name in known]


def _names(permissions: Iterable[Permission]) -> list[str]:
    return sorted(_name(each) for each in permissions)


def _name(permission: Permission) -> str:
    codename, app, model = permission.natural_key()
    return f"{app}.{model}.{codename}"
