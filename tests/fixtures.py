"""Provide fixtures for all apps, such as real servers.

Each server starts when a test first requests it. Shared servers must not be killed, stopped or frozen. A test that does
so uses a server of its own (`own_…`).
"""

import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from simulators.openai import Provider
from talk import fallback
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server, ServerProcess
from tests.servers.postgresql import temporary_folder

PROVIDER_KEY = "sk-simulated"
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
    """Return the same server each time, restored, because it starts slowly."""
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
    """Return the same server each time, restored, because it starts slowly."""
    _s3_to_break.restore()
    return _s3_to_break


@pytest.fixture(scope="session")
def _provider() -> Iterator[Provider]:
    with Provider(api_key=PROVIDER_KEY) as provider:
        yield provider


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    """Return the simulated OpenAI, reset to its initial state: without delays, faults or scripts.

    Many tests count what is open at the provider, so this waits until the requests of earlier tests have ended.
    """
    _provider.reset()
    deadline = time.monotonic() + 10
    while left := _provider.seen()["under_way"]:
        assert time.monotonic() < deadline, f"An earlier test left these requests under way: {left}."
        time.sleep(0.02)
    return _provider


@pytest.fixture
async def connections_closed() -> AsyncIterator[None]:
    """Close the connections to providers in the event loop of the test, as the server does when it stops."""
    yield
    # The client of OpenAI takes a second to import, and few tests need it.
    from engines.openai.verbs import ProviderVerbs

    await ProviderVerbs().close()


@pytest.fixture
def openai_configured(provider: Provider, settings: Any, connections_closed: None) -> Provider:
    """Configure the simulated OpenAI as the provider of all stages."""
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = PROVIDER_KEY, provider.url
    models = {stage: chosen["model"] for stage, chosen in settings.OPENAI.items()}
    settings.OPENAI = {
        stage: {"url": provider.url, "key": PROVIDER_KEY, "model": model} for stage, model in models.items()
    }
    # Many tests count the requests.
    settings.OPENAI["moderation"]["model"] = "off"
    return provider


@pytest.fixture(autouse=True)
def _engines_are_rested() -> Iterator[None]:
    """Let no engine rest because of a failure in an earlier test."""
    yield
    fallback.rested()
