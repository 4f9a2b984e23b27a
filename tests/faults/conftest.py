"""Provide a cloud with a server for all tests of a module. Each test may break it, and it is repaired afterwards."""

from collections.abc import Iterator

import pytest

from tests.faults.backends import Backends, Database
from tests.fixtures import served
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder


@pytest.fixture(scope="module")
def bucket(_s3_to_break: S3Server) -> S3Server:
    _s3_to_break.restore()
    return _s3_to_break


@pytest.fixture(scope="module")
def postgresql_cloud(bucket: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with served(PostgresServer(temporary_folder("postgresql"))) as database:
        yield from _repaired_cloud(database, bucket, tmp_path_factory)


@pytest.fixture(scope="module")
def mongodb_cloud(
    _mongo_to_break: MongoServer, bucket: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backends]:
    _mongo_to_break.restore()
    yield from _repaired_cloud(_mongo_to_break, bucket, tmp_path_factory)


def _repaired_cloud(database: Database, s3: S3Server, folders: pytest.TempPathFactory) -> Iterator[Backends]:
    agent = AgentServer(folders.mktemp("agent"), database.env, s3.env, SECRET_KEY="k" * 50)
    agent.set_up()
    agent.start()
    yield Backends(database, s3, agent)
    agent.kill()


@pytest.fixture
def cloud(request: pytest.FixtureRequest) -> Iterator[Backends]:
    """Return the cloud with this database. It is healthy before and after the test."""
    backends = request.getfixturevalue(f"{request.param}_cloud")
    try:
        yield backends
    finally:
        backends.repair()
        backends.recovered()
        backends.moved()
