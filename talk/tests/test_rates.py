"""The calls of a visitor in a minute and the cost of providers in a day are limited."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from simulators.openai import Provider
from tests.clients import LearnerClient
from tests.fixtures import PROVIDER_KEY
from tests.servers import AgentServer
from tests.talking import SPEECH, new_learner, spoken, talking

CHAT = {"messages": [{"role": "user", "content": "I come from Hanoi."}]}
TRANSLATION = {"text": "I come from Hanoi.", "targetLanguage": "vi"}
ENOUGH = "That is enough for today"


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Any]:
    """Start servers that use the simulated provider."""
    servers = []

    def start(**env: str) -> AgentServer:
        paid = {"OPENAI_API_KEY": PROVIDER_KEY, "OPENAI_BASE_URL": provider.url, "TUTOR_ENGINE": "openai_pipeline"}
        server = AgentServer(tmp_path_factory.mktemp("paid"), paid, env)
        server.set_up()
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.kill()


def call(
    server: AgentServer, path: str, body: Any, cookie: str = "", **headers: str
) -> tuple[int, dict[str, Any], Any]:
    sent = {"Content-Type": "application/json", **({"Cookie": cookie} if cookie else {}), **headers}
    request = urllib.request.Request(f"{server.url}/api/{path}", json.dumps(body).encode(), sent)
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        read = answer.read()
        found = json.loads(read) if "json" in answer.headers["Content-Type"] else {}
        return answer.status, found, answer.headers


def test_many_calls_without_a_cookie_are_stopped(served: Any) -> None:
    server = served(CALLS_PER_MINUTE="60")
    statuses = []
    for number in range(120):
        path, body = [("chat", CHAT), ("translate", TRANSLATION)][number % 2]
        status, answer, headers = call(server, path, body, **{"X-Forwarded-For": f"10.0.0.{number}"})
        statuses.append(status)
    assert 429 not in statuses[:30]
    # The calls of three minutes are allowed, because a loaded machine may take that long.
    assert len(statuses) - statuses.count(429) <= 90
    assert statuses[-1] == 429
    assert 0 < int(headers["Retry-After"]) <= 60
    assert "calls in a minute" in answer["error"]


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
class TestWhoIsCounted:
    PATHS = ("chat", "translate", "text-to-speech", "speech-to-text", "analyze-conversation")

    @pytest.fixture(autouse=True)
    def _few(self, settings: Any) -> None:
        settings.CALLS_PER_MINUTE = 4

    @staticmethod
    def asks(client: Client, path: str = "chat") -> int:
        """Make the call with an empty body. It is counted all the same."""
        return int(client.post(f"/api/{path}", "[]", content_type="application/json").status_code)

    @pytest.mark.parametrize(
        "path", [*PATHS, "conversations/c/turns", "conversations/c/analysis", "conversations/c/messages/m/translation"]
    )
    def test_every_call_that_costs_money(self, path: str) -> None:
        learner = LearnerClient()
        statuses = [self.asks(learner, path) for _ in range(9)]
        assert 429 not in statuses[:4]
        assert statuses[-1] == 429

    def test_they_are_counted_together(self) -> None:
        learner = LearnerClient()
        assert [self.asks(learner, path) for path in self.PATHS][-1] == 429

    def test_a_class_behind_one_address_is_not_stopped(self) -> None:
        assert [self.asks(LearnerClient()) for _ in range(30)] == [400] * 30

    def test_an_address_that_makes_up_learners_is(self) -> None:
        assert 429 in [self.asks(LearnerClient()) for _ in range(50)]

    def test_a_call_that_the_address_is_refused_is_not_counted_for_the_learner(self) -> None:
        while self.asks(LearnerClient()) != 429:
            pass
        learner = LearnerClient()
        assert {self.asks(learner) for _ in range(4)} == {429}
        elsewhere = learner.post("/api/chat", "[]", content_type="application/json", REMOTE_ADDR="10.0.0.9")
        assert elsewhere.status_code == 400

    def test_a_learner_is_not_stopped_for_another(self) -> None:
        first, second = LearnerClient(), LearnerClient()
        assert 429 in [self.asks(first) for _ in range(9)]
        assert self.asks(second) == 400

    def test_behind_a_proxy_addresses_are_distinguished(self, settings: Any) -> None:
        settings.TRUST_PROXY = True
        near, far = ({"X-Forwarded-For": f"6.6.6.6, {address}"} for address in ("198.51.100.1", "198.51.100.2"))
        statuses = [Client(headers=near).post("/api/chat", "[]", content_type="application/json") for _ in range(6)]
        assert statuses[-1].status_code == 429
        assert Client(headers=far).post("/api/chat", "[]", content_type="application/json").status_code == 400

    @pytest.mark.parametrize("path", PATHS)
    def test_the_operator_can_switch_the_speaking_calls_off(self, path: str, settings: Any) -> None:
        settings.SPEAKING_CALLS = False
        response = LearnerClient().send(f"/api/{path}", {})
        assert (response.status_code, response.json()["error"]) == (
            403,
            "The speaking calls are switched off on this server.",
        )

    @pytest.mark.parametrize("path", ["speech-to-text", "conversations/c/turns"])
    def test_a_recording_is_refused_when_the_minutes_of_the_day_are_used_up(self, path: str, settings: Any) -> None:
        settings.SPEECH_MINUTES_PER_DAY = 0
        file = SimpleUploadedFile("turn.wav", (SPEECH / "learner_london.wav").read_bytes(), "audio/wav")
        response = LearnerClient().post(f"/api/{path}", {"audio": file})
        assert response.status_code == 429
        assert 0 < int(response["Retry-After"]) <= 24 * 3600 + 1
        assert response.json()["error"].startswith("You have spoken for 0 minutes today. That is all for one day")

    def test_calls_that_the_pages_need_stay_on(self, settings: Any) -> None:
        settings.SPEAKING_CALLS = False
        assert LearnerClient().send("/api/conversations/none/analysis", {}).status_code == 404


def asked(provider: Provider) -> int:
    """Count the requests, and the events of talks except audio."""
    seen = provider.seen()
    return sum(seen["requests"].values()) + seen["events_in"].get("response.create", 0)


def test_above_the_daily_limit_no_provider_is_called(served: Any, provider: Provider) -> None:
    """The limit also holds after a restart."""
    server = served(DAILY_SPENDING_LIMIT="0.007", CALLS_PER_MINUTE="1000")
    learner = new_learner(server.url)
    spoken_by: list[str] = []
    while "local" not in spoken_by and len(spoken_by) < 200:
        status, answer, _ = call(server, "chat", CHAT, learner)
        assert status == 200
        spoken_by.append(answer["engine"])
    assert spoken_by[0] == "openai_pipeline"
    assert answer["notice"].startswith(ENOUGH)
    before = asked(provider)
    status, answer, headers = call(server, "translate", TRANSLATION, learner)
    assert (status, answer["error"][: len(ENOUGH)]) == (503, ENOUGH)
    assert 0 < int(headers["Retry-After"]) <= 24 * 3600 + 1
    status, _, headers = call(server, "text-to-speech", {"text": "Hello."}, learner)
    assert (status, headers["X-Engine"], headers["X-Notice"][: len(ENOUGH)]) == (200, "local", ENOUGH)
    server.stop()
    server.start()
    assert call(server, "chat", CHAT, learner)[1]["engine"] == "local"
    assert asked(provider) == before


@pytest.mark.parametrize("engine", ["openai_realtime", "openai_pipeline"])
async def test_a_talk_goes_on_with_the_embedded_engine(served: Any, provider: Provider, engine: str) -> None:
    server = served(DAILY_SPENDING_LIMIT="0.045", TUTOR_ENGINE=engine)
    async with talking(server.url, "talk", new_learner(server.url)) as talker:
        await talker.set_up()
        await talker.turn(spoken("learner_london"))
        assert not talker.events("talk.notice")
        for _ in range(12):
            if not talker.events("talk.notice"):
                await talker.turn(spoken("learner_canada"))
        assert talker.events("response.done")[-1]["response"]["status"] == "completed"
        notice = talker.events("talk.notice")[0]
        assert (notice["message"][: len(ENOUGH)], notice["engine"]) == (ENOUGH, "local")
        before = asked(provider)
        await talker.turn(spoken("learner_park"))
        assert asked(provider) == before
    async with talking(server.url, "another", new_learner(server.url)) as talker:
        await talker.set_up()
        assert talker.events("talk.notice")[0]["message"].startswith(ENOUGH)
        await talker.send("conversation.item.create", item=typed("I come from Hanoi."))
        await talker.send("response.create")
        await talker.wait_for("talk.saved", count=2)
    assert asked(provider) == before


async def test_a_typed_turn_is_answered_by_the_embedded_engine_too(served: Any, provider: Provider) -> None:
    server = served(DAILY_SPENDING_LIMIT="0.02")
    async with talking(server.url, "talk", new_learner(server.url)) as talker:
        await talker.set_up()
        for number in range(3):
            before = asked(provider)
            await talker.send("conversation.item.create", item=typed("I come from Hanoi."))
            await talker.send("response.create")
            await talker.wait_for("talk.saved", count=2 * number + 2)
        assert talker.events("talk.notice")[0]["message"].startswith(ENOUGH)
    assert asked(provider) == before


def typed(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
