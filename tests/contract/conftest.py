"""Provide one server for each of the six combinations of databases and audio storages. `make test` uses half of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import httpx
import pytest

from tests.contract.places import Audio, Bucket, Database, LocalAudio, Mongo, Place, Postgres, Sqlite
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server

EVERY_TIME = ("sqlite+local", "postgresql+s3", "mongodb+s3")
PLACES = (
    *EVERY_TIME,
    *(pytest.param(each, marks=pytest.mark.soak) for each in ("sqlite+s3", "postgresql+local", "mongodb+local")),
)
NEW_DATABASES: dict[str, tuple[LiteralString, LiteralString]] = {
    "contract_local": ("DROP DATABASE IF EXISTS contract_local", 'CREATE DATABASE contract_local OWNER "user"'),
    "contract_s3": ("DROP DATABASE IF EXISTS contract_s3", 'CREATE DATABASE contract_s3 OWNER "user"'),
}
SECRET_KEY = "the same for all servers of the tests, and long enough to sign with"


@pytest.fixture(scope="session", params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    kind, _, audio_kind = request.param.partition("+")
    data_dir = tmp_path_factory.mktemp("contract")
    database = _database(kind, f"contract_{audio_kind}", data_dir, request)
    audio = _audio(audio_kind, data_dir, request)
    server = AgentServer(data_dir, database.env, audio.env, SECRET_KEY=SECRET_KEY)
    server.set_up()
    server.start()
    place = Place(server, database, audio)
    # The first row of a database takes longest, because its collections are created.
    with place.learner() as client:
        client.post("/api/conversations", json={"id": "first", "messages": []})
        client.delete("/api/conversations?id=first")
    yield place
    server.stop()


def _database(kind: str, name: str, data_dir: Path, request: pytest.FixtureRequest) -> Database:
    if kind == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        for statement in NEW_DATABASES[name]:
            postgres.execute(statement, database="postgres")
        return Postgres(postgres, name)
    if kind == "mongodb":
        mongo: MongoServer = request.getfixturevalue("mongo")
        return Mongo(mongo, name)
    return Sqlite(data_dir)


def _audio(kind: str, data_dir: Path, request: pytest.FixtureRequest) -> Audio:
    if kind == "s3":
        s3: S3Server = request.getfixturevalue("s3")
        return Bucket(s3)
    return LocalAudio(data_dir)


@pytest.fixture
def learner(place: Place) -> Iterator[httpx.Client]:
    with place.learner() as client:
        yield client


@pytest.fixture
def outsider(place: Place) -> Iterator[httpx.Client]:
    """Return another learner, who must not see the first one's data."""
    with place.learner() as client:
        yield client
