"""On a real server, only the server's account can read the data on this machine."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from core import file_modes
from talking_agent.tests.processes import manage
from tests.contract.calls import spoken
from tests.servers import AgentServer
from tests.talking import new_learner

# SQLite creates the files of its log with the mode of the database, and removes them with the last connection.
PRIVATE = {"accounts.sqlite3", "shelter.sqlite3", "secret_key"}


class CarelessServer(AgentServer):
    """Start the server with umask 022, so that everyone may read files with the default mode."""

    def popen_options(self) -> dict[str, Any]:
        return super().popen_options() | {"umask": 0o022}


def modes(folder: Path) -> dict[str, str]:
    """Return the mode of every file and folder below `folder`, by path."""
    found = {}
    for path in folder.rglob("*"):
        if "static" not in path.parts and path.suffix != ".log" and not path.is_symlink():
            # SQLite may have removed its log.
            with suppress(FileNotFoundError):
                found[str(path.relative_to(folder))] = oct(stat.S_IMODE(path.stat().st_mode))
    return found


def open_to_all(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink() and "static" not in path.parts:
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture
def server(tmp_path: Path) -> Any:
    folder = tmp_path / "made-by-hand"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    server = CarelessServer(folder)
    server.set_up()
    yield server
    server.kill()


def save_a_voice(server: AgentServer, id: str) -> None:
    with httpx.Client(base_url=server.url, headers={"Cookie": new_learner(server.url)}) as client:
        assert client.post("/api/conversations", json=spoken() | {"id": id}).status_code == 201


def check(folder: Path) -> None:
    found = modes(folder)
    assert found.keys() >= PRIVATE
    assert oct(stat.S_IMODE(folder.stat().st_mode)) == "0o700"
    files = {name: mode for name, mode in found.items() if (folder / name).is_file()}
    folders = {name: mode for name, mode in found.items() if (folder / name).is_dir()}
    assert set(files.values()) == {"0o600"}, files
    assert set(folders.values()) == {"0o700"}, folders
    assert any(name.startswith("recordings/audio/") for name in files)


def test_files_and_folders_are_private_whatever_the_umask(server: AgentServer) -> None:
    server.start()
    save_a_voice(server, "first")
    check(server.data_dir)


def test_modes_of_older_files_are_corrected_at_the_start(server: AgentServer) -> None:
    server.start()
    save_a_voice(server, "first")
    server.kill()
    (server.data_dir / "backup.tar").write_bytes(b"")
    open_to_all(server.data_dir)
    server.start()
    save_a_voice(server, "second")
    check(server.data_dir)


def test_migrate_corrects_modes(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        assert manage(tmp_path, "migrate", "--verbosity", "0").returncode == 0
    finally:
        os.umask(before)
    assert set(modes(tmp_path).values()) == {"0o600"}


@pytest.mark.parametrize("folder", ["/", "/srv", "/tmp", str(Path.home()), str(Path(__file__).parents[2])])
def test_a_folder_for_more_than_our_data_keeps_its_mode(folder: str) -> None:
    assert file_modes._is_shared(Path(folder))


def test_a_folder_for_our_data_alone_becomes_private(tmp_path: Path) -> None:
    assert not file_modes._is_shared(tmp_path)
