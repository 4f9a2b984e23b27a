"""S3 servers of other makers work: headers that they refuse are omitted, and `storage verify` reports their limits."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from audio.s3 import PROBES
from tests.clouds import wait_for
from tests.faults.test_migration import Shelter
from tests.servers import AgentServer, S3Server, s3_front
from tests.servers.s3 import BUCKET
from tests.servers.s3_front import Front, fronted

KEY = "k" * 50
RECORDINGS = 40
WORKERS = 8


@pytest.fixture
def front(own_s3: S3Server) -> Iterator[Callable[[s3_front.Habit], Front]]:
    """Return a function that runs a proxy with the habits of another maker's server until the test ends."""
    begun: list[Any] = []

    def begin(habit: s3_front.Habit) -> Front:
        begun.append(fronted(own_s3.port, habit))
        front: Front = begun[-1].__enter__()
        return front

    yield begin
    for each in begun:
        each.__exit__(None, None, None)


def agent_at(front: Front, s3: S3Server, folder: Path, **env: str) -> AgentServer:
    """Run an installation with this bucket and no database in the cloud."""
    folder.mkdir(exist_ok=True)
    agent = AgentServer(folder, s3.env, AWS_S3_ENDPOINT_URL=front.url, SECRET_KEY=KEY, **env)
    agent.manage("migrate", "-v0")
    return agent


def verified(agent: AgentServer) -> dict[str, dict[str, Any]]:
    """Return the lines of `storage verify` about the bucket."""
    try:
        printed = agent.manage("storage", "verify", "--json")
    except subprocess.CalledProcessError as failed:
        printed = failed.stdout
    return {check["name"]: check for check in json.loads(printed)["checks"] if check["group"] == "bucket"}


def recordings_in(s3: S3Server) -> dict[str, bytes]:
    return {key: data for key, data in s3.objects().items() if not key.startswith(PROBES)}


def failed(checks: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, check in checks.items() if check["state"] == "failed"}


def test_storing_works_without_checksum_headers(
    own_s3: S3Server, front: Callable[[s3_front.Habit], Front], tmp_path: Path
) -> None:
    maker = front(s3_front.without_checksums)
    agent = agent_at(maker, own_s3, tmp_path / "data")
    shelter = Shelter(agent.data_dir)
    shelter.fill(5, RECORDINGS)

    report = json.loads(agent.manage("storage", "migrate", "--yes", "--json").splitlines()[-1])

    assert (report["state"], report["recordings"], report["failures"]) == ("done", RECORDINGS, 0)
    assert recordings_in(own_s3) == shelter.voices
    # Each worker may be refused once for each method.
    assert sum(maker.refused.values()) <= WORKERS
    assert failed(verified(agent)) <= {"CORS"}
    assert "The storage works." in agent.manage("storage", "test")
    archive = tmp_path / "all.tar"
    agent.manage("storage", "backup", str(archive), "--from", "cloud")
    own_s3.empty()
    agent.manage("storage", "restore", str(archive), "--to", "cloud", "--yes")
    assert recordings_in(own_s3) == shelter.voices


def test_a_running_server_drains_without_reporting_an_outage(
    own_s3: S3Server, front: Callable[[s3_front.Habit], Front], tmp_path: Path
) -> None:
    agent = agent_at(front(s3_front.without_checksums), own_s3, tmp_path / "data")
    agent.set_up()
    shelter = Shelter(agent.data_dir)
    shelter.fill(5, RECORDINGS)
    agent.start()
    try:
        wait_for(lambda: len(recordings_in(own_s3)) == RECORDINGS)
        wait_for(lambda: not list((agent.data_dir / "recordings").rglob("*.webm")))
        down = httpx.get(f"{agent.url}/api/conversations", timeout=60).json().get("down", {})
    finally:
        agent.kill()
    log = agent.log.read_text()
    assert (down, log.count("cannot be used"), log.count("is back")) == ({}, 0, 0)
    assert recordings_in(own_s3) == shelter.voices


@pytest.mark.parametrize(
    ("habit", "line", "words", "right"),
    [
        (s3_front.without_kms_key, "right to write", "KMS key", "kms:GenerateDataKey"),
        (s3_front.with_kms_for_writing_only, "right to read", "KMS key", "kms:Decrypt"),
        (s3_front.with_expired_token, "credentials", "ExpiredToken", "AWS_SESSION_TOKEN"),
        (s3_front.with_a_full_account, "right to write", "cap exceeded", "cap of the account"),
    ],
    ids=["kms for writing", "kms for reading", "token", "full"],
)
def test_verify_recognises_a_refusal_by_its_message(
    own_s3: S3Server,
    front: Callable[[s3_front.Habit], Front],
    tmp_path: Path,
    habit: s3_front.Habit,
    line: str,
    words: str,
    right: str,
) -> None:
    token = {"AWS_SESSION_TOKEN": "a-token"} if habit is s3_front.with_expired_token else {}
    checks = verified(agent_at(front(habit), own_s3, tmp_path / "data", **token))
    assert line in failed(checks)
    assert "a-token" not in json.dumps(checks)
    assert words in checks[line]["found"]
    assert right in checks[line]["advice"]
    assert "s3:PutObject" not in checks[line]["advice"]


def test_the_self_test_fails_if_recordings_cannot_be_looked_up(
    own_s3: S3Server, front: Callable[[s3_front.Habit], Front], tmp_path: Path
) -> None:
    def cannot_be_looked_up(method: str, path: str, headers: s3_front.Headers) -> s3_front.Refusal | None:
        looks = method == "HEAD" or (method == "GET" and headers.get("range") == "bytes=0-0")
        return (403, "AccessDenied", "Access Denied") if looks and s3_front.CHECKSUMS and "/audio/" in path else None

    maker = front(cannot_be_looked_up)
    agent = agent_at(maker, own_s3, tmp_path / "data")
    with pytest.raises(subprocess.CalledProcessError) as ended:
        agent.manage("storage", "test")
    assert "✗ failed  " in ended.value.stdout
    assert "right to read" in failed(verified(agent))


def test_verify_warns_of_addresses_that_browsers_cannot_reach(
    own_s3: S3Server, front: Callable[[s3_front.Habit], Front], tmp_path: Path
) -> None:
    inside = front(lambda method, path, headers: None)
    agent = agent_at(inside, own_s3, tmp_path / "data", APP_URL="https://talk.example.org")
    line = verified(agent)["address for browsers"]
    assert line["state"] == "warning"
    assert inside.url in line["found"]
    assert "AWS_S3_PUBLIC_ENDPOINT_URL" in line["advice"]
    agent._env["AWS_S3_PUBLIC_ENDPOINT_URL"] = "https://s3.example.invalid"
    checks = verified(agent)
    assert checks["address for browsers"]["state"] == "ok"
    # A warning, because this machine cannot test whether browsers outside can reach the address.
    assert checks["signed links"]["state"] == "warning"
    assert failed(checks) == set()


def test_recordings_move_under_a_key_prefix(own_s3: S3Server, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    agent = AgentServer(folder, own_s3.env, SECRET_KEY=KEY)
    agent.manage("migrate", "-v0")
    shelter = Shelter(folder)
    shelter.fill(2, 10)
    agent.manage("storage", "migrate", "--yes")
    way = ["--from", f"s3://{BUCKET}", "--to", f"s3://{BUCKET}/apps/talk", "--yes"]
    agent.manage("storage", "migrate", *way)
    agent._env["AWS_S3_KEY_PREFIX"] = "apps/talk"
    agent.manage("storage", "migrate", *way, "--delete-source")
    assert recordings_in(own_s3) == {f"apps/talk/{key}": data for key, data in shelter.voices.items()}
    assert "The storage works." in agent.manage("storage", "test")
    shutil.rmtree(folder / "recordings")
    agent.manage("storage", "migrate", "--from", "cloud", "--to", "local", "--yes")
    assert {key: shelter.file(key).read_bytes() for key in shelter.voices} == shelter.voices
