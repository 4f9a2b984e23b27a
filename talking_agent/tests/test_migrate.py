"""`manage.py migrate` works while a database is down.

Each run waits for its timeouts, so all runs start together before the first test.
"""

import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from talking_agent import migration_lock as module
from talking_agent.migration_lock import migration_lock
from talking_agent.tests.processes import manage
from tests.servers import PostgresServer, free_port

SECRET = "hunter2"
SKIP = "--skip-unreachable"
ALIASES = {"postgresql": "default", "mongodb": "mongodb"}
RUNS = [(kind, options) for kind in ALIASES for options in ((), (SKIP,))]


@dataclass(frozen=True)
class Run:
    data_dir: Path
    done: subprocess.CompletedProcess[str]


def closed(kind: str) -> dict[str, str]:
    """Return the environment of a database with a closed port."""
    address = f"{kind}://user:{SECRET}@127.0.0.1:{free_port()}/talk"
    return {"postgresql": {"DATABASE_URL": address}, "mongodb": {"MONGODB_URI": address}}[kind]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, tuple[str, ...]], Run]:
    """Return the runs, by the kind of database that is down, and the options."""

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
def test_with_skip_unreachable_it_is_left_to_the_server(
    runs: dict[tuple[str, tuple[str, ...]], Run], kind: str
) -> None:
    done = runs[kind, (SKIP,)].done
    assert done.returncode == 0
    assert f"The database '{ALIASES[kind]}' was not migrated: " in done.stderr
    assert "The server migrates it when it is back." in done.stderr


@pytest.mark.parametrize("run", RUNS)
def test_no_secret_is_shown(runs: dict[tuple[str, tuple[str, ...]], Run], run: tuple[str, tuple[str, ...]]) -> None:
    assert SECRET not in runs[run].done.stderr + runs[run].done.stdout


@pytest.mark.parametrize("run", RUNS)
def test_the_other_databases_are_migrated(
    runs: dict[tuple[str, tuple[str, ...]], Run], run: tuple[str, tuple[str, ...]]
) -> None:
    with sqlite3.connect(runs[run].data_dir / "shelter.sqlite3") as database:
        assert database.execute("SELECT 1 FROM sqlite_master WHERE name = 'conversations_message'").fetchall()


def test_nothing_is_reported_while_all_are_up(tmp_path: Path) -> None:
    done = manage(tmp_path, "migrate", SKIP)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_that_is_no_outage_is_not_skipped(tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", SKIP, "--database", "cloudy").returncode != 0


FILE = "/nowhere/ca.pem"
MISSING = [
    ("MONGODB_URI", f"mongodb://127.0.0.1:9/talk?tls=true&tlsCAFile={FILE}"),
    ("MONGODB_URI", f"mongodb://127.0.0.1:9/talk?tls=true&tlsCertificateKeyFile={FILE}"),
    ("DATABASE_URL", f"postgresql://127.0.0.1:9/talk?sslmode=verify-full&sslrootcert={FILE}"),
    # libpq would connect without checking the certificate.
    ("DATABASE_URL", f"postgresql://127.0.0.1:9/talk?sslmode=require&sslrootcert={FILE}"),
    ("DATABASE_URL", f"postgresql://127.0.0.1:9/talk?sslkey={FILE}"),
]


@pytest.mark.parametrize(("variable", "address"), MISSING)
def test_a_missing_file_is_named_in_one_sentence(variable: str, address: str, tmp_path: Path) -> None:
    done = manage(tmp_path, "migrate", SKIP, **{variable: address})
    assert done.returncode == 0
    assert f"A file that {variable} names cannot be used." in done.stderr
    assert f"names the file {FILE}, which cannot be read: No such file or directory." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_without_a_certificate_is_reported(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    address = f"mongodb://127.0.0.1:9/talk?tls=true&tlsCAFile={tmp_path / 'ca.pem'}"
    done = manage(tmp_path / "data", "migrate", SKIP, MONGODB_URI=address)
    assert "a file with certificates in the URI cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_processes_prepare_one_new_folder_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(lambda command: manage(tmp_path, command), ("prepare", "migrate"))
    assert (one.returncode, other.returncode) == (0, 0), one.stderr + other.stderr


def test_two_machines_migrate_one_postgresql_at_once(postgres: PostgresServer, tmp_path: Path) -> None:
    postgres.empty()
    with ThreadPoolExecutor(2) as threads:
        done = threads.map(lambda name: manage(tmp_path / name, "migrate", **postgres.env), ("one", "other"))
        one, other = done
    assert (one.returncode, other.returncode) == (0, 0), one.stderr + other.stderr


def test_a_lock_that_stays_taken_is_waited_for_no_longer_than_its_bound(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(module, "WAIT", 0.2)
    with (
        migration_lock("default"),
        pytest.raises(CommandError, match="Another process has been migrating the database 'default'"),
        migration_lock("default"),
    ):
        pytest.fail("two hold the lock")
    with migration_lock("default"):
        pass
