"""Operators' accounts move once from the local file to PostgreSQL, by name and with their permissions."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import AgentServer, PostgresServer
from tests.servers.postgresql import temporary_folder

KEY = "k" * 50
MAKE = """
from django.contrib.auth.models import Group, Permission, User
view, add = (Permission.objects.get(codename=name) for name in ("view_run", "add_run"))
readers = Group.objects.create(name="readers")
readers.permissions.add(view)
anna = User.objects.create_user("anna", "anna@example.org", "a good password", is_staff=True)
anna.groups.add(readers)
anna.user_permissions.add(add)
User.objects.create_superuser("root", password="from the file")
"""
# The destination has other groups and accounts with the same keys.
THERE_ALREADY = """
from django.contrib.auth.models import Group, User
Group.objects.create(name="others")
root = User.objects.create_superuser("root", password="from PostgreSQL")
root.groups.add(Group.objects.create(name="second"))
root.groups.add(Group.objects.get(name="others"))
"""
SHOW = """
import json
from django.contrib.auth.models import User
anna, root = (User.objects.get(username=name) for name in ("anna", "root"))
print(json.dumps({
    "accounts": User.objects.count(),
    "password": anna.check_password("a good password"),
    "email": anna.email,
    "staff": [anna.is_staff, anna.is_superuser],
    "groups": [group.name for group in anna.groups.all()],
    "own": [each.codename for each in anna.user_permissions.all()],
    "may": sorted(anna.get_all_permissions()),
    "root": root.check_password("from PostgreSQL"),
}))
"""


def postgresql_on(folder: Path, postgres: PostgresServer) -> AgentServer:
    return AgentServer(folder, postgres.env, SECRET_KEY=KEY)


@pytest.fixture(scope="module")
def moved(postgres: PostgresServer) -> Iterator[tuple[AgentServer, dict]]:
    """Yield the server after its accounts have moved, and the command's report."""
    folder = temporary_folder("accounts")
    postgres.empty()
    local = AgentServer(folder, SECRET_KEY=KEY)
    local.manage("migrate", "-v0")
    local.manage("shell", "-v0", "-c", MAKE)
    agent = postgresql_on(folder, postgres)
    agent.manage("migrate", "-v0")
    agent.manage("shell", "-v0", "-c", THERE_ALREADY)
    told = json.loads(agent.manage("storage", "migrate", "--yes", "--json"))
    yield agent, told
    postgres.empty()


@pytest.fixture(scope="module")
def shown(moved: tuple[AgentServer, dict]) -> dict:
    found: dict = json.loads(moved[0].manage("shell", "-v0", "-c", SHOW))
    return found


def test_copied_accounts_are_counted(moved: tuple[AgentServer, dict]) -> None:
    assert (moved[1]["state"], moved[1]["accounts"]) == ("done", 1)


def test_accounts_keep_their_password_and_status(shown: dict) -> None:
    assert (shown["password"], shown["email"], shown["staff"]) == (True, "anna@example.org", [True, False])


def test_accounts_keep_their_groups_and_permissions(shown: dict) -> None:
    assert (shown["groups"], shown["own"]) == (["readers"], ["add_run"])
    assert shown["may"] == ["migration.add_run", "migration.view_run"]


def test_an_account_that_is_there_stays_as_it_is(shown: dict) -> None:
    assert (shown["accounts"], shown["root"]) == (2, True)


def test_a_second_migration_copies_no_account(moved: tuple[AgentServer, dict]) -> None:
    assert json.loads(moved[0].manage("storage", "migrate", "--yes", "--json"))["accounts"] == 0


def test_an_accounts_file_without_tables_has_no_accounts(moved: tuple[AgentServer, dict]) -> None:
    file = moved[0].data_dir / "accounts.sqlite3"
    aside = file.rename(file.with_suffix(".aside"))
    file.touch()
    try:
        told = json.loads(moved[0].manage("storage", "migrate", "--yes", "--json"))
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stdout + error.stderr)
    finally:
        aside.rename(file)
    assert (told["state"], told["accounts"]) == ("done", 0)
