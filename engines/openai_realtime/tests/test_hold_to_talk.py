"""The engine replies to turns that the learner ends, on the simulated provider."""

import asyncio

from django.conf import settings as django_settings

from engines.interface import Engine, Heard, Spoken, Words
from engines.openai_realtime.engine import RealtimeEngine
from engines.openai_realtime.tests.talk import TALK, VOICE, brief, talking, until, voice, words
from simulators.openai import Provider, sound
from tutor.domain import Line
from tutor.instructions import instructions

HEARD = "I spoke for 1.2 seconds."
SAID = f"I see, you said: {HEARD} What happened next?"


def events_of(provider: Provider, kind: str) -> list[dict]:
    """Return the events of this type that the provider received."""
    return [entry["event"] for entry in provider.log(TALK) if entry.get("event", {}).get("type") == kind]


def test_the_capabilities_are_declared():
    engine: Engine = RealtimeEngine()
    can = engine.capabilities
    assert (can.detects_turns, can.supports_preemptive, can.corrects_aloud) == (True, False, False)


async def test_a_turn_is_heard_and_answered_aloud(openai_configured: Provider):
    async with talking() as caller:
        events = await caller.turn()
    assert [event for event in events if isinstance(event, Heard)] == [Heard(HEARD)]
    assert words(events) == SAID
    assert voice(events) == sound.tone(SAID, 60)
    assert events.count(Spoken()) == 1


async def test_words_are_joined_without_spaces(openai_configured: Provider):
    async with talking() as caller:
        events = await caller.turn()
    assert all(event.joined for event in events if isinstance(event, Words))


async def test_the_transcript_may_come_after_the_answer(openai_configured: Provider):
    openai_configured.configure(delays={"transcription_ms": 3000})
    async with talking() as caller:
        events = await caller.turn()
    assert events[-2:] == [Spoken(), Heard(HEARD)]


async def test_a_typed_turn_is_heard_at_once(openai_configured: Provider):
    async with talking() as caller:
        events = await caller.answer("I like tea.")
    assert events[0] == Heard("I like tea.")
    assert words(events) == "I see, you said: I like tea. What happened next?"


async def test_empty_typed_text_is_not_answered(openai_configured: Provider):
    async with talking() as caller:
        assert await caller.answer("  ") == [Heard("")]


async def test_the_agent_opens_the_talk(openai_configured: Provider):
    async with talking() as caller:
        events = await caller.answer()
    assert words(events) == "Hello! What would you like to talk about today?"
    (create,) = events_of(openai_configured, "response.create")
    assert create["response"]["instructions"].startswith(instructions(brief()))


async def test_a_new_session_gets_the_dialogue(openai_configured: Provider):
    async with talking(Line("assistant", "Where do you live?"), Line("user", "I live in Hue.")) as caller:
        events = await caller.answer()
    assert words(events) == "I see, you said: I live in Hue. What happened next?"
    items = [event["item"] for event in events_of(openai_configured, "conversation.item.create")]
    assert [(item["role"], item["content"][0]["type"]) for item in items] == [
        ("assistant", "output_text"),
        ("user", "input_text"),
    ]


async def test_a_new_session_gets_the_end_of_a_long_dialogue(openai_configured: Provider):
    lines = [Line(("user", "assistant")[number % 2], f"{number} {'word ' * 100}") for number in range(100)]
    async with talking(*lines) as caller:
        await caller.answer("Hello.")
    items = [event["item"] for event in events_of(openai_configured, "conversation.item.create")]
    assert len(items) < 30
    assert items[-2]["content"][0]["text"] == lines[-1].text


async def test_an_interrupted_talk_is_continued(openai_configured: Provider):
    async with talking(Line("assistant", "Where do you live?")) as caller:
        await caller.answer()
    (create,) = events_of(openai_configured, "response.create")
    assert "go on where you left off" in create["response"]["instructions"]


async def test_the_session_has_its_configuration(openai_configured: Provider):
    async with talking() as caller:
        await caller.turn()
    session = events_of(openai_configured, "session.update")[0]["session"]
    assert session["instructions"] == instructions(brief())
    assert session["audio"]["input"]["turn_detection"] is None
    assert session["audio"]["input"]["transcription"] == {
        "model": django_settings.OPENAI["transcription"]["model"],
        "language": "en",
    }
    assert session["audio"]["output"]["voice"] == django_settings.OPENAI_VOICE
    assert session["truncation"]["type"] == "retention_ratio"


async def test_audio_waits_for_the_connection_without_blocking(openai_configured: Provider):
    openai_configured.configure(delays={"connect_ms": 3000})
    async with talking() as caller:
        await caller.hear(VOICE)
        assert not openai_configured.seen()["events_in"]
        assert Heard(HEARD) in await caller.answer()


async def test_the_speed_may_change_between_answers(openai_configured: Provider):
    openai_configured.configure(replies=["Yes."])
    async with talking() as caller:
        await caller.turn()
        caller.session.speed = 0.8
        slower = await caller.turn()
    assert voice(slower) == sound.tone("Yes.", 60 / 0.8)


async def test_a_very_short_turn_is_not_answered(openai_configured: Provider):
    async with talking() as caller:
        assert await caller.turn(VOICE[:2400]) == [Heard("")]
        assert Heard(HEARD) in await caller.turn()


async def test_a_turn_without_words_is_not_answered(openai_configured: Provider):
    openai_configured.configure(transcripts=[" "], delays={"realtime_first_audio_ms": 10_000})
    async with talking() as caller:
        assert await caller.turn() == [Heard("")]
        await until(lambda: events_of(openai_configured, "response.cancel"))


async def test_a_dropped_turn_is_not_part_of_the_next(openai_configured: Provider):
    async with talking() as caller:
        await caller.hear(VOICE)
        await caller.session.end_turn()
        assert Heard(HEARD) in await caller.turn()


async def test_what_is_heard_after_the_call_belongs_to_the_next_turn(openai_configured: Provider):
    async with talking() as caller:
        await caller.hear(VOICE)
        replying = caller.session.reply()
        await caller.session.end_turn()
        await caller.hear(VOICE + VOICE)
        assert Heard(HEARD) in [event async for event in replying]
        assert Heard("I spoke for 2.4 seconds.") in await caller.answer()


async def test_a_reply_that_is_closed_early_is_cancelled(openai_configured: Provider):
    openai_configured.configure(delays={"realtime_per_second_ms": 10_000})
    async with talking() as caller:
        await caller.hear(VOICE)
        replying, _ = await caller.begun()
        await replying.aclose()
        await until(lambda: openai_configured.seen()["events_in"].get("response.cancel"))


async def test_a_cancelled_answer_does_not_leak_into_the_next(openai_configured: Provider):
    openai_configured.configure(delays={"realtime_per_second_ms": 1000}, replies=["One, two, three.", "Four."])
    async with talking() as caller:
        await caller.hear(VOICE)
        replying, _ = await caller.begun()
        await replying.aclose()
        events = await caller.turn()
    assert words(events) == "Four."
    assert voice(events) == sound.tone("Four.", 60)


async def test_an_unread_reply_does_not_block_the_next(openai_configured: Provider):
    openai_configured.configure(delays={"realtime_first_audio_ms": 200}, replies=["One.", "Two.", "Three."])
    async with talking() as caller:
        await caller.turn()
        await caller.hear(VOICE)
        caller.session.reply()
        await caller.session.end_turn()
        assert words(await caller.turn()) == "Three."


async def test_an_interrupted_answer_is_truncated_to_the_played_part(openai_configured: Provider):
    openai_configured.configure(delays={"realtime_per_second_ms": 10_000})
    async with talking() as caller:
        await caller.hear(VOICE)
        replying, _ = await caller.begun()
        await replying.aclose()
        await caller.session.interrupt(60)
        await until(lambda: events_of(openai_configured, "conversation.item.truncate"))
    (truncate,) = events_of(openai_configured, "conversation.item.truncate")
    assert truncate["audio_end_ms"] == 60


async def test_a_completely_played_answer_is_not_truncated(openai_configured: Provider):
    async with talking() as caller:
        events = await caller.turn()
        await caller.session.interrupt(sound.milliseconds(voice(events)).__ceil__() + 1000)
        await caller.turn()
    assert not events_of(openai_configured, "conversation.item.truncate")
    assert not openai_configured.seen()["events_out"].get("error")


async def test_sixty_turns_in_one_talk(openai_configured: Provider):
    openai_configured.configure(replies=["Yes."])
    async with talking() as caller:
        for _ in range(60):
            events = await caller.turn(VOICE[:9600])
            assert Heard("I spoke for 0.2 seconds.") in events
            assert words(events) == "Yes."
    assert openai_configured.seen()["requests"] == {TALK: 1}


def under_way(provider: Provider) -> int:
    return sum(provider.seen()["under_way"].values())


async def test_nothing_is_left_when_the_talk_is_over(openai_configured: Provider):
    before, of_others = asyncio.all_tasks(), under_way(openai_configured)
    async with talking() as caller:
        await caller.turn()
    assert asyncio.all_tasks() == before
    await until(lambda: under_way(openai_configured) <= of_others)


async def test_nothing_is_left_of_a_talk_that_ends_during_an_answer(openai_configured: Provider):
    openai_configured.configure(delays={"realtime_per_second_ms": 1000})
    before, of_others = asyncio.all_tasks(), under_way(openai_configured)
    async with talking() as caller:
        await caller.hear(VOICE)
        replying, _ = await caller.begun()
        await replying.aclose()
    assert asyncio.all_tasks() == before
    await until(lambda: under_way(openai_configured) <= of_others)


async def test_usage_is_recorded(openai_configured: Provider):
    async with talking() as caller:
        await caller.turn()
    by_stage = {used.stage: used for used in caller.used}
    assert by_stage["realtime"].model == "gpt-realtime-2.1-mini"
    assert by_stage["realtime"].audio_in == 12
    assert by_stage["realtime"].audio_out > 20
    assert by_stage["realtime"].text_in > 0
    assert by_stage["transcription"].audio_in == 12


async def test_the_usage_of_a_cancelled_answer_is_recorded_with_the_next(openai_configured: Provider):
    openai_configured.configure(delays={"realtime_per_second_ms": 1000})
    async with talking() as caller:
        await caller.hear(VOICE)
        replying, _ = await caller.begun()
        await replying.aclose()
        await until(lambda: openai_configured.seen()["events_out"].get("response.done"))
        await caller.turn()
    assert [used.stage for used in caller.used].count("realtime") == 2
