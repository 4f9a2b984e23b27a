"""In long talks with the OpenAI engines through the real server, every turn is answered and stored."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from audio.encoding import BYTES_PER_SECOND
from simulators.openai import Provider
from tests.servers import AgentServer
from tests.talking import Talker, bytes_before_voice, new_learner, spoken, talking

KEY = "sk-of-the-long-talks"
SAID = "My brother went to London last week."
REPLY = "London is a lovely city for a week. What did he like best there?"
HALF_AN_HOUR = 30 * 60  # seconds
# Seconds. The provider ends its Realtime sessions four times meanwhile.
ENDS_AFTER = 7 * 60.0
ENGINES = ("openai_realtime", "openai_pipeline")


@pytest.fixture(scope="module")
def own_provider() -> Iterator[Provider]:
    script: dict[str, Any] = {"api_key": KEY, "transcripts": [SAID], "replies": [REPLY]}
    with Provider(**script, session_expires_s=ENDS_AFTER) as provider:
        yield provider


@pytest.fixture(scope="module")
def servers(own_provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, AgentServer]]:
    started = {name: _served(tmp_path_factory.mktemp(name), own_provider, name) for name in ENGINES}
    yield started
    for server in started.values():
        server.stop()


def _served(folder: Path, provider: Provider, engine: str) -> AgentServer:
    server = AgentServer(folder, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=provider.url, TUTOR_ENGINE=engine)
    server.set_up()
    server.start()
    return server


@pytest.mark.parametrize("engine", ENGINES)
async def test_sixty_turns(servers: dict[str, AgentServer], own_provider: Provider, engine: str):
    own_provider.configure(ms_per_character=10)
    url, cookie = servers[engine].url, new_learner(servers[engine].url)
    async with talking(url, "sixty", cookie) as talker:
        await talker.set_up()
        for _ in range(60):
            await talker.turn(_a_breath())
    assert talker.events("talk.notice") == []
    _is_kept(url, cookie, "sixty", turns=60)


@pytest.mark.soak
async def test_half_an_hour_of_talk(servers: dict[str, AgentServer], own_provider: Provider):
    """Both engines run at the same time. The learners listen to an answer before they speak again."""
    own_provider.configure(ms_per_character=60)
    await asyncio.gather(*(_talk_for_half_an_hour(server.url) for server in servers.values()))


async def _talk_for_half_an_hour(url: str) -> None:
    cookie, turns, until = new_learner(url), 0, time.monotonic() + HALF_AN_HOUR
    async with talking(url, "half-an-hour", cookie) as talker:
        await talker.set_up()
        while time.monotonic() < until:
            turns += 1
            await asyncio.sleep(await _seconds_of_an_answer(talker))
    assert turns > 100
    assert talker.events("talk.notice") == []
    _is_kept(url, cookie, "half-an-hour", turns)


async def _seconds_of_an_answer(talker: Talker) -> float:
    before = len(talker.heard)
    await talker.turn(spoken("learner_london"), at_speaking_speed=True)
    return len(talker.voice(after=before)) / BYTES_PER_SECOND


def _a_breath() -> bytes:
    """Return half a second of speech, which is enough for an answer."""
    pcm = spoken("learner_london")
    return pcm[bytes_before_voice(pcm) :][: BYTES_PER_SECOND // 2]


def _is_kept(url: str, cookie: str, conversation: str, turns: int) -> None:
    """Check that both sides of every turn are stored in order, with their words and recordings."""
    with httpx.Client(base_url=url, headers={"Cookie": cookie}, timeout=60) as client:
        messages = client.get(f"/api/conversations/{conversation}").json()["conversation"]["messages"]
        said = [(each["role"], each["content"]) for each in messages]
        assert said == [("user", SAID), ("assistant", REPLY)] * turns
        assert {client.get(each["audioUrl"]).status_code for each in messages} == {200}
