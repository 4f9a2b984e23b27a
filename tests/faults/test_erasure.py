"""After an erasure, real servers have nothing of the learner: no row, no version in the bucket, no byte in DATA_DIR."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from audio.tests.sounds import file_of, tone
from conversations.tests.shapes import conversation, data_url, said
from tests.faults.backends import BUCKET, DATABASE, Backends, wait
from tests.fixtures import served
from tests.servers import AgentServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder
from tests.servers.s3 import BUCKET as BUCKET_NAME

# The list of erasures has the learner's id, and may.
LEDGER = "conversations_erasure"
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"


@pytest.fixture(scope="module")
def _versions() -> Iterator[S3Server]:
    """Run a server with a bucket that keeps old versions."""
    with served(S3Server(temporary_folder("s3-versions"))) as server:
        enabled = {"Status": "Enabled"}
        server.client().put_bucket_versioning(Bucket=BUCKET_NAME, VersioningConfiguration=enabled)
        yield server


@pytest.fixture(scope="module")
def cloud(
    request: pytest.FixtureRequest, _versions: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backends]:
    if request.param == "mongodb":
        database = request.getfixturevalue("_mongo_to_break")
        database.restore()
        yield from _backends(Backends(database, _versions, _agent(database, _versions, tmp_path_factory)))
    else:
        with served(PostgresServer(temporary_folder("postgresql"))) as database:
            yield from _backends(Backends(database, _versions, _agent(database, _versions, tmp_path_factory)))


def _agent(database: object, s3: S3Server, folders: pytest.TempPathFactory) -> AgentServer:
    return AgentServer(folders.mktemp("agent"), database.env, s3.env, SECRET_KEY="k" * 50)  # type: ignore[attr-defined]


def _backends(backends: Backends) -> Iterator[Backends]:
    backends.agent.set_up()
    backends.agent.start()
    yield backends
    backends.agent.kill()


class Subject:
    """Act as a learner who says an unmistakable sentence."""

    def __init__(self, cloud: Backends) -> None:
        self.cloud, self.phrase = cloud, f"purple giraffes {uuid.uuid4().hex}"
        self.client = httpx.Client(base_url=cloud.agent.url, timeout=60)
        self.learner = uuid.UUID(self.client.get("/api/me").json()["learner"])
        # Keys of recordings contain the keys of their conversations.
        self.conversations: set[str] = set()

    def speak(self, wire_id: str) -> None:
        sound = data_url(file_of(tone(0.5), "webm", "libopus"))
        talk = conversation(wire_id, messages=[said(self.phrase, audioData=sound)], title=self.phrase)
        assert self.client.post("/api/conversations", json=talk).status_code in (200, 201)
        self.conversations.add(uuid.uuid5(self.learner, wire_id).hex)

    def leave_old_versions(self) -> None:
        """Write each object in the bucket once more, and delete one talk for good."""
        client = self.cloud.s3.client()
        for key in self.objects():
            client.put_object(Bucket=BUCKET_NAME, Key=key, Body=self.phrase.encode())
            client.delete_object(Bucket=BUCKET_NAME, Key=key)

    def order(self) -> None:
        assert self.client.post("/api/me/erasure", json={"confirm": "erase everything"}).status_code == 202

    def objects(self) -> list[str]:
        """Return the keys of the learner's objects, once for each version and delete marker."""
        pages = self.cloud.s3.client().get_paginator("list_object_versions").paginate(Bucket=BUCKET_NAME)
        found = [each["Key"] for page in pages for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ())]
        return [key for key in found if any(hexes in key for hexes in self.conversations)]

    def traces(self) -> list[str]:
        """Return where something of the learner is left."""
        words = (self.phrase, str(self.learner), self.learner.hex)
        rows = [name for name, text in self._rows() if any(word in text for word in words)]
        # The ledger in this folder has the id, too.
        files = [path.name for path in self._files() if self.phrase.encode() in path.read_bytes()]
        named = [path.name for path in self._files() if any(hexes in path.name for hexes in self.conversations)]
        return [*rows, *files, *named, *self.objects()]

    def _rows(self) -> Iterator[tuple[str, str]]:
        database = self.cloud.database
        if isinstance(database, PostgresServer):
            for (table,) in database.execute(TABLES):
                if table != LEDGER:
                    yield from ((table, str(row)) for row in database.execute(f'SELECT t::text FROM "{table}" t'))
        else:
            for table in database.database().list_collection_names():
                if table != LEDGER:
                    yield from ((table, str(row)) for row in database.database()[table].find())

    def _files(self) -> list[Path]:
        return [path for path in self.cloud.agent.data_dir.rglob("*") if path.is_file() and "static" not in path.parts]

    def require_no_trace(self) -> None:
        wait(lambda: not self.traces(), otherwise=lambda: f"{self.traces()}\n{self.cloud.log()}")


EACH = pytest.mark.parametrize("cloud", ["postgresql", pytest.param("mongodb", marks=pytest.mark.soak)], indirect=True)


@EACH
def test_with_the_cloud_up(cloud: Backends) -> None:
    subject = Subject(cloud)
    for name in ("one", "two"):
        subject.speak(name)
    subject.leave_old_versions()
    assert {"conversations_message", "audio_recording"} <= set(subject.traces())
    assert len(subject.objects()) == 6
    subject.order()
    subject.require_no_trace()


@EACH
@pytest.mark.soak
@pytest.mark.parametrize("half", [DATABASE, BUCKET])
def test_with_a_half_down_at_that_moment(cloud: Backends, half: str) -> None:
    subject = Subject(cloud)
    subject.speak("before")
    with cloud.broken(half, "killed"):
        subject.speak("in the outage")
        cloud.noticed(half)
        subject.order()
    cloud.recovered()
    subject.require_no_trace()
    cloud.moved()
    assert subject.traces() == []


@EACH
def test_with_a_server_killed_in_the_middle(cloud: Backends) -> None:
    subject = Subject(cloud)
    for name in ("one", "two", "three", "four"):
        subject.speak(name)
    subject.order()
    wait(lambda: len(subject.objects()) < 4)
    cloud.agent.kill()
    cloud.agent.start()
    subject.require_no_trace()
