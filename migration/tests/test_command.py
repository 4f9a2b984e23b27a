"""`manage.py storage` handles typing errors, interruptions, pipes and missing servers."""

import io
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from migration import storage_cost
from migration.models import Run
from migration.tests.talks import talk, titles
from tests.clouds import ALIAS, DATABASES
from tests.servers import AgentServer
from tests.servers.process import ROOT

sqlite = pytest.mark.django_db(databases=DATABASES, transaction=True)
cloud = pytest.mark.usefixtures("database", "bucket")


class Keyboard(io.StringIO):
    """Act as a terminal. Ctrl-D or Ctrl-C can be `pressed`."""

    def __init__(self, pressed: type[BaseException] | None = None) -> None:
        super().__init__()
        self._pressed = pressed

    def isatty(self) -> bool:
        return True

    # The signature of StringIO.
    def readline(self, *args: Any) -> str:  # type: ignore[override]
        if self._pressed:
            raise self._pressed
        return ""


def ended(*arguments: str) -> tuple[int, str]:
    """Return the exit code and the output."""
    out = io.StringIO()
    try:
        call_command("storage", *arguments, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


# The question


@sqlite
@cloud
def test_ctrl_d_at_the_question_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    talk("hello")
    monkeypatch.setattr("sys.stdin", Keyboard())
    code, said = ended("migrate")
    assert (code, titles(ALIAS)) == (2, set())
    assert "Nothing was copied" in said


@sqlite
@cloud
@pytest.mark.parametrize("arguments", [["migrate"], ["prune", "--older-than", "1d"]], ids=lambda given: given[0])
def test_ctrl_c_at_the_question_says_how_to_go_on(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    talk("hello")
    monkeypatch.setattr("sys.stdin", Keyboard(KeyboardInterrupt))
    with pytest.raises(CommandError, match="Run it again") as error:
        call_command("storage", *arguments, stdout=io.StringIO())
    assert (error.value.returncode, titles("local")) == (130, {"hello"})


# Output for programs


@sqlite
@cloud
def test_without_yes_a_program_reads_the_plan() -> None:
    talk("hello")
    code, said = ended("migrate", "--json")
    assert (code, json.loads(said)) == (2, {"plan": {"conversations": 1, "recordings": 1, "bytes": 5}})


@sqlite
@cloud
def test_without_yes_a_program_deletes_nothing() -> None:
    talk("hello")
    assert ended("migrate", "--yes")[0] == 0
    code, said = ended("migrate", "--resume", str(Run.objects.get().pk), "--delete-source", "--json")
    assert (code, titles("local"), "deleted" in json.loads(said)) == (2, {"hello"}, False)


@sqlite
def test_without_yes_a_program_restores_nothing(tmp_path: Path) -> None:
    path = tmp_path / "made.tar"
    call_command("storage", "backup", str(path), stdout=io.StringIO())
    code, said = ended("restore", str(path), "--json")
    assert (code, json.loads(said)) == (2, {"restored": False})


@sqlite
@pytest.mark.parametrize(
    "arguments",
    [["migrate", "--yes"], ["restore", "/nowhere.tar"], ["backup", "/nowhere/made.tar"], ["setup"]],
    ids=lambda given: given[0],
)
def test_an_error_is_json_as_well(arguments: list[str]) -> None:
    code, said = ended(*arguments, "--json")
    assert code == 1
    assert json.loads(said)["error"]


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    agent = AgentServer(tmp_path / "agent", SECRET_KEY="k" * 50)
    agent.manage("migrate", "-v0")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "manage.py", "storage", "cost"]
    run = subprocess.run(command, cwd=ROOT, env=agent._env, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (run.returncode, run.stderr) == (1, "")


# Typing errors


@pytest.mark.parametrize("given", ["0", "-3", "65", "many", "1.5"])
def test_workers_must_be_in_range(given: str) -> None:
    with pytest.raises(CommandError, match="from 1 to 64"):
        call_command("storage", "migrate", f"--workers={given}")


@sqlite
@cloud
@pytest.mark.parametrize("given", ["yesterday", "2026-02-30", "2026-01-31T25:00", "31.01.2026"])
def test_an_invalid_day_is_named(given: str) -> None:
    with pytest.raises(CommandError, match=f"'{given}' is not a date: write 2026-01-31"):
        call_command("storage", "migrate", "--yes", "--since", given)


@pytest.mark.parametrize(
    "given",
    [
        ["--dry-run"],
        ["--from", "local"],
        ["--since", "2026-01-31"],
        ["--workers", "8"],
        ["--verify", "read"],
        ["--verify", "head"],
    ],
    ids=" ".join,
)
def test_options_that_a_resumed_run_would_ignore_are_refused(given: list[str]) -> None:
    with pytest.raises(CommandError, match="as it was begun"):
        call_command("storage", "migrate", "--yes", "--resume", str(uuid.uuid4()), *given)


@pytest.mark.parametrize("age", ["99999y", "101y", "36501d"])
def test_nothing_is_older_than_a_hundred_years(age: str) -> None:
    with pytest.raises(CommandError, match="365d"):
        call_command("storage", "prune", "--older-than", age)


@sqlite
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "There is no file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b""), "no archive of `storage backup`"),
    ],
    ids=["missing", "folder", "empty"],
)
def test_a_file_that_is_no_archive_is_refused(make: Callable[[Path], Any], told: str, tmp_path: Path) -> None:
    make(tmp_path / "made.tar")
    with pytest.raises(CommandError, match=told):
        call_command("storage", "restore", str(tmp_path / "made.tar"), "--yes")


@sqlite
def test_a_missing_archive_is_reported_before_any_question(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        call_command("storage", "restore", str(tmp_path / "made.tar"))


# Missing servers


@sqlite
@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("cloud", "S3_BUCKET_NAME, DATABASE_URL or MONGODB_URI"),
        ("postgresql", "DATABASE_URL"),
        ("mongodb", "MONGODB_URI"),
    ],
)
def test_an_unconfigured_store_names_its_settings(name: str, takes: str) -> None:
    with pytest.raises(CommandError, match=f"It takes {takes} in .env.local"):
        call_command("storage", "migrate", "--yes", "--to", name)


@sqlite
def test_a_database_that_cannot_be_used_leads_to_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_away() -> storage_cost.Costs:
        raise OperationalError("connection refused\nmore that nobody understands")

    monkeypatch.setattr("migration.actions.cost.costs", is_away)
    with pytest.raises(CommandError, match=r"connection refused\. `manage\.py storage verify` shows which one"):
        call_command("storage", "cost")
