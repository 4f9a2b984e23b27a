"""Run manage.py in a separate process, with a separate environment."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRINT = "import talking_agent.settings as s; print(repr(eval('({})', vars(s))))"


def environment(data_dir: Path | str, **env: str) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**inherited, "ENV_FILES": "", "DATA_DIR": str(data_dir), **env}


def manage(data_dir: Path | str, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "manage.py", *command], environment(data_dir, **env))


def manage_as_others(data_dir: Path | str, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `manage` so that modes of files apply, even as root. Skip the test if that is impossible."""
    return _run([*without_roots_rights(), sys.executable, "manage.py", *command], environment(data_dir, **env))


def without_roots_rights() -> tuple[str, ...]:
    """Return the start of a command that drops root's right to read and write everything."""
    if os.geteuid() != 0:
        return ()
    command = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    if shutil.which("setpriv") is None or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("We are root, and setpriv cannot take the right away to read every file.")
    return command


def give_away(path: Path) -> None:
    """Give a file to another user, and let only that user read it."""
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    else:
        path.chmod(0)


def run(code: str, data_dir: Path | str, **env: str) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "-c", code], environment(data_dir, **env))


def setting(name: str, data_dir: Path | str, **env: str) -> str:
    """Return an expression of the settings in this environment, as Python prints it."""
    done = run(PRINT.format(name), data_dir, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
