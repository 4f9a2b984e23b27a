"""Fixtures that cross apps: the real server."""

from collections.abc import Iterator

import pytest

from tests.servers import AgentServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    """A server for everybody; who kills it takes one of their own (`own_server`)."""
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
