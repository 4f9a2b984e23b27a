import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from talking_agent.tests.processes import ROOT, environment, give_away, manage, manage_as_others
from tests.servers import AgentServer, free_port
from tests.servers.agent import collected_static

# Only one of the databases has the table.
ACCOUNTS, SHELTER = "auth_user", "conversations_message"


def tables(data_dir: Path, name: str) -> set[str]:
    if not (data_dir / name).exists():
        return set()
    with sqlite3.connect(data_dir / name) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {row[0] for row in rows} & {ACCOUNTS, SHELTER}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("data")
    AgentServer(data_dir).set_up()
    return data_dir


def test_migrate_migrates_every_database(tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate").returncode == 0
    assert (tables(tmp_path, "accounts.sqlite3"), tables(tmp_path, "shelter.sqlite3")) == ({ACCOUNTS}, {SHELTER})


@pytest.mark.parametrize(
    ("alias", "accounts", "shelter"), [("default", {ACCOUNTS}, set()), ("local", set(), {SHELTER})]
)
def test_migrate_with_a_database_named_migrates_that_one(
    alias: str, accounts: set[str], shelter: set[str], tmp_path: Path
) -> None:
    assert manage(tmp_path, "migrate", "--database", alias).returncode == 0
    assert (tables(tmp_path, "accounts.sqlite3"), tables(tmp_path, "shelter.sqlite3")) == (accounts, shelter)


def test_migrating_again_changes_nothing(prepared: Path) -> None:
    again = manage(prepared, "migrate")
    assert again.returncode == 0
    assert again.stdout.count("No migrations to apply.") == 2


def test_migrate_with_an_unknown_database_is_refused(tmp_path: Path) -> None:
    assert "cloudy" in manage(tmp_path, "migrate", "--database", "cloudy").stderr


def test_migrate_check_fails_while_something_waits(tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", "--check").returncode == 1


def test_migrate_check_succeeds_while_nothing_waits(prepared: Path) -> None:
    assert manage(prepared, "migrate", "--check").returncode == 0


def test_the_shelter_survives_a_power_loss(tmp_path: Path) -> None:
    code = "from django.db import connections; c = connections['local'].cursor(); "
    code += "print(*[c.execute(f'PRAGMA {p}').fetchone()[0] for p in ('journal_mode', 'synchronous')])"
    assert manage(tmp_path, "shell", "--no-imports", "-c", code).stdout.strip() == "wal 2"


# serve


def test_serve_reports_a_port_that_is_in_use(tmp_path: Path) -> None:
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        done = manage(tmp_path, "serve", PORT=str(port))
    assert done.returncode != 0
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use. Try PORT={port + 1}" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_reports_an_address_of_another_machine(tmp_path: Path) -> None:
    done = manage(tmp_path, "serve", HOST="192.0.2.1", PORT=str(free_port()))
    assert done.returncode != 0
    assert "192.0.2.1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def serving(prepared: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `manage.py serve` on a free port. Yield it and the first line that it prints."""
    env = environment(prepared, PORT=str(free_port()), PYTHONUNBUFFERED="1", STARTED_AT=str(int(time.time())))
    command = [sys.executable, "manage.py", "serve"]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield process, process.stdout.readline()
        process.kill()


def test_serve_reports_when_the_first_page_was_loaded(serving: tuple[subprocess.Popen[str], str]) -> None:
    assert serving[1].startswith("Talking Agent is on http://localhost:")
    assert "first page after" in serving[1]


def test_serve_serves_the_page(serving: tuple[subprocess.Popen[str], str]) -> None:
    address = serving[1].split()[4]
    with urllib.request.urlopen(f"{address}/") as page:
        assert b"<main" in page.read()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_serve_stops_within_seconds(serving: tuple[subprocess.Popen[str], str], how: signal.Signals) -> None:
    process, _ = serving
    process.send_signal(how)
    # A minute, because the machine may stall.
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors


def test_the_second_server_on_a_port_is_refused(prepared: Path) -> None:
    env = environment(prepared, PORT=str(free_port()))
    command = [sys.executable, "manage.py", "serve"]
    servers = [
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        deadline = time.monotonic() + 120
        while all(server.poll() is None for server in servers) and time.monotonic() < deadline:
            time.sleep(0.05)
        told = [server for server in servers if server.poll() is not None]
        assert len(told) == 1
        assert told[0].stderr
        assert "cannot be listened on" in told[0].stderr.read()
    finally:
        for server in servers:
            server.kill()
            server.communicate()


# On the real server


def test_a_body_over_the_limit_is_refused(server: AgentServer) -> None:
    response = httpx.post(f"{server.url}/api/conversations", content=bytes(65 * 1024 * 1024), timeout=120)
    assert (response.status_code, response.json()) == (413, {"error": "The body is larger than 64 MB."})


def test_a_chunked_body_is_refused(server: AgentServer) -> None:
    response = httpx.post(f"{server.url}/api/conversations", content=iter([b'{"id": ', b'"chunked"}']), timeout=60)
    assert (response.status_code, list(response.json())) == (411, ["error"])


def test_head_sends_no_body(server: AgentServer) -> None:
    response = httpx.head(f"{server.url}/", timeout=60)
    assert (response.status_code, response.content) == (200, b"")


def test_the_server_runs_without_debug(server: AgentServer) -> None:
    assert "urlpatterns" not in httpx.get(f"{server.url}/nothing", timeout=60).text


# A file of another user


@pytest.mark.parametrize(
    ("name", "readable"), [("accounts.sqlite3", False), ("shelter.sqlite3", True), ("static", False), ("static", True)]
)
def test_serve_names_a_file_of_another_user(name: str, readable: bool, prepared: Path, tmp_path: Path) -> None:
    for file in ("accounts.sqlite3", "shelter.sqlite3"):
        shutil.copy(prepared / file, tmp_path)
    (tmp_path / "static").mkdir()
    give_away(tmp_path / name)
    if readable:
        (tmp_path / name).chmod(0o555)
    done = manage_as_others(tmp_path, "serve", PORT=str(free_port()))
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"Not started. {tmp_path / name}")
    assert "must belong to the user who runs this" in last
    assert "Traceback" not in done.stderr


def test_other_commands_name_a_file_of_another_user(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    give_away(tmp_path / "static")
    done = manage_as_others(tmp_path, "collectstatic", "--noinput", "--verbosity", "0")
    assert done.stderr.startswith(f"Stopped. {tmp_path / 'static'}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["a..b", "http://x", "nowhere.invalid"])
def test_serve_reports_an_invalid_address(host: str, prepared: Path) -> None:
    done = manage(prepared, "serve", HOST=host, PORT=str(free_port()))
    assert f"{host}:" in done.stderr
    assert "cannot be listened on" in done.stderr
    assert "Traceback" not in done.stderr


def test_prepare_does_only_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "static").symlink_to(collected_static())
    assert manage(tmp_path, "prepare").returncode == 0
    assert (tables(tmp_path, "accounts.sqlite3"), tables(tmp_path, "shelter.sqlite3")) == ({ACCOUNTS}, {SHELTER})
    assert manage(tmp_path, "prepare").stdout == ""


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("MONGODB_URI", "mongodb://127.0.0.1:9/talk?tls=true&tlsCAFile=/nowhere/ca.pem"),
        ("DATABASE_URL", "postgresql://127.0.0.1:9/talk?sslmode=require&sslrootcert=/nowhere/ca.pem"),
    ],
)
def test_the_server_starts_without_a_file_of_the_database_and_readyz_names_it(
    variable: str, address: str, prepared: Path, tmp_path: Path
) -> None:
    for name in ("accounts.sqlite3", "shelter.sqlite3", "static"):
        (tmp_path / name).symlink_to(prepared / name)
    server = AgentServer(tmp_path, {variable: address, "USE_CLOUD_STORAGE": "true"})
    server.start()
    try:
        answer = httpx.get(f"{server.url}/readyz", timeout=60)
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        said = "names the file /nowhere/ca.pem, which cannot be read: No such file or directory"
        assert said in answer.json()["parts"]["database"]
        # Learners do not see the machine's paths.
        learners = httpx.get(f"{server.url}/api/conversations", timeout=60).json()
        assert learners["down"] == {"database": "a file that it needs cannot be read"}
        assert "Traceback" not in server.log.read_text()
    finally:
        server.kill()
