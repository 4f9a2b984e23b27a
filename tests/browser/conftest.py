"""Provide servers with the OpenAI engines, in addition to the one with the embedded engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from simulators.openai import Provider
from tests.browser.chromium import Browsers, chromium
from tests.browser.microphone import add_microphone
from tests.fixtures import PROVIDER_KEY, served
from tests.servers import AgentServer

HERE = Path(__file__).parent


@pytest.fixture(scope="module", autouse=True)
def _browsers() -> Iterator[None]:
    with Browsers.of_module():
        yield


@pytest.fixture
def page() -> Iterator[Page]:
    """Open a page whose microphone speaks when the test says so."""
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
        add_microphone(page)
        yield page


@pytest.fixture(scope="session")
def _provider() -> Iterator[Provider]:
    """Run a provider only for these servers, which keep connections open between tests."""
    with Provider(api_key=PROVIDER_KEY) as provider:
        yield provider


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    """Return the provider, reset to its initial state. The servers' connections to it stay open."""
    _provider.reset()
    return _provider


@pytest.fixture(scope="session")
def served_by(_provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], AgentServer]]:
    """Return the server with this engine. Each server starts when it is first requested."""
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


@pytest.fixture(scope="module")
def _server_to_break(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    server = AgentServer(tmp_path_factory.mktemp("server-to-break"))
    server.set_up()
    with served(server):
        yield server


@pytest.fixture
def own_server(_server_to_break: AgentServer) -> AgentServer:
    """Start the module's server again, because a new one takes long. Each test has its own learner."""
    _server_to_break.start()
    return _server_to_break


# With the OpenAI engines, `make test` runs only these, and `make soak` runs all.
EVERY_TIME = {
    "test_a_turn_is_transcribed_corrected_answered_and_saved[openai_realtime-london]",
    "test_a_turn_is_transcribed_corrected_answered_and_saved[openai_pipeline-london]",
    "test_hold_to_talk[openai_realtime-space-learner_london]",
    "test_hold_to_talk[openai_pipeline-mouse-learner_london]",
    "test_a_voice_interrupts_the_agent_and_the_unheard_part_is_not_saved[openai_realtime]",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The items are those of all folders, not only of this one.
    for item in items:
        is_here = item.path.is_relative_to(HERE)
        if is_here and "[openai_" in item.name and item.name not in EVERY_TIME:
            item.add_marker(pytest.mark.soak)
