"""Over the WebSocket, both engines of a provider lead back from what its service or the word list finds on either side."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from conversations import store
from core.threads import in_thread
from engines.openai_pipeline.engine import PipelineEngine
from engines.openai_realtime.engine import RealtimeEngine
from simulators.openai import Provider
from talk import consumers
from talk.protocol import Event
from talk.tests.test_consumers import Connection
from tutor import redirection

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

MODERATIONS = "/v1/moderations"
REPLY = "That is nice to hear. The giraffe eats leaves. What comes next?"


class Client(Connection):
    """Type turns, and collect the events."""

    def __init__(self, learner: uuid.UUID, headers: dict[str, str] | None = None) -> None:
        super().__init__(learner, more_headers=headers)
        self.learner = learner
        self.events: list[Event] = []

    async def type(self, text: str) -> list[Event]:
        """Type a turn, and return its events when both sides are saved."""
        content = [{"type": "input_text", "text": text}]
        await self.send("session.update", session={"talk": {"scenario": "travel"}})
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await self.send("response.create")
        events: list[Event] = []
        saved = 0
        while saved < 2 or not of_kind(events, "response.done"):
            events.append(await self.next())
            saved += events[-1]["type"] == "talk.saved"
        return events


def of_kind(events: list[Event], kind: str) -> list[Event]:
    return [each for each in events if each["type"] == kind]


def words(events: list[Event]) -> str:
    return "".join(each["delta"] for each in of_kind(events, "response.output_audio_transcript.delta"))


def has_phrase(events: list[Event], name: str) -> bool:
    return any(phrase in words(events) for phrase in redirection.load()[name])


@pytest.fixture
def provider(openai_configured: Provider, settings: Any) -> Provider:
    settings.OPENAI["moderation"]["model"] = "omni-moderation-latest"
    settings.OPENAI["speech"]["model"] = "gpt-4o-mini-tts"
    openai_configured.configure(replies=[REPLY])
    return openai_configured


@pytest.fixture(params=[PipelineEngine, RealtimeEngine])
async def client(
    provider: Provider, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    monkeypatch.setattr(consumers, "engines", lambda: [request.param()])
    client = Client(uuid.uuid4(), {"Accept-Language": "fr-FR,fr;q=0.9"})
    await client.open()
    yield client
    await client.leave()


async def test_an_ordinary_turn_is_answered_by_the_model(provider: Provider, client: Client):
    assert words(await client.type("I went to Rome.")) == REPLY
    judged = [entry["path"] for entry in provider.log(MODERATIONS)]
    # The learner's words, and the answer as it grows.
    assert 2 <= len(judged) <= 1 + REPLY.count(".") + REPLY.count("?")


async def test_the_learners_words_that_the_service_finds(provider: Provider, client: Client):
    provider.configure(flagged={"zebra": "sexual"}, delays={"first_token_ms": 500, "realtime_first_audio_ms": 500})
    events = await client.type("I like a zebra.")
    assert has_phrase(events, "sexual")
    assert "giraffe" not in words(events)
    assert words(events).endswith("?")


async def test_the_learners_words_that_the_list_finds(provider: Provider, client: Client):
    provider.fail(MODERATIONS, "404", times=None)
    events = await client.type("I hate all Muslims.")
    assert has_phrase(events, "hate")
    assert "giraffe" not in words(events)
    assert of_kind(events, "talk.support") == []


async def test_the_agents_words_that_the_service_finds(provider: Provider, client: Client):
    provider.configure(flagged={"giraffe": "hate"}, delays={"token_ms": 60})
    events = await client.type("I went to Rome.")
    assert has_phrase(events, "own")
    assert "What comes next?" not in words(events)
    stored = await in_thread(store.get, client.learner, "talk")
    assert stored
    assert [row.content for row in stored.messages] == ["I went to Rome.", words(events)]


async def test_the_agents_words_that_the_list_finds(provider: Provider, client: Client):
    provider.fail(MODERATIONS, "404", times=None)
    provider.configure(replies=["That is nice. I hate all Jews. What comes next?"], delays={"token_ms": 40})
    events = await client.type("I went to Rome.")
    assert has_phrase(events, "own")
    assert "What comes next?" not in words(events)


async def test_distress_is_met_with_care_and_the_lines_of_the_country(provider: Provider, client: Client):
    mistake = {"said": "want die", "better": "want to die", "why": "to", "category": "verb form"}
    provider.configure(structured={"corrections": [{"corrections": [mistake]}]})
    events = await client.type("I don't want to live anymore.")
    assert words(events) == " ".join(redirection.caring())
    [support] = of_kind(events, "talk.support")
    assert (support["country"], [each["number"] for each in support["lines"]]) == ("FR", ["3114"])
    assert [each["corrections"] for each in of_kind(events, "talk.correction")] in ([], [[]])
    assert of_kind(events, "talk.goals") == []


async def test_distress_that_only_the_service_finds(provider: Provider, client: Client):
    mistake = {"said": "went", "better": "gone", "why": "gone", "category": "verb form"}
    provider.configure(
        flagged={"tulip": "self-harm/intent"},
        structured={"corrections": [{"corrections": [mistake]}]},
        delays={"moderation_ms": 100, "first_token_ms": 600, "realtime_first_audio_ms": 600},
    )
    events = await client.type("I have went with a tulip.")
    assert words(events) == " ".join(redirection.caring())
    assert len(of_kind(events, "talk.support")) == 1
    if not of_kind(events, "talk.correction"):
        events.append(await asyncio.wait_for(client.wait_for("talk.correction"), 30))
    assert of_kind(events, "talk.correction")[-1]["corrections"] == []


async def test_a_slow_service_delays_no_voice(provider: Provider, client: Client):
    await client.type("I went to Rome.")
    provider.configure(delays={"moderation_ms": 2_500})
    began = time.monotonic()
    content = [{"type": "input_text", "text": "And to Paris."}]
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await client.send("response.create")
    await client.wait_for("response.output_audio.delta")
    assert time.monotonic() - began < 2
    await client.wait_for("response.done")
