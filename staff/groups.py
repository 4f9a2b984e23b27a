"""Create the groups of staff, and give them their permissions.

This runs after each `migrate`, not in a migration: Django creates the permissions only after the last one. So a permission of a
later version reaches the operators, too. Groups with other names are left alone.
"""

from pathlib import Path

from django.apps import apps
from django.apps.registry import Apps
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import router
from django.db.models import Q

from staff.permissions import DELETE, HEAR, READ, SEE

OPERATOR, TEACHER, SUPPORT = "operator", "teacher", "support"


def create(using: str, apps: Apps = apps, **kwargs: object) -> None:
    """Receive `post_migrate`. Do nothing in a database without groups, or after migrating `auth` back."""
    if not router.allow_migrate_model(using, Group) or "auth" not in apps.all_models:
        return
    wanted = {OPERATOR: _of_operators(), TEACHER: _named(SEE, READ, HEAR), SUPPORT: _named(SEE, DELETE)}
    for name, permissions in wanted.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        group.permissions.set(Permission.objects.using(using).filter(permissions))


def _of_operators() -> Q:
    """Match all permissions of this project's own apps, and Django's log. Accounts and groups stay with superusers."""
    own = [config.label for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR]
    return Q(content_type__app_label__in=own) | _named("admin.view_logentry")


def _named(*names: str) -> Q:
    found = Q()
    for name in names:
        app, _, codename = name.partition(".")
        found |= Q(content_type__app_label=app, codename=codename)
    return found
