"""Run the application itself, as `make serve` does."""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers.process import ROOT, ServerProcess

METRICS_TOKEN = "for the tests"
# Settings that name a database outside the data folder.
REMOTE_DATABASES = {"DATABASE_URL", "MONGODB_URI"}


@functools.cache
def collected_static() -> Path:
    """Return the output of `collectstatic`, which is the same for every server of a test run."""
    folder = Path(tempfile.mkdtemp(prefix="talking-agent-static-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    AgentServer(folder).manage("collectstatic", "--noinput", "--verbosity", "0")
    return folder / "static"


@functools.cache
def migrated_files() -> Path:
    """Return a data folder with migrated SQLite databases, which is copied for every server of a test run."""
    folder = Path(tempfile.mkdtemp(prefix="talking-agent-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    AgentServer(folder).manage("migrate", "--verbosity", "0")
    return folder


class AgentServer(ServerProcess):
    """Run the application. Call `set_up`, then `start`.

    Pass the environments of the servers that it uses: `AgentServer(folder, postgres.env, s3.env, PORT="1")`.
    """

    def __init__(self, data_dir: Path, *envs: Mapping[str, str], **env: str) -> None:
        super().__init__(data_dir)
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._env |= {
            "ENV_FILES": "",
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "METRICS_TOKEN": METRICS_TOKEN,
        }
        # All tests come from one address. Tests of these limits set their own values.
        unlimited = ("REQUESTS_PER_MINUTE", "CALLS_PER_MINUTE", "LEARNER_SPENDING_LIMIT")
        self._env |= {**dict.fromkeys(unlimited, "100000"), "SPEECH_MINUTES_PER_DAY": "1440"}
        # A loaded machine may need more time than the default.
        self._env["ENGINE_PATIENCE"] = "60000"
        for more in (*envs, env):
            self._env |= more

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "serve"]

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": ROOT, "env": self._env}

    def manage(self, *command: str) -> str:
        """Run a manage.py command on the server's data. Return its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=self._env, check=True, capture_output=True, text=True
        )
        return done.stdout

    def set_up(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if not list(self.data_dir.glob("*.sqlite3")):
            for file in migrated_files().glob("*.sqlite3"):
                shutil.copy2(file, self.data_dir)
        if self._env.keys() & REMOTE_DATABASES:
            self.manage("migrate", "--verbosity", "0")
        static = self.data_dir / "static"
        if not static.exists():
            static.symlink_to(collected_static())

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/healthz", timeout=2).close()
        except (urllib.error.URLError, OSError):
            return False
        return True
