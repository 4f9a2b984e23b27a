"""Fixtures that cross apps: the real servers. Each is started when a test first asks for it. Those for everybody must not
be killed, stopped or frozen; who wants to do that takes one of their own (`own_…`)."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server, ServerProcess
from tests.servers.postgresql import temporary_folder

Server = TypeVar("Server", bound=ServerProcess)


@contextmanager
def served(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    server = AgentServer(tmp_path_factory.mktemp("server"))
    server.set_up()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    server = AgentServer(tmp_path_factory.mktemp("own-server"))
    server.set_up()
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with served(PostgresServer(temporary_folder("postgresql"))) as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    with served(PostgresServer(temporary_folder("postgresql"))) as server:
        yield server


@pytest.fixture(scope="session")
def _secantus_importable() -> None:
    if not MongoServer.available():
        pytest.skip("SecantusDB is not installed: it has no wheel for Python 3.14.")


@pytest.fixture(scope="session")
def mongo(_secantus_importable: None) -> Iterator[MongoServer]:
    with served(MongoServer(temporary_folder("mongodb"))) as server:
        yield server


@pytest.fixture(scope="session")
def _mongo_to_break(_secantus_importable: None) -> Iterator[MongoServer]:
    with served(MongoServer(temporary_folder("mongodb-to-break"))) as server:
        yield server


@pytest.fixture
def own_mongo(_mongo_to_break: MongoServer) -> MongoServer:
    """The same one each time, restored: it takes long to start."""
    _mongo_to_break.restore()
    return _mongo_to_break


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with served(S3Server(temporary_folder("s3"))) as server:
        yield server


@pytest.fixture(scope="session")
def _s3_to_break() -> Iterator[S3Server]:
    with served(S3Server(temporary_folder("s3-to-break"))) as server:
        yield server


@pytest.fixture
def own_s3(_s3_to_break: S3Server) -> S3Server:
    """The same one each time, restored: it takes long to start."""
    _s3_to_break.restore()
    return _s3_to_break
