"""The groups of staff have their permissions after every `migrate`."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import connections

from staff import groups

pytestmark = pytest.mark.django_db


def permissions(name: str) -> set[str]:
    found = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}


def test_teachers_read_and_hear_and_change_nothing() -> None:
    assert permissions("teacher") == {
        "conversations.view_conversation",
        "conversations.view_message",
        "audio.view_recording",
    }


def test_support_sees_and_deletes_without_reading() -> None:
    assert permissions("support") == {"conversations.view_conversation", "conversations.delete_conversation"}


def test_operators_have_all_but_accounts() -> None:
    held = permissions("operator")
    assert {"migration.add_run", "usage.view_spending", "staff.view_accessrecord", "admin.view_logentry"} <= held
    assert permissions("teacher") | permissions("support") <= held
    assert {name.partition(".")[0] for name in held}.isdisjoint({"auth", "sessions", "contenttypes"})


def test_migrating_again_restores_the_groups_and_leaves_others() -> None:
    Group.objects.get(name="teacher").permissions.set(Permission.objects.filter(codename="add_user"))
    Group.objects.get(name="support").delete()
    own = Group.objects.create(name="own")
    own.permissions.set(Permission.objects.filter(codename="add_user"))
    call_command("migrate", database="default", verbosity=0)
    assert "auth.add_user" not in permissions("teacher")
    assert permissions("support")
    assert permissions("own") == {"auth.add_user"}


def test_an_upgrade_lets_those_read_who_could_before() -> None:
    upgrade = import_module("staff.migrations.0002_readers").keep_reading
    vera, otto = User.objects.create(username="vera"), User.objects.create(username="otto")
    seeing = Permission.objects.get(codename="view_conversation")
    vera.user_permissions.add(seeing)
    Group.objects.create(name="own").permissions.add(seeing)
    for _ in range(2):
        upgrade(apps, SimpleNamespace(connection=connections["default"]))
    read = {"conversations.view_conversation", "conversations.view_message", "usage.view_spending"}
    assert permissions("own") == vera.get_all_permissions() == read
    assert otto.get_all_permissions() == set()


def test_a_database_without_accounts_gets_no_groups() -> None:
    groups.create(using="local")
