"""Operators' accounts in an archive: users with their passwords' hashes, groups, permissions by their names. No sessions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from migration.archive import Unusable
from migration.archive.layout import ACCOUNTS, of_row, to_row

ALIAS = "default"


@dataclass(slots=True)
class Restored:
    """`unknown`: permissions that this installation does not have."""

    accounts: int = 0
    accounts_same: int = 0
    groups: int = 0
    unknown: list[str] = field(default_factory=list)


def all_of_them() -> dict[str, Any]:
    """Ready to be written as JSON."""
    users = get_user_model().objects.using(ALIAS).prefetch_related("groups", "user_permissions__content_type")
    groups = Group.objects.using(ALIAS).prefetch_related("permissions__content_type").order_by("pk")
    return {
        "groups": [{"name": group.name, "permissions": _names(group.permissions.all())} for group in groups],
        "users": [
            _without_key(of_row(user))
            | {
                "groups": [group.name for group in user.groups.all()],
                "permissions": _names(user.user_permissions.all()),
            }
            for user in users.order_by("pk")
        ],
    }


def restore(found: Mapping[str, Any], *, dry: bool) -> Restored:
    """Make the accounts and groups that are missing, by name; those that are there stay as they are. Raises Unusable."""
    restored = Restored()
    try:
        with transaction.atomic(using=ALIAS):
            groups = {group["name"]: group["permissions"] for group in found["groups"]}
            known = _known_permissions()
            for name, permissions in groups.items():
                restored.groups += _make_group(name, _permissions(permissions, known, restored), dry=dry)
            for user in found["users"]:
                _make_user(dict(user), known, restored, dry=dry)
    except (KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"{ACCOUNTS} was not made by `storage backup`.") from error
    restored.unknown = sorted(set(restored.unknown))
    return restored


def _make_group(name: str, permissions: list[Permission], *, dry: bool) -> bool:
    if Group.objects.using(ALIAS).filter(name=name).exists():
        return False
    if not dry:
        Group.objects.using(ALIAS).create(name=name).permissions.set(permissions)
    return True


def _make_user(user: dict[str, Any], known: dict[str, Permission], restored: Restored, *, dry: bool) -> None:
    groups, permissions = user.pop("groups"), _permissions(user.pop("permissions"), known, restored)
    model = get_user_model()
    if model.objects.using(ALIAS).filter(username=user["username"]).exists():
        restored.accounts_same += 1
        return
    restored.accounts += 1
    row = to_row(ACCOUNTS, model, user | {"id": 0})
    if not dry:
        row.pk = None  # its number here is another
        row.save(using=ALIAS, force_insert=True)
        row.groups.set(Group.objects.using(ALIAS).filter(name__in=groups))
        row.user_permissions.set(permissions)


def _permissions(names: Iterable[str], known: dict[str, Permission], restored: Restored) -> list[Permission]:
    restored.unknown += [name for name in names if name not in known]
    return [known[name] for name in names if name in known]


def _known_permissions() -> dict[str, Permission]:
    return {_name(each): each for each in Permission.objects.using(ALIAS).select_related("content_type")}


def _names(permissions: Iterable[Permission]) -> list[str]:
    return sorted(_name(each) for each in permissions)


def _name(permission: Permission) -> str:
    return f"{permission.content_type.app_label}.{permission.content_type.model}.{permission.codename}"


def _without_key(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if name != "id"}
