"""manage.py in a process of its own, with an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRINT = "import talking_agent.settings as s; print(repr(eval('({})', vars(s))))"


def environment(data_dir: Path | str, **env: str) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**inherited, "ENV_FILES": "", "DATA_DIR": str(data_dir), **env}


def manage(data_dir: Path | str, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "manage.py", *command], environment(data_dir, **env))


def run(code: str, data_dir: Path | str, **env: str) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "-c", code], environment(data_dir, **env))


def setting(name: str, data_dir: Path | str, **env: str) -> str:
    """What an expression of settings is with this environment, as Python writes it."""
    done = run(PRINT.format(name), data_dir, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
