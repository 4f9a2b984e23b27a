"""Servers whose engine is one on OpenAI's protocol, beside the one of the embedded engine."""

from collections.abc import Callable, Iterator

import pytest

from bench.provider import Provider
from tests.fixtures import PROVIDER_KEY
from tests.servers import AgentServer


@pytest.fixture(scope="session")
def served_by(_provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], AgentServer]]:
    """The server whose engine this is; each is started when it is first asked for."""
    servers: dict[str, AgentServer] = {}

    def served(engine: str) -> AgentServer:
        if engine not in servers:
            env = {"OPENAI_API_KEY": PROVIDER_KEY, "OPENAI_BASE_URL": _provider.url, "TUTOR_ENGINE": engine}
            servers[engine] = AgentServer(tmp_path_factory.mktemp(engine), env)
            servers[engine].set_up()
            servers[engine].start()
        return servers[engine]

    yield served
    for server in servers.values():
        server.stop()
