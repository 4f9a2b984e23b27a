"""Every fault of the provider in every phase of a turn is survived, or becomes an EngineError with a useful message."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx2
import pytest

from engines.interface import Event, Heard, Thought, Words
from engines.openai import clients, transcription
from engines.openai_pipeline.engine import PipelineEngine
from engines.openai_pipeline.tests.listening import (
    CHAT,
    CLAUSES,
    HEARD,
    HEARING,
    LINES,
    READING,
    REPLY,
    SAID,
    SPEECH,
    answered,
    brief,
    tasks_beside,
    words,
)
from simulators.openai import Provider
from tests.fixtures import PROVIDER_KEY
from tutor.domain import EngineError

FOREVER = {"times": None}
STATUSES = {
    "400": (False, "refused the request"),
    "401": (False, "OPENAI_API_KEY"),
    "403": (False, "the key is refused"),
    "404": (False, "there is no model"),
    "429": (True, "too many requests"),
    "500": (True, "the provider failed (500)"),
    "503": (True, "the provider failed (503)"),
}
PHASES = {HEARING: "transcription", CHAT: "chat", SPEECH: "speech"}
PROVIDERS_WORDS = (
    PROVIDER_KEY,
    "sk-",
    "org-simulated",
    "Sorry about that",
    "Rate limit reached",
    "overloaded",
    "Incorrect",
)


@pytest.fixture(autouse=True)
def scripted(openai_configured: Provider, settings: Any) -> None:
    openai_configured.configure(transcripts=[HEARD], replies=[REPLY])
    settings.ENGINE_PATIENCE = 60_000


@pytest.fixture
def impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Shorten the timeouts for faults in which the provider falls silent."""
    if request.node.callspec.params.get("kind", "silence") == "silence":
        monkeypatch.setattr(clients, "TIMEOUT", httpx2.Timeout(2))
        monkeypatch.setattr(transcription, "WITHIN", 2.0)
        settings.ENGINE_PATIENCE = 2000


async def failed(engine: PipelineEngine) -> tuple[list[Event], EngineError]:
    """Return the events and the error of a turn. Check that no task is left."""
    before, events = tasks_beside(), list[Event]()
    async with engine.talk(brief(), LINES) as session:
        await session.hear(SAID)
        with pytest.raises(EngineError) as failure:
            await take(session.reply(), events)
    assert tasks_beside() == before
    for told in (str(failure.value), failure.value.detail):
        assert not [word for word in PROVIDERS_WORDS if word in told]
    return events, failure.value


async def take(reply: AsyncGenerator[Event, None], events: list[Event]) -> None:
    async with aclosing(reply):
        async for event in reply:
            if event != Thought():
                events.append(event)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("path", PHASES)
async def test_an_http_status_is_reported_to_operators(
    pipeline: PipelineEngine, provider: Provider, path: str, status: str
):
    provider.fail(path, status, **FOREVER)
    events, failure = await failed(pipeline)
    retryable, detail = STATUSES[status]
    assert failure.retryable is retryable
    assert failure.detail.startswith(PHASES[path])
    assert detail in failure.detail
    assert words(events) == []


@pytest.mark.parametrize("status", ["401", "429", "500"])
async def test_a_refused_voice_connection_is_an_error(
    pipeline: PipelineEngine, provider: Provider, by_realtime: None, status: str
):
    provider.fail(READING, status, **FOREVER)
    events, failure = await failed(pipeline)
    assert STATUSES[status][1] in failure.detail
    assert events == [Heard(HEARD)]


@pytest.mark.parametrize("kind", ["cut", "reset", "malformed"])
@pytest.mark.parametrize("path", [HEARING, CHAT])
async def test_an_answer_that_breaks_off_is_an_error(
    pipeline: PipelineEngine, provider: Provider, path: str, kind: str
):
    provider.fail(path, kind, **FOREVER)
    events, failure = await failed(pipeline)
    assert failure.retryable
    assert failure.detail.startswith(PHASES[path])
    assert "in time" not in failure.detail
    assert words(events) == []


@pytest.mark.parametrize("path", [HEARING, CHAT, SPEECH])
async def test_a_silent_provider_is_given_up(pipeline: PipelineEngine, provider: Provider, impatient: None, path: str):
    provider.fail(path, "silence", **FOREVER)
    _, failure = await failed(pipeline)
    assert failure.detail == f"{PHASES[path]}: no answer in time."
    assert failure.retryable


@pytest.mark.parametrize("kind", ["cut", "reset", "malformed", "failed", "silence"])
async def test_an_answer_that_breaks_off_before_its_audio_is_not_begun(
    pipeline: PipelineEngine, provider: Provider, impatient: None, kind: str
):
    provider.configure(delays={"speech_first_byte_ms": 60_000})
    # The first clause is complete then.
    provider.fail(CHAT, kind, after=10, **FOREVER)
    events, _ = await failed(pipeline)
    assert events == [Heard(HEARD)]


@pytest.mark.parametrize("kind", ["cut", "malformed", "failed", "silence"])
async def test_complete_clauses_are_spoken_before_the_error(
    pipeline: PipelineEngine, provider: Provider, impatient: None, kind: str
):
    # So the first clause has been spoken by then.
    provider.configure(delays={"token_ms": 150})
    # This is in the third clause.
    provider.fail(CHAT, kind, after=16, **FOREVER)
    events, _ = await failed(pipeline)
    assert words(events) == CLAUSES[:2]


@pytest.mark.parametrize("kind", ["cut", "reset", "silence"])
async def test_speech_that_breaks_off_is_an_error(
    pipeline: PipelineEngine, provider: Provider, impatient: None, kind: str
):
    provider.fail(SPEECH, kind, after=2, **FOREVER)
    events, failure = await failed(pipeline)
    assert failure.retryable
    assert words(events) == CLAUSES[:1]


@pytest.mark.parametrize("kind", ["cut", "malformed", "silence", "failed"])
async def test_realtime_speech_that_breaks_off_is_an_error(
    pipeline: PipelineEngine, provider: Provider, by_realtime: None, impatient: None, kind: str
):
    # Two clauses would count the fault's events together.
    provider.configure(replies=["One clause alone."])
    provider.fail(READING, kind, event="response.output_audio.delta", after=2, **FOREVER)
    events, failure = await failed(pipeline)
    assert failure.retryable
    assert failure.detail.startswith("speech")
    assert len(words(events)) == 1


async def test_an_empty_account_is_not_retryable(pipeline: PipelineEngine, provider: Provider):
    provider.fail(CHAT, "429", code="insufficient_quota")
    _, failure = await failed(pipeline)
    assert not failure.retryable
    assert "quota" in failure.detail


async def test_an_unreachable_server_is_an_error(pipeline: PipelineEngine, settings: Any):
    settings.OPENAI["chat"]["url"] = "http://127.0.0.1:9/v1"
    _, failure = await failed(pipeline)
    assert failure.detail == "chat: the connection failed or was cut (ClientConnectorError)."


async def test_warming_reports_an_unreachable_server(pipeline: PipelineEngine, settings: Any):
    settings.OPENAI["chat"]["url"] = "http://127.0.0.1:9/v1"
    with pytest.raises(EngineError):
        await pipeline.warm()


async def test_warming_accepts_a_server_without_a_list_of_models(pipeline: PipelineEngine, provider: Provider):
    provider.fail("/v1/models", "404", **FOREVER)
    await pipeline.warm()


@pytest.mark.parametrize("reply", ["", " \n", "\U0001f600"])
async def test_an_answer_without_words_is_an_error(pipeline: PipelineEngine, provider: Provider, reply: str):
    provider.configure(replies=[reply or " "])
    _, failure = await failed(pipeline)
    assert failure.detail.startswith("chat")


class TestGotOver:
    """The engine retries once, if nothing has been spoken yet."""

    @pytest.mark.parametrize("kind", ["500", "503", "429", "cut", "reset", "malformed"])
    @pytest.mark.parametrize("path", PHASES)
    async def test_a_short_failure_is_retried(self, pipeline: PipelineEngine, provider: Provider, path: str, kind: str):
        provider.fail(path, kind)
        assert words(await answered(pipeline)) == CLAUSES

    @pytest.mark.parametrize("kind", ["500", "slow"])
    async def test_a_short_failure_of_a_realtime_voice_is_retried(
        self, pipeline: PipelineEngine, provider: Provider, by_realtime: None, kind: str
    ):
        provider.fail(READING, kind, delay_ms=100)
        assert len(words(await answered(pipeline))) == 3

    @pytest.mark.parametrize("path", PHASES)
    async def test_a_slow_stage_is_waited_for(self, pipeline: PipelineEngine, provider: Provider, path: str):
        provider.fail(path, "slow", delay_ms=300)
        assert words(await answered(pipeline)) == CLAUSES

    async def test_a_connection_that_was_lost_while_idle_is_replaced(
        self, pipeline: PipelineEngine, provider: Provider, by_realtime: None
    ):
        await pipeline.warm()
        provider.fail(READING, "cut", event="response.created", times=2)
        assert len(words(await answered(pipeline))) == 3

    async def test_a_short_retry_after_is_respected(self, pipeline: PipelineEngine, provider: Provider):
        provider.fail(CHAT, "429", retry_after=0.5)
        await answered(pipeline)
        first, second = provider.log(CHAT)
        assert second["at"] - first["at"] >= 0.5

    async def test_a_long_retry_after_is_an_error(self, pipeline: PipelineEngine, provider: Provider):
        provider.fail(CHAT, "429", retry_after=600)
        await failed(pipeline)
        assert len(provider.log(CHAT)) == 1

    async def test_there_is_only_one_retry(self, pipeline: PipelineEngine, provider: Provider):
        provider.fail(CHAT, "500", times=2)
        await failed(pipeline)
        assert len(provider.log(CHAT)) == 2

    async def test_a_permanent_failure_is_not_retried(self, pipeline: PipelineEngine, provider: Provider):
        provider.fail(CHAT, "401")
        await failed(pipeline)
        assert len(provider.log(CHAT)) == 1

    async def test_there_is_no_retry_after_the_first_audio(self, pipeline: PipelineEngine, provider: Provider):
        provider.configure(replies=["One clause alone."])
        provider.fail(SPEECH, "cut", after=1)
        events, _ = await failed(pipeline)
        assert isinstance(events[1], Words)
        assert len(provider.log(SPEECH)) == 1
