"""`manage.py migrate` while a database is down. Each waits for its timeouts: so all run at once, before the first test."""

import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from talking_agent.tests.processes import manage
from tests.servers import free_port

SECRET = "hunter2"
SKIP = "--skip-unreachable"
ALIASES = {"postgresql": "default", "mongodb": "mongodb"}
RUNS = [(kind, options) for kind in ALIASES for options in ((), (SKIP,))]


@dataclass(frozen=True)
class Run:
    data_dir: Path
    done: subprocess.CompletedProcess[str]


def closed(kind: str) -> dict[str, str]:
    """The environment of a database of which the port is closed."""
    address = f"{kind}://user:{SECRET}@127.0.0.1:{free_port()}/talk"
    return {"postgresql": {"DATABASE_URL": address}, "mongodb": {"MONGODB_URI": address}}[kind]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, tuple[str, ...]], Run]:
    """By the kind of database that is down, and the options."""

    def migrate(kind: str, options: tuple[str, ...], data_dir: Path) -> Run:
        return Run(data_dir, manage(data_dir, "migrate", *options, **closed(kind)))

    folders = [tmp_path_factory.mktemp("data") for _ in RUNS]
    with ThreadPoolExecutor(len(RUNS)) as threads:
        done = threads.map(migrate, *zip(*RUNS, strict=True), folders)
    return dict(zip(RUNS, done, strict=True))


@pytest.mark.parametrize("kind", ALIASES)
def test_a_database_that_is_down_is_an_error_that_names_it(
    runs: dict[tuple[str, tuple[str, ...]], Run], kind: str
) -> None:
    done = runs[kind, ()].done
    assert done.returncode == 1
    assert f"The database '{ALIASES[kind]}' was not migrated: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ALIASES)
def test_with_leave_it_is_left_to_the_server(runs: dict[tuple[str, tuple[str, ...]], Run], kind: str) -> None:
    done = runs[kind, (SKIP,)].done
    assert done.returncode == 0
    assert f"The database '{ALIASES[kind]}' was not migrated: " in done.stderr
    assert "The server migrates it when it is back." in done.stderr


@pytest.mark.parametrize("run", RUNS)
def test_no_secret_is_told(runs: dict[tuple[str, tuple[str, ...]], Run], run: tuple[str, tuple[str, ...]]) -> None:
    assert SECRET not in runs[run].done.stderr + runs[run].done.stdout


@pytest.mark.parametrize("run", RUNS)
def test_the_others_are_migrated_all_the_same(
    runs: dict[tuple[str, tuple[str, ...]], Run], run: tuple[str, tuple[str, ...]]
) -> None:
    with sqlite3.connect(runs[run].data_dir / "shelter.sqlite3") as database:
        assert database.execute("SELECT 1 FROM sqlite_master WHERE name = 'conversations_message'").fetchall()


def test_while_all_are_up_there_is_nothing_to_say(tmp_path: Path) -> None:
    done = manage(tmp_path, "migrate", SKIP)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_wrong_and_not_down_is_not_left(tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", SKIP, "--database", "cloudy").returncode != 0
