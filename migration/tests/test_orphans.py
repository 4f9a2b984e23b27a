"""Orphaned recordings are found, counted and removed, in the folder and in a real bucket, and no others are."""

import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from audio import uploads
from migration import orphan_recordings
from tests.clouds import wait_for
from tests.contract.calls import spoken
from tests.servers import AgentServer, PostgresServer, S3Server
from tests.talking import new_learner

NAME = "recordings without a message"
DAY = 24 * 3600
# The process ends at the named step: the file exists, and later steps did not happen.
KILLED = """
import os, uuid
from django.utils import timezone
from audio import encoding, recordings
from conversations import rows, store
from conversations.drafts import Draft
{step} = lambda *args, **kwargs: os._exit(9)
clip = encoding.from_pcm(bytes(48_000))
draft = Draft("user-1", "user", "Hello.", timezone.now(), audio=clip)
store.save(uuid.UUID("{learner}"), "{conversation}", columns={{}}, messages=[draft])
"""

# Two conversations that were there before, one of which is deleted.
SAVED = """
import uuid
from conversations import store
learner = uuid.UUID("{learner}")
for conversation in ("killed", "other"):
    store.save(learner, conversation, columns={{}}, messages=[])
if {deleted}:
    store.delete(learner, "killed")
"""


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    server = AgentServer(tmp_path_factory.mktemp("orphans"))
    server.set_up()
    yield server
    server.kill()


@pytest.fixture
def cloud_server(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, s3: S3Server
) -> Iterator[AgentServer]:
    server = AgentServer(tmp_path_factory.mktemp("orphans"), postgres.env, s3.env, USE_CLOUD_STORAGE="true")
    server.set_up()
    yield server
    server.kill()


def kill_while_saving(
    server: AgentServer, step: str, conversation: str = "killed", learner: uuid.UUID | None = None
) -> None:
    code = KILLED.format(step=step, learner=learner or uuid.uuid4(), conversation=conversation)
    with pytest.raises(Exception, match="exit status 9"):
        server.manage("shell", "-c", code)


def files(server: AgentServer) -> list[Path]:
    return sorted((server.data_dir / "recordings" / "audio").glob("*"))


def age(server: AgentServer, seconds: float = 2 * DAY) -> None:
    """Make all files this old."""
    for path in (server.data_dir / "recordings").rglob("*"):
        os.utime(path, (time.time() - seconds,) * 2)


def line(server: AgentServer, group: str) -> dict[str, Any]:
    try:
        printed = server.manage("storage", "verify", "--json")
    except subprocess.CalledProcessError as error:
        printed = error.stdout
    checks = json.loads(printed)["checks"]
    return next(check for check in checks if (check["group"], check["name"]) == (group, NAME))


def swept(server: AgentServer, *options: str) -> dict[str, Any]:
    return dict(json.loads(server.manage("storage", "orphans", "--json", "--yes", *options)))


@pytest.mark.parametrize("step", ["recordings._insert", "rows.write"])
def test_a_killed_servers_file_is_counted_and_removed_after_a_day(server: AgentServer, step: str) -> None:
    kill_while_saving(server, step)
    time.sleep(5.5)
    assert len(files(server)) == 1
    assert line(server, "this machine")["state"] == "warning"
    assert "1 of 1 that were looked at belong to no message" in line(server, "this machine")["found"]
    assert swept(server) == {"removed": False, "files": 0, "bytes": 0}
    age(server)
    assert swept(server)["files"] == 1
    assert files(server) == []
    assert line(server, "this machine")["state"] == "ok"


def test_recordings_of_messages_are_kept_however_old(server: AgentServer) -> None:
    server.start()
    with httpx.Client(base_url=server.url, headers={"Cookie": new_learner(server.url)}) as client:
        client.post("/api/conversations", json=spoken())
        (server.data_dir / "recordings" / "audio" / ".aside-left").write_bytes(b"half a file")
        age(server)
        assert swept(server)["files"] == 1
        [kept] = files(server)
        assert client.get(f"/api/audio?key=audio/{kept.name}").status_code == 200


def test_the_server_removes_its_own_orphans(server: AgentServer) -> None:
    """It leaves files that it does not know, because they may belong to other programs."""
    kill_while_saving(server, "recordings._insert")
    [left] = files(server)
    unknown = left.with_name("0-put-here-by-hand-user.webm")
    unknown.write_bytes(b"x")
    age(server)
    server.start()
    wait_for(lambda: files(server) == [unknown])
    wait_for(lambda: not list((server.data_dir / "recordings" / uploads.FOLDER).iterdir()))


def test_a_young_orphan_is_kept(server: AgentServer) -> None:
    kill_while_saving(server, "recordings._insert")
    age(server, DAY / 2)
    server.start()
    httpx.get(f"{server.url}/healthz")
    time.sleep(3)
    assert len(files(server)) == 1


@pytest.mark.parametrize("deleted", [True, False])
def test_an_orphan_of_a_deleted_conversation_is_removed_sooner(deleted: bool, server: AgentServer) -> None:
    learner = uuid.uuid4()
    kill_while_saving(server, "recordings._insert", "other", learner)
    kill_while_saving(server, "recordings._insert", "killed", learner)
    server.manage("shell", "-c", SAVED.format(learner=learner, deleted=deleted))
    # It may still be restored.
    assert erased(server) == 0
    age(server, DAY / 2)
    assert erased(server) == deleted
    assert len(files(server)) == 2 - deleted


def erased(server: AgentServer) -> int:
    code = "from migration import orphan_recordings; print(orphan_recordings.erase_unfinished())"
    return int(server.manage("shell", "-v", "0", "-c", code).split()[-1])


def test_an_orphan_in_a_bucket_is_counted_and_removed(cloud_server: AgentServer) -> None:
    server = cloud_server
    before = count_in_bucket(server)
    kill_while_saving(server, "recordings._insert")
    time.sleep(5.5)
    assert count_in_bucket(server) == before + 1
    assert "belong to no message" in line(server, "bucket")["found"]
    assert swept(server)["files"] == 0
    age(server)
    server.start()
    wait_for(lambda: count_in_bucket(server) == before)


def count_in_bucket(server: AgentServer) -> int:
    code = "from django.core.files.storage import storages; print(len(list(storages['audio_cloud'].files())))"
    return int(server.manage("shell", "-v", "0", "-c", code).split()[-1])


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        (f"audio/1700000000000-{'a' * 32}-{'b' * 48}-user.webm", True),
        (f"audio/1700000000000-{'a' * 32}-{'b' * 48}-ai.mp3", True),
        ("audio/1700000000000-conv-1700000000000-abc1234-user-1-user.webm", False),
        ("audio/album/song.mp3", False),
    ],
)
def test_in_a_bucket_only_keys_of_our_form_are_ours(key: str, ours: bool) -> None:
    """The earlier application, or another one, may use the same bucket."""
    assert bool(orphan_recordings.OUR_KEY.fullmatch(key)) == ours
