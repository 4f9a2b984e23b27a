"""A turn runs through three overlapping stages on the simulated provider."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from engines.interface import Heard, Speech, Spoken, Thought, Words
from engines.openai_pipeline.clauses import LONGEST
from engines.openai_pipeline.engine import PipelineEngine
from engines.openai_pipeline.speech_answer import MOST_CHARACTERS, MOST_SENTENCES
from engines.openai_pipeline.tests.conftest import READ_ALOUD, SPEECH_ENDPOINT
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
    answered_in,
    brief,
    tasks_beside,
    up_to,
    voice,
    words,
)
from simulators.openai import Provider, sound
from tutor.domain import Line
from tutor.transcripts import Doubt
from usage import metering


@pytest.fixture(autouse=True)
def scripted(openai_configured: Provider) -> None:
    openai_configured.configure(transcripts=[HEARD], replies=[REPLY])


async def test_a_turn_is_heard_and_answered_clause_by_clause(pipeline: PipelineEngine):
    events = await answered(pipeline)
    assert events[0] == Heard(HEARD)
    assert words(events) == CLAUSES
    assert voice(events) == b"".join(sound.tone(clause, 60) for clause in CLAUSES)
    assert events[-1] == Spoken()


async def test_doubtful_words_are_marked_for_the_model(pipeline: PipelineEngine, provider: Provider, settings: Any):
    settings.OPENAI["transcription"]["model"] = "gpt-4o-mini-transcribe"
    provider.configure(unlikelihood=2.0)
    events = await answered(pipeline)
    assert isinstance(events[0], Heard)
    assert (events[0].text, events[0].doubt) == (HEARD, Doubt.MISHEARD)
    asked = provider.log(CHAT)[0]["body"]["messages"][-1]
    assert asked["role"] == "user"
    assert "London" not in asked["content"]
    assert "easier words" in asked["content"]


async def test_confident_words_are_not_marked(pipeline: PipelineEngine, provider: Provider, settings: Any):
    settings.OPENAI["transcription"]["model"] = "gpt-4o-mini-transcribe"
    events = await answered(pipeline)
    assert isinstance(events[0], Heard)
    assert (events[0].doubt, events[0].confidence) == (None, pytest.approx(-0.05))


async def test_words_come_right_before_their_audio(pipeline: PipelineEngine):
    kinds = [type(event) for event in await answered(pipeline)]
    assert all(kinds[at + 1] is Speech for at, kind in enumerate(kinds) if kind is Words)


async def test_a_realtime_model_reads_the_clauses_aloud(
    pipeline: PipelineEngine, provider: Provider, by_realtime: None
):
    provider.configure(replies=["Ah, you went to London.", "read aloud"])
    events = await answered(pipeline)
    assert voice(events) == sound.tone("read aloud", 60)
    asked = [entry["event"]["response"] for entry in provider.log(READING) if entry.get("event", {}).get("response")]
    assert [(each["conversation"], each["input"][0]["content"][0]["text"]) for each in asked] == [("none", CLAUSES[0])]


async def test_the_provider_gets_the_brief_the_dialogue_and_the_turn(pipeline: PipelineEngine, provider: Provider):
    lines = [Line("assistant", "Hello?"), Line("user", "Hi."), Line("assistant", "Where did you go?")]
    await answered(pipeline, lines=lines)
    asked = provider.log(CHAT)[0]["body"]["messages"]
    assert asked[0]["role"] == "system"
    assert "B1" in asked[0]["content"]
    assert [each["content"] for each in asked[2:]] == ["Hello?", "Hi.", "Where did you go?", HEARD]


async def test_a_reply_answers_the_audio_heard_before_it(pipeline: PipelineEngine, provider: Provider):
    async with pipeline.talk(brief(), LINES) as session:
        await session.hear(SAID)
        reply = session.reply()
        await session.hear(SAID)
        await up_to(Heard, reply)
        await answered_in(session, b"")
    assert [entry["file"]["seconds"] for entry in provider.log(HEARING)] == [1.2, 2.4]


async def test_the_next_turn_begins_without_audio(pipeline: PipelineEngine, provider: Provider):
    async with pipeline.talk(brief(), LINES) as session:
        await answered_in(session)
        await answered_in(session)
    assert [entry["file"]["seconds"] for entry in provider.log(HEARING)] == [1.2, 1.2]


async def test_typed_text_is_not_transcribed(pipeline: PipelineEngine, provider: Provider):
    events = await answered(pipeline, b"", "  I likes tea. ")
    assert events[0] == Heard("I likes tea.")
    assert not provider.log(HEARING)


async def test_silence_is_not_answered(pipeline: PipelineEngine, provider: Provider):
    provider.configure(transcripts=["  "])
    assert await answered(pipeline) == [Heard("")]
    assert not provider.log(CHAT)


async def test_the_agent_opens_the_talk(pipeline: PipelineEngine, provider: Provider):
    events = await answered(pipeline, b"", lines=())
    assert isinstance(events[0], Words)
    assert [each["role"] for each in provider.log(CHAT)[0]["body"]["messages"]] == ["system", "user"]


async def test_an_unanswered_line_is_answered(pipeline: PipelineEngine, provider: Provider):
    await answered(pipeline, b"", lines=[*LINES, Line("user", "To Rome.")])
    assert provider.log(CHAT)[0]["body"]["messages"][-1] == {"role": "user", "content": "To Rome."}


async def test_speech_is_requested_before_the_answer_is_complete(pipeline: PipelineEngine, provider: Provider):
    # The first clause is complete then.
    provider.fail(CHAT, "silence", after=10)
    async with under_way(pipeline):
        await _until(lambda: provider.log(SPEECH))
    assert [entry["body"]["input"] for entry in provider.log(SPEECH)] == CLAUSES[:1]


async def test_the_next_clause_is_requested_while_the_first_arrives(pipeline: PipelineEngine, provider: Provider):
    provider.configure(delays={"speech_first_byte_ms": 60_000})
    async with under_way(pipeline):
        await _until(lambda: len(provider.log(SPEECH)) == 2)
        await asyncio.sleep(0.3)
    # The clause after them has not been requested.
    assert len(provider.log(SPEECH)) == 2


@asynccontextmanager
async def under_way(pipeline: PipelineEngine) -> AsyncIterator[None]:
    """Begin an answer. Leave it when the block ends."""
    answering = asyncio.create_task(answered(pipeline))
    try:
        yield
    finally:
        answering.cancel()
        await asyncio.wait([answering])


async def test_clauses_are_played_in_order_although_the_first_is_slowest(pipeline: PipelineEngine, provider: Provider):
    provider.fail(SPEECH, "slow", delay_ms=300)
    assert words(await answered(pipeline)) == CLAUSES


async def test_unspeakable_text_is_not_spoken(pipeline: PipelineEngine, provider: Provider):
    provider.configure(replies=["*smiles* **Great** \U0001f600! [pauses] Try this:\n- Go home.\n\U0001f389"])
    events = await answered(pipeline)
    assert words(events) == ["Great!", "Try this:", "Go home."]
    assert {entry["body"]["input"] for entry in provider.log(SPEECH)} == set(words(events))


async def test_a_long_answer_is_bounded(pipeline: PipelineEngine, provider: Provider):
    provider.configure(replies=["This is one more sentence. " * 30])
    assert len(words(await answered(pipeline))) == MOST_SENTENCES


async def test_an_answer_without_sentences_is_bounded_too(pipeline: PipelineEngine, provider: Provider):
    provider.configure(replies=["word and " * 400])
    said = words(await answered(pipeline))
    assert MOST_CHARACTERS <= sum(len(clause) for clause in said) + len(said) <= MOST_CHARACTERS + LONGEST


async def test_speed_and_voice_reach_the_provider(pipeline: PipelineEngine, provider: Provider, settings: Any):
    settings.OPENAI_VOICE = "cedar"
    async with pipeline.talk(brief(), LINES) as session:
        session.speed = 0.8
        await answered_in(session)
    assert {(entry["body"]["speed"], entry["body"]["voice"]) for entry in provider.log(SPEECH)} == {(0.8, "cedar")}


async def test_the_usage_of_a_turn_is_recorded(pipeline: PipelineEngine):
    with metering.collected() as used:
        await answered(pipeline)
    assert [each.stage for each in used] == ["transcription", "chat", "speech", "speech", "speech"]
    assert used[0].audio_in == 12
    assert used[1].text_out == 20
    # Clauses are read aloud concurrently, so the order of their ends varies.
    assert sorted(each.characters for each in used[2:]) == sorted(len(clause) for clause in CLAUSES)


class TestClosed:
    """A closed reply leaves no request and no task behind, in whatever phase it was."""

    @pytest.fixture
    def slow(self, provider: Provider) -> None:
        provider.configure(
            delays={
                "transcription_ms": 300,
                "token_ms": 30,
                "speech_first_byte_ms": 200,
                "speech_per_second_ms": 60_000,
            }
        )

    @pytest.mark.parametrize("kind", [Heard, Words, Speech])
    async def test_no_task_is_left(self, pipeline: PipelineEngine, slow: None, kind: type):
        before = tasks_beside()
        async with pipeline.talk(brief(), LINES) as session:
            await session.hear(SAID)
            await up_to(kind, session.reply())
        assert tasks_beside() == before

    async def test_no_request_is_left(self, pipeline: PipelineEngine, provider: Provider, slow: None):
        async with pipeline.talk(brief(), LINES) as session:
            await session.hear(SAID)
            await up_to(Speech, session.reply())
        await _until(lambda: not provider.seen()["under_way"])
        assert provider.seen()["abandoned"][SPEECH] >= 1

    async def test_an_interrupted_speech_request_is_closed(
        self, pipeline: PipelineEngine, provider: Provider, slow: None, by_realtime: None
    ):
        provider.configure(delays={"realtime_per_second_ms": 60_000})
        async with pipeline.talk(brief(), LINES) as session:
            await session.hear(SAID)
            await up_to(Speech, session.reply())
        events = [entry for entry in provider.log(READING) if "event" in entry]
        reading = {each["session"] for each in events if each["event"]["type"] == "response.create"}
        waiting = provider.seen()["requests"][READING] - len(reading)
        assert reading
        await _until(lambda: provider.seen()["under_way"].get(READING, 0) == waiting)

    @pytest.mark.parametrize("voice", [SPEECH_ENDPOINT, READ_ALOUD])
    async def test_nothing_is_left_after_closing_at_any_time(
        self, pipeline: PipelineEngine, provider: Provider, slow: None, settings: Any, voice: str
    ):
        settings.OPENAI["speech"]["model"] = voice
        provider.configure(
            delays={"transcription_ms": 60, "token_ms": 5, "speech_first_byte_ms": 50, "speech_per_second_ms": 1000}
        )
        before = tasks_beside()
        replies = [asyncio.create_task(answered(pipeline)) for _ in range(30)]
        for number, reply in enumerate(replies):
            asyncio.get_running_loop().call_later(number * 0.02, reply.cancel)
        await asyncio.wait(replies)
        assert tasks_beside() == before
        # Only connections that wait for the next text remain.
        await _until(lambda: provider.seen()["under_way"].keys() <= {READING})
        assert len(words(await answered(pipeline))) == len(CLAUSES)

    async def test_an_unstarted_reply_sends_nothing(self, pipeline: PipelineEngine, provider: Provider):
        async with pipeline.talk(brief(), LINES) as session:
            await session.hear(SAID)
            async with aclosing(session.reply()):
                pass
        assert not provider.log(HEARING)


class TestConnections:
    async def test_warm_opens_the_connections_for_all_turns(self, pipeline: PipelineEngine, provider: Provider):
        await pipeline.warm()
        opened = provider.seen()["connections_opened"]
        for _ in range(3):
            await answered(pipeline)
        assert provider.seen()["connections_opened"] == opened

    async def test_a_connection_reads_one_text_after_the_other(
        self, pipeline: PipelineEngine, provider: Provider, by_realtime: None
    ):
        await pipeline.warm()
        for _ in range(3):
            await answered(pipeline)
        assert provider.seen()["requests"][READING] == 2

    async def test_warming_again_sends_nothing(self, pipeline: PipelineEngine, provider: Provider, by_realtime: None):
        await pipeline.warm()
        before = provider.seen()["requests"]
        await pipeline.warm()
        assert provider.seen()["requests"] == before


async def _until(holds: Any) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


async def test_thought_comes_before_the_first_audio(pipeline: PipelineEngine):
    async with pipeline.talk(brief(), LINES) as session:
        await session.hear(SAID)
        kinds = [type(event) async for event in session.reply()]
    assert kinds[:4] == [Heard, Thought, Words, Speech]
    assert kinds.count(Thought) == 1
