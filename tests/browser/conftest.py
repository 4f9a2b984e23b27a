"""Servers whose engine is one on OpenAI's protocol, beside the one of the embedded engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.provider import Provider
from tests.fixtures import PROVIDER_KEY
from tests.servers import AgentServer

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def _provider() -> Iterator[Provider]:
    """One for these servers alone, which keep connections open from one test to the next."""
    with Provider(api_key=PROVIDER_KEY) as provider:
        yield provider


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    _provider.reset()
    return _provider


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


# With the engines on OpenAI's protocol `make test` runs these, `make soak` all.
EVERY_TIME = {
    "test_what_is_said_is_heard_corrected_answered_and_kept[openai_realtime-london]",
    "test_what_is_said_is_heard_corrected_answered_and_kept[openai_pipeline-london]",
    "test_hold_to_talk[openai_realtime-space-learner_london]",
    "test_hold_to_talk[openai_pipeline-mouse-learner_london]",
    "test_a_voice_silences_the_agent_and_what_was_not_heard_is_not_kept[openai_realtime]",
    "test_a_voice_silences_the_agent_and_what_was_not_heard_is_not_kept[openai_pipeline]",
    "test_a_denied_microphone_is_explained_and_typing_works[openai_realtime]",
    "test_a_silent_microphone_is_told[openai_realtime]",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # of all folders, not of this one alone
        is_here = item.path.is_relative_to(HERE)
        if is_here and "[openai_" in item.name and item.name not in EVERY_TIME:
            item.add_marker(pytest.mark.soak)
