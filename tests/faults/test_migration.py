"""`manage.py storage migrate` runs in a separate process between real servers, which fail meanwhile.

At the end, all data that can be moved has arrived once, byte for byte, and the rest is named.
"""

import contextlib
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from audio.s3 import PROBES
from bench.rest import Rest
from tests.faults.flaky_s3 import FAULTS, FlakyS3, flaky
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server
from tests.servers.process import ROOT

KEY = "k" * 50
AT = "2026-03-01 12:00:00.123000"
# Seconds for one run of the command.
WITHIN = 300.0


# Columns in which the store notes its writes.
NOTES = {"stamps", "version"}


@dataclass
class Shelter:
    """Fill a server's shelter directly, with thousands of recordings in a second."""

    folder: Path
    talks: list[uuid.UUID] = field(default_factory=list)
    # By key.
    voices: dict[str, bytes] = field(default_factory=dict)
    # With their conversations.
    messages: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "shelter.sqlite3"

    def file(self, key: str) -> Path:
        return self.folder / "recordings" / key

    def fill(self, conversations: int, recordings: int, seed: int = 1) -> None:
        """Create this many recordings, each with its own message."""
        chance = random.Random(seed)
        (self.folder / "recordings" / "audio").mkdir(parents=True, exist_ok=True)
        self.talks = [uuid.UUID(int=chance.getrandbits(128)) for _ in range(conversations)]
        with contextlib.closing(sqlite3.connect(self.database)) as file:
            for key in self.talks:
                _insert(file, "conversations_conversation", _conversation(key))
            for number in range(recordings):
                talk, message = self.talks[number % conversations], uuid.UUID(int=chance.getrandbits(128))
                self.messages[message] = talk
                row = _recording(talk, message, chance.randbytes(chance.randrange(200, 4000)), self)
                _insert(file, "conversations_message", _message(talk, message, row["key"], number))
                _insert(file, "audio_recording", row)
            file.commit()

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.database, timeout=60)) as file:
            found = file.execute(sql, values).fetchall()
            file.commit()
            return found

    def content(self) -> dict[str, str]:
        """Return a hash of each conversation: its columns, its messages, and its recordings with their bytes."""
        with contextlib.closing(sqlite3.connect(self.database)) as file:
            file.row_factory = sqlite3.Row
            parts: dict[str, list[Any]] = {}
            for table, owner in (
                ("conversations_conversation", "_id"),
                ("conversations_message", "conversation_id"),
                ("audio_recording", "conversation"),
            ):
                for row in file.execute(f"SELECT * FROM {table} ORDER BY _id"):
                    # Iterating over a sqlite3.Row yields its values, so `keys()` is needed.
                    of_row = {name: _plain(row[name]) for name in row.keys() if name not in NOTES}  # noqa: SIM118
                    if table == "audio_recording":
                        of_row["bytes"] = hashlib.sha256(self.file(row["key"]).read_bytes()).hexdigest()
                    parts.setdefault(row[owner], []).append(of_row)
        return {
            key: hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest() for key, rows in parts.items()
        }


def _plain(value: Any) -> Any:
    """Parse JSON columns, so that their notation does not matter."""
    if isinstance(value, str) and value.startswith(("[", "{")):
        return json.loads(value)
    return value


def _insert(file: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    values = [value.hex if isinstance(value, uuid.UUID) else value for value in row.values()]
    names = ", ".join(f'"{name}"' for name in row)
    file.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", values)


def _learner(talk: uuid.UUID) -> uuid.UUID:
    return uuid.UUID(int=talk.int % 7 + 1)


def _kept(key: uuid.UUID, talk: uuid.UUID) -> dict[str, Any]:
    return {
        "_id": key,
        "learner": _learner(talk),
        "wire_id": key.hex[:12],
        "created_at": AT,
        "updated_at": AT,
        "timestamp": AT,
        "erased": 0,
    }


def _conversation(key: uuid.UUID) -> dict[str, Any]:
    topic = {"title": "", "topic": f"Topic {key.hex[:4]}", "config": '{"level": "B1"}', "goals": "[]"}
    return _kept(key, key) | topic | {"call_ended": 0, "version": 0}


def _message(talk: uuid.UUID, key: uuid.UUID, audio_key: str, position: int) -> dict[str, Any]:
    said = {"role": "user", "content": f"Words {position}", "audio_key": audio_key, "corrections": "[]"}
    return _kept(key, talk) | said | {"conversation_id": talk, "position": position, "interrupted": 0, "measured": "{}"}


def _recording(talk: uuid.UUID, message: uuid.UUID, data: bytes, shelter: Shelter) -> dict[str, Any]:
    digest, key = hashlib.sha256(data).hexdigest(), f"audio/1760000000000-{talk.hex}-{message.hex}-user.webm"
    shelter.voices[key] = data
    shelter.file(key).write_bytes(data)
    return {
        "_id": uuid.uuid5(message, digest),
        "learner": _learner(talk),
        "conversation": talk,
        "message": message,
        "key": key,
        "place": "local",
        "content_type": "audio/webm",
        "size": len(data),
        "duration": 1.0,
        "sha256": digest,
        "created_at": AT,
    }


class MigrateCommand:
    """Run the command, and kill it as an operator or the kernel would."""

    def __init__(self, agent: AgentServer, postgres: PostgresServer) -> None:
        self.agent, self.postgres = agent, postgres

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "manage.py", "storage", "migrate", "--yes", "--json", *options]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, env=self.agent._env, stdout=pipe, stderr=pipe, text=True)

    def run(self, *options: str) -> tuple[dict[str, Any], int]:
        """Return the report and the exit code."""
        process = self.start(*options)
        out, errors = process.communicate(timeout=WITHIN)
        assert out.strip(), errors[-3000:]
        return json.loads(out.splitlines()[-1]), process.returncode

    def until(self, process: subprocess.Popen[str], enough: Callable[[], bool]) -> bool:
        """Wait until the condition is true. Return False if the process ended first."""
        deadline = time.monotonic() + WITHIN
        while process.poll() is None:
            if enough():
                return True
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return False

    def resumed(self) -> list[str]:
        """Return the options that resume the killed run.

        The claim of the killed run would expire by itself after some seconds. This ends it at once.
        """
        self.postgres.execute("UPDATE migration_claim SET until = now()")
        found = self.postgres.execute("SELECT id FROM migration_run ORDER BY started_at DESC LIMIT 1")
        return ["--resume", str(found[0][0])] if found else []

    def arrived(self) -> int:
        return int(self.postgres.execute("SELECT count(*) FROM conversations_conversation")[0][0])


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture
def agent(own_postgres: PostgresServer, own_s3: S3Server, tmp_path: Path) -> AgentServer:
    agent = AgentServer(tmp_path / "data", own_postgres.env, own_s3.env, SECRET_KEY=KEY)
    agent.data_dir.mkdir()
    agent.manage("migrate", "-v0")
    return agent


@pytest.fixture
def shelter(agent: AgentServer) -> Shelter:
    return Shelter(agent.data_dir)


def rows_and_objects(postgres: PostgresServer, s3: S3Server) -> tuple[list[str], dict[str, bytes]]:
    keys = [key for (key,) in postgres.execute("SELECT key FROM audio_recording WHERE place = 'cloud' ORDER BY key")]
    return keys, {key: data for key, data in s3.objects().items() if not key.startswith(PROBES)}


def damage(s3: S3Server, key: str, data: bytes) -> None:
    flipped = bytes([data[0] ^ 1]) + data[1:]
    s3.client().put_object(Bucket=s3.env["S3_BUCKET_NAME"], Key=key, Body=flipped)


def run_with_faults(
    agent: AgentServer, shelter: Shelter, proxy: FlakyS3, command: MigrateCommand, *, kills: int
) -> dict[str, str]:
    """Run the command with all faults and kills. Return the failures that it names, with the reasons."""
    chance = random.Random(proxy.stored + kills)
    in_order = [key for (key,) in shelter.execute("SELECT key FROM audio_recording ORDER BY _id")]
    missing, truncated, changed = in_order[3], in_order[len(in_order) // 2], in_order[-1]
    shelter.file(missing).unlink()
    shelter.file(truncated).write_bytes(shelter.voices[truncated][:-7])
    # PostgreSQL accepts no NUL.
    unheard = shelter.talks[5]
    shelter.execute("UPDATE conversations_conversation SET topic = 'a' || char(0) || 'b' WHERE _id = ?", unheard.hex)
    total = len(shelter.voices) + len(shelter.talks)
    moments = sorted(chance.sample(range(total * 9 // 10), kills))
    options: list[str] = []
    killed = 0
    for number, moment in enumerate(moments):
        process = command.start(*options)
        if command.until(process, partial(_past, moment, proxy, shelter, command)):
            kill(process)
            killed += 1
        else:
            process.communicate()
        if number == 0:
            shelter.file(changed).write_bytes(b"something else")
        options = command.resumed()
    assert killed >= kills - 1
    process = command.start(*options)
    already = proxy.stored
    command.until(process, lambda: proxy.stored > already)
    command.postgres.kill()
    command.postgres.start()
    process.communicate(timeout=WITHIN)
    # A recording is tried four times in each run.
    for _ in range(3):
        report, code = command.run(*command.resumed())
        if set(report["failed"]) == {missing, truncated, changed, f"conversation {unheard}"}:
            break
    assert code == 1
    assert report["error"] == ""
    named: dict[str, str] = report["failed"]
    assert set(named) == {missing, truncated, changed, f"conversation {unheard}"}
    assert named[missing] == "its file is missing"
    assert "SHA-256" in named[truncated]
    assert "SHA-256" in named[changed]
    return named


def _past(moment: int, proxy: FlakyS3, shelter: Shelter, command: MigrateCommand) -> bool:
    """Return whether the run has copied more than `moment` recordings and conversations.

    Recordings come first. Conversations follow when all of them have arrived.
    """
    late = proxy.stored >= len(shelter.voices) - 50
    return proxy.stored + (command.arrived() if late else 0) > moment


def check_moved(shelter: Shelter, postgres: PostgresServer, s3: S3Server, named: dict[str, str]) -> None:
    """Check that everything except the named failures has arrived once, byte for byte."""
    keys, objects = rows_and_objects(postgres, s3)
    expected = {key: data for key, data in shelter.voices.items() if key not in named}
    assert keys == sorted(expected)
    assert objects == expected
    conversations = {str(key) for (key,) in postgres.execute("SELECT _id::text FROM conversations_conversation")}
    assert conversations == {str(key) for key in shelter.talks if f"conversation {key}" not in named}
    messages = postgres.execute("SELECT count(*), count(DISTINCT audio_key) FROM conversations_message")
    expected_messages = sum(f"conversation {talk}" not in named for talk in shelter.messages.values())
    assert messages == [(expected_messages, expected_messages)]


def check_deletion(shelter: Shelter, command: MigrateCommand, postgres: PostgresServer, s3: S3Server) -> None:
    """Repair the source, damage one recording at the destination, and check that only this one stays in the source."""
    for key, data in shelter.voices.items():
        if not shelter.file(key).exists() or shelter.file(key).read_bytes() != data:
            shelter.file(key).write_bytes(data)
    shelter.execute("UPDATE conversations_conversation SET topic = 'ab' WHERE topic LIKE 'a' || char(0) || '%'")
    flipped = sorted(shelter.voices)[7]
    assert command.run()[0]["state"] == "done"
    damage(s3, flipped, shelter.voices[flipped])
    report, code = command.run("--delete-source")
    assert (code, report["state"], report["deleted"]["kept"]) == (1, "done", 1)
    files = [path for path in (shelter.folder / "recordings").rglob("*") if path.is_file()]
    assert files == [shelter.file(flipped)]
    assert shelter.file(flipped).read_bytes() == shelter.voices[flipped]
    assert shelter.execute("SELECT key FROM audio_recording") == [(flipped,)]
    resumed, code = command.run("--verify", "read", "--delete-source")
    assert (code, resumed["recordings"], resumed["deleted"]["recordings"]) == (0, 1, 1)
    check_moved(shelter, postgres, s3, {})


@pytest.mark.parametrize(
    ("conversations", "recordings", "kills"),
    [
        pytest.param(150, 300, 3, id="some"),
        pytest.param(2_000, 5_000, 10, id="many", marks=pytest.mark.soak),
    ],
)
def test_a_migration_survives_faults_and_kills(
    own_postgres: PostgresServer,
    own_s3: S3Server,
    agent: AgentServer,
    shelter: Shelter,
    conversations: int,
    recordings: int,
    kills: int,
) -> None:
    shelter.fill(conversations, recordings)
    with flaky(own_s3.port, share=0.2, seed=4) as proxy:
        agent._env["AWS_S3_ENDPOINT_URL"] = proxy.url
        command = MigrateCommand(agent, own_postgres)
        named = run_with_faults(agent, shelter, proxy, command, kills=kills)
        assert set(proxy.faults) == set(FAULTS)
    check_moved(shelter, own_postgres, own_s3, named)
    # Nothing was deleted.
    assert len(shelter.execute("SELECT 1 FROM audio_recording")) == recordings
    agent._env["AWS_S3_ENDPOINT_URL"] = own_s3.endpoint
    check_deletion(shelter, MigrateCommand(agent, own_postgres), own_postgres, own_s3)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], int]]:
    """Mount a folder on a disk of 300 kB. Yield a function that enlarges it."""
    folder.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("Only root may mount a small disk.")
    try:
        yield partial(subprocess.check_call, ["mount", "-o", "remount,size=100m", str(folder)])
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_migration_to_a_full_disk_fails_and_is_resumed(
    own_postgres: PostgresServer, own_s3: S3Server, agent: AgentServer, shelter: Shelter, tmp_path: Path
) -> None:
    shelter.fill(50, 300)
    assert MigrateCommand(agent, own_postgres).run()[1] == 0
    restored = AgentServer(tmp_path / "home", own_postgres.env, own_s3.env, SECRET_KEY=KEY)
    restored.data_dir.mkdir()
    restored.manage("migrate", "-v0")
    command = MigrateCommand(restored, own_postgres)
    with small_disk(restored.data_dir / "recordings") as enlarge:
        report, code = command.run("--from", "cloud", "--to", "local")
        assert (code, report["state"]) == (1, "failed")
        assert "No space left on device" in report["error"]
        enlarge()
        report, code = command.run("--resume", report["run"])
        assert (code, report["state"], report["failed"]) == (0, "done", {})
        assert Shelter(restored.data_dir).content() == shelter.content()
        assert not list((restored.data_dir / "recordings").rglob(".aside-*"))


# The run waits before it gives up.
@pytest.mark.soak
def test_a_migration_ends_when_the_database_freezes_and_is_resumed(
    own_postgres: PostgresServer, own_s3: S3Server, agent: AgentServer, shelter: Shelter
) -> None:
    shelter.fill(50, 2_000)
    command = MigrateCommand(agent, own_postgres)
    process = command.start()
    assert command.until(process, lambda: bool(own_postgres.execute("SELECT 1 FROM audio_recording LIMIT 1")))
    own_postgres.freeze()
    try:
        out, _ = process.communicate(timeout=WITHIN)
    finally:
        own_postgres.thaw()
    assert (process.returncode, json.loads(out.splitlines()[-1])["state"]) == (1, "failed")
    assert command.run(*command.resumed())[1] == 0
    check_moved(shelter, own_postgres, own_s3, {})


# The restore waits before it gives up.
@pytest.mark.soak
def test_a_restore_ends_when_the_database_freezes_and_can_be_repeated(
    own_postgres: PostgresServer, own_s3: S3Server, agent: AgentServer, shelter: Shelter, tmp_path: Path
) -> None:
    shelter.fill(50, 2_000)
    archive = tmp_path / "all.tar"
    agent.manage("storage", "backup", str(archive), "--from", "local")
    command = [sys.executable, "manage.py", "storage", "restore", str(archive), "--yes", "--json"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=agent._env, stdout=pipe, stderr=pipe, text=True)
    found = "SELECT 1 FROM audio_recording LIMIT 1"
    assert MigrateCommand(agent, own_postgres).until(process, lambda: bool(own_postgres.execute(found)))
    own_postgres.freeze()
    try:
        out, _ = process.communicate(timeout=WITHIN)
    finally:
        own_postgres.thaw()
    assert process.returncode == 1
    assert "A database cannot be used" in json.loads(out.splitlines()[-1])["error"]
    agent.manage("storage", "restore", str(archive), "--yes")
    check_moved(shelter, own_postgres, own_s3, {})


def test_migrating_through_all_stores_returns_the_same_data(
    own_postgres: PostgresServer, own_mongo: MongoServer, own_s3: S3Server, tmp_path: Path
) -> None:
    """Copy from local to S3 and PostgreSQL, to S3 and MongoDB, and back. The hashes of all conversations agree."""
    start, end = (AgentServer(tmp_path / name, SECRET_KEY=KEY) for name in ("start", "end"))
    start.data_dir.mkdir()
    start.manage("migrate", "-v0")
    start.start()
    try:
        for number in range(5):
            Rest(start.url).post("/api/conversations", said(number))
    finally:
        start.stop()
    shelter = Shelter(start.data_dir)
    shelter.fill(20, 40)
    before = shelter.content()
    assert len(before) == 25
    start._env |= own_mongo.env | own_postgres.env | own_s3.env
    start.manage("migrate", "-v0")
    MigrateCommand(start, own_postgres).run()
    start.manage("storage", "migrate", "--from", "postgresql", "--to", "mongodb", "--yes")
    again = json.loads(start.manage("storage", "migrate", "--from", "postgresql", "--to", "mongodb", "--yes", "--json"))
    assert (again["conversations"], again["conversations_same"], again["recordings_same"]) == (0, 25, 40)
    end._env |= own_mongo.env | own_s3.env
    end.data_dir.mkdir()
    end.manage("migrate", "-v0")
    end.manage("storage", "migrate", "--from", "cloud", "--to", "local", "--yes")
    assert Shelter(end.data_dir).content() == before


def said(number: int) -> dict[str, Any]:
    messages = [
        {"id": f"user-{turn}", "role": "user", "content": "Wörds ☕", "timestamp": 1_760_000_000_001 + turn * 1003}
        for turn in range(6)
    ]
    return {"id": f"conv-{number}", "messages": messages, "config": {"topic": "Travel", "level": "B1"}}
