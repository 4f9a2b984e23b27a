"""The application itself, as `make serve` runs it."""

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


@functools.cache
def collected_static() -> Path:
    """The output of `collectstatic`, the same for every server of a test run."""
    folder = Path(tempfile.mkdtemp(prefix="talking-agent-static-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    AgentServer(folder).manage("collectstatic", "--noinput", "--verbosity", "0")
    return folder / "static"


class AgentServer(ServerProcess):
    """`set_up`, then `start`. Takes the environments of other servers: `AgentServer(folder, postgres.env, s3.env, PORT="1")`."""

    def __init__(self, data_dir: Path, *envs: Mapping[str, str], **env: str) -> None:
        super().__init__(data_dir)
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._env |= {"ENV_FILES": "", "DATA_DIR": str(data_dir), "PORT": str(self.port)}
        self._env["ENGINE_PATIENCE"] = "60000"  # a loaded machine may take longer than a learner has patience for
        for more in (*envs, env):
            self._env |= more

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "serve"]

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": ROOT, "env": self._env}

    def manage(self, *command: str) -> str:
        """Run a manage.py command on the server's data; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=self._env, check=True, capture_output=True, text=True
        )
        return done.stdout

    def set_up(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
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
