"""The server survives a full disk, and folders and files that it cannot write to."""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from talking_agent.tests.processes import without_roots_rights
from tests.servers import AgentServer
from tests.servers.agent import collected_static
from tests.talking import SPEECH, new_learner, talking

SIZE = "6m"


class Disk:
    """Mount a small file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        with (self.folder / "filling").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    def make_room(self) -> None:
        (self.folder / "filling").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("A file system can be mounted by root only, and not in every container.")
    yield Disk(folder)
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def agent(disk: Disk) -> Iterator[AgentServer]:
    agent = AgentServer(disk.folder / "data")
    agent.log = disk.folder.parent / "server.log"
    agent.set_up()
    agent.start()
    yield agent
    agent.kill()


def send_text(agent: AgentServer, cookie: str, conversation: str, **fields: str) -> httpx.Response:
    return httpx.post(
        f"{agent.url}/api/conversations/{conversation}/turns",
        data={"reply": "false", **fields},
        headers={"Cookie": cookie},
        timeout=60,
    )


def send_recording(agent: AgentServer, cookie: str, conversation: str) -> httpx.Response:
    voice = {"audio": (SPEECH / "learner_london.wav").read_bytes()}
    address = f"{agent.url}/api/conversations/{conversation}/turns"
    return httpx.post(address, files=voice, data={"reply": "false"}, headers={"Cookie": cookie}, timeout=60)


def read(agent: AgentServer, cookie: str, path: str) -> Any:
    return httpx.get(f"{agent.url}{path}", headers={"Cookie": cookie}, timeout=60).raise_for_status().json()


def check_reading(agent: AgentServer, cookie: str, voice: str) -> None:
    for page in ("/", "/history", "/import"):
        assert httpx.get(f"{agent.url}{page}", timeout=60).status_code == 200
    assert [each["id"] for each in read(agent, cookie, "/api/conversations")["conversations"]] == ["one"]
    assert read(agent, cookie, "/api/conversations?id=one")["conversation"]["messages"][0]["content"] == "Hello there."
    link = read(agent, cookie, f"/api/audio?key={voice}")["url"]
    assert httpx.get(link, timeout=60).headers["content-type"].startswith("audio/")


def check_refusals(agent: AgentServer, cookie: str) -> None:
    began = {"id": "two", "messages": [{"id": "user-1", "role": "user", "content": "Hello."}]}
    api, headers = f"{agent.url}/api/conversations", {"Cookie": cookie}
    answers = [
        send_text(agent, cookie, "one", text="And then?"),
        send_text(agent, cookie, "new", text="Hello."),
        send_recording(agent, cookie, "one"),
        httpx.post(api, json=began, headers=headers, timeout=60),
        httpx.patch(f"{api}/one", json={"title": "Trains"}, headers=headers, timeout=60),
        httpx.delete(f"{api}?id=one", headers=headers, timeout=60),
    ]
    for answer in answers:
        assert (answer.status_code, list(answer.json())) == (503, ["error"])
        assert re.search("not (be )?saved", answer.json()["error"])


def readiness(agent: AgentServer) -> tuple[int, dict[str, str]]:
    answer = httpx.get(f"{agent.url}/readyz", timeout=60)
    return answer.status_code, answer.json()["parts"]


async def test_reading_works_on_a_full_disk_and_writing_works_again_with_room(agent: AgentServer, disk: Disk):
    cookie = new_learner(agent.url)
    assert send_text(agent, cookie, "one", text="Hello there.").status_code == 200
    voice = send_recording(agent, cookie, "one").json()["message"]["audioS3Key"]
    disk.fill()

    check_reading(agent, cookie, voice)
    check_refusals(agent, cookie)
    status, parts = readiness(agent)
    assert status == 503
    assert parts["pages"] == "ok"
    for part in ("local storage", "accounts"):
        assert parts[part] == "cannot be written: the disk is full"
    for part in ("data directory", "recordings"):
        assert parts[part].endswith("cannot be written: No space left on device")
    assert "No space left" in agent_verify(agent)
    async with talking(agent.url, "one", cookie) as talker:
        await talker.set_up()

    # A restart on the full disk works, too.
    agent.stop()
    disk.fill()
    agent.start()
    check_reading(agent, cookie, voice)
    # Turns are saved while the write-ahead log has room, and refused afterwards.
    saved = 0
    while (status := send_text(agent, cookie, "one", text="And then?").status_code) == 200:
        saved += 1
    assert status == 503

    disk.make_room()
    assert send_text(agent, cookie, "one", text="And then?").status_code == 200
    assert send_recording(agent, cookie, "one").status_code == 200
    assert readiness(agent)[0] == 200
    assert len(read(agent, cookie, "/api/conversations?id=one")["conversation"]["messages"]) == 4 + saved
    assert "Traceback" not in agent.log.read_text()
    assert 'File "' not in agent.log.read_text()


async def test_a_server_killed_on_a_full_disk_restarts_and_has_lost_nothing(agent: AgentServer, disk: Disk):
    cookie = new_learner(agent.url)
    for number in range(5):
        assert send_text(agent, cookie, "one", text=f"Sentence {number}.").status_code == 200
    disk.fill()
    agent.kill()
    agent.start()
    found = read(agent, cookie, "/api/conversations?id=one")["conversation"]["messages"]
    assert [each["content"] for each in found] == [f"Sentence {number}." for number in range(5)]


def agent_verify(agent: AgentServer) -> str:
    """Return the output of `storage verify`, which exits with 1."""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        agent.manage("storage", "verify", "--json")
    return str(failed.value.stdout)


class UnprivilegedServer(AgentServer):
    """Run a server without root's rights, so that file modes apply to it."""

    def command(self) -> list[str]:
        return [*without_roots_rights(), *super().command()]

    def verify(self) -> str:
        command = [*self.command()[:-1], "storage", "verify", "--json"]
        done = subprocess.run(command, **self.popen_options(), capture_output=True, text=True, check=False)
        assert done.returncode == 1
        return done.stdout


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[UnprivilegedServer]:
    agent = UnprivilegedServer(tmp_path / "data")
    agent.set_up()
    agent.start()
    yield agent
    agent.kill()
    subprocess.run(["chmod", "-R", "u+w", agent.data_dir], check=True)


def test_a_read_only_recordings_folder_is_named(unprivileged: UnprivilegedServer):
    cookie = new_learner(unprivileged.url)
    assert send_recording(unprivileged, cookie, "one").status_code == 200
    recordings = unprivileged.data_dir / "recordings"
    subprocess.run(["chmod", "-R", "a-w", recordings], check=True)
    status, parts = readiness(unprivileged)
    assert status == 503
    named = f"{recordings}/audio cannot be written: Permission denied"
    assert {name for name, state in parts.items() if state != "ok"} == {"recordings"}
    assert parts["recordings"] == named
    assert named in unprivileged.verify()
    assert send_recording(unprivileged, cookie, "one").status_code == 503


def test_a_read_only_database_is_named(unprivileged: UnprivilegedServer):
    database = unprivileged.data_dir / "shelter.sqlite3"
    database.chmod(0o400)
    status, parts = readiness(unprivileged)
    assert status == 503
    assert {name for name, state in parts.items() if state != "ok"} == {"local storage"}
    assert "shelter.sqlite3 cannot be written: attempt to write a readonly database" in unprivileged.verify()


def test_serve_creates_missing_tables_and_static_files(tmp_path: Path):
    """Start as after `pip install` and `manage.py serve`, or as after an update without `make setup`."""
    agent = AgentServer(tmp_path / "data")
    agent.start()
    try:
        assert httpx.get(agent.url, timeout=60).status_code == 200
        assert readiness(agent)[0] == 200
        assert send_text(agent, new_learner(agent.url), "one", text="Hello.").status_code == 200
        log = agent.log.read_text()
        assert "Prepared: the static files were collected." in log
        assert "Traceback" not in log
        agent.stop()
        agent.start()
        assert "Prepared" not in agent.log.read_text().removeprefix(log)
    finally:
        agent.kill()


def test_readyz_reports_missing_static_files(tmp_path: Path):
    agent = AgentServer(tmp_path / "data")
    shutil.copytree(collected_static(), agent.data_dir / "static")
    agent.start()
    try:
        assert readiness(agent)[0] == 200
        shutil.rmtree(agent.data_dir / "static")
        status, parts = readiness(agent)
        assert (status, parts["pages"]) == (503, "static files are missing: run make setup")
    finally:
        agent.kill()
