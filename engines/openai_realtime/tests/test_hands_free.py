"""The simulated provider detects the end of turns."""

import asyncio
from typing import Any

from engines.interface import Detection, Heard, SpeechStarted, TurnDetectionLost, TurnEnded
from engines.openai_realtime.tests.talk import FOREVER, TALK, VOICE, Caller, talking, until, words
from simulators.openai import Provider
from tests.talking import silence
from tutor.domain import Line

PATIENT = Detection(1400)
# The voice is at 500 to 1700 ms.
TURN = silence(0.5) + VOICE + silence(1.6)
# This includes the provider's padding and the pause.
HEARD = "I spoke for 3.0 seconds."


def detections(provider: Provider) -> list[dict[str, Any] | None]:
    """Return the turn detections that the provider was sent, except the first."""
    updates = [entry["event"] for entry in provider.log(TALK) if entry.get("event", {}).get("type") == "session.update"]
    inputs = [update["session"]["audio"].get("input", {}) for update in updates[1:]]
    return [each["turn_detection"] for each in inputs if "turn_detection" in each]


async def answered(caller: Caller, pcm: bytes = TURN) -> str:
    before = len(caller.answers)
    await caller.hear(pcm)
    await until(lambda: len(caller.answers) > before)
    return words(caller.answers[-1])


async def test_a_turn_is_detected_and_answered(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        said = await answered(caller)
    assert said.startswith("I see, you said: I spoke for")
    assert [type(each) for each in caller.noticed] == [SpeechStarted, TurnEnded]


async def test_start_and_end_of_the_turn_are_reported(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await answered(caller)
    assert caller.noticed == [SpeechStarted(200), TurnEnded(3200)]


async def test_the_provider_begins_the_answer_by_itself(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await answered(caller)
    assert not openai_configured.seen()["events_in"].get("response.create")
    assert openai_configured.seen()["events_out"]["response.created"] == 1


async def test_the_turn_is_transcribed(openai_configured: Provider):
    openai_configured.configure(transcripts=["I like tea."])
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await answered(caller)
    assert Heard("I like tea.") in caller.answers[0]


async def test_three_turns_have_an_answer_each(openai_configured: Provider):
    openai_configured.configure(replies=["One.", "Two.", "Three."])
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        assert [await answered(caller) for _ in range(3)] == ["One.", "Two.", "Three."]


async def test_the_provider_detects_turns_patiently(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await answered(caller)
    assert detections(openai_configured) == [
        {"type": "semantic_vad", "eagerness": "low", "create_response": True, "interrupt_response": True}
    ]


async def test_the_pause_that_the_learner_chose_is_used(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(Detection(1400, pause_ms=700))
        await answered(caller)
    assert caller.noticed_of(TurnEnded) == [TurnEnded(2400)]


async def test_no_turn_ends_while_the_learner_thinks(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(VOICE)
        await until(lambda: caller.noticed)
        await caller.session.detect_turns(Detection(1400, hold=True))
        await caller.hear(silence(5))
        await until(lambda: len(detections(openai_configured)) == 2)
        await asyncio.sleep(0.2)
        assert caller.noticed_of(TurnEnded) == []
        await caller.session.detect_turns(PATIENT)
        await caller.hear(silence(1.6))
        await until(lambda: caller.answers)


async def test_turn_detection_can_be_turned_off(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await answered(caller)
        await caller.session.detect_turns(None)
        assert Heard("I spoke for 1.2 seconds.") in await caller.turn()
    assert detections(openai_configured)[-1] is None


async def test_the_agent_can_be_asked_to_begin(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(silence(1))
        assert words(await caller.answer()) == "Hello! What would you like to talk about today?"


async def test_the_learner_can_end_the_turn_before_the_provider(openai_configured: Provider):
    openai_configured.configure(transcripts=["I like tea."])
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(VOICE)
        await until(lambda: caller.noticed)
        assert Heard("I like tea.") in await caller.answer()


async def test_a_turn_that_is_dropped_is_not_answered(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(VOICE)
        await until(lambda: caller.noticed)
        await caller.session.end_turn()
        await caller.hear(silence(2))
        await asyncio.sleep(0.2)
        assert caller.noticed_of(TurnEnded) == []


async def test_a_turn_that_gets_no_reply_does_not_block_the_next(openai_configured: Provider):
    openai_configured.configure(replies=["One.", "Two."], delays={"realtime_first_audio_ms": 3000})
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        caller.session.noticed = _ignore
        await caller.hear(TURN)
        await until(lambda: openai_configured.seen()["events_in"].get("response.cancel"))
        caller.session.noticed = caller.follow
        assert await answered(caller) == "Two."


async def test_an_interruption_is_reported_at_once(openai_configured: Provider):
    openai_configured.configure(delays={"realtime_per_second_ms": 10_000})
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(TURN)
        await until(lambda: openai_configured.seen()["events_out"].get("response.output_audio.delta"))
        await caller.hear(VOICE)
        # The provider ends its answer by itself. No client waits for the rest.
        await until(lambda: len(caller.noticed_of(SpeechStarted)) == 2)
        await until(lambda: caller.answers)
    assert not openai_configured.seen()["events_in"].get("response.cancel")


async def test_positions_continue_in_the_next_session(openai_configured: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await answered(caller)
        openai_configured.fail(TALK, "cut", event="session.updated")
        # The provider confirms this.
        caller.session.speed = 0.9
        await until(lambda: openai_configured.seen()["requests"][TALK] == 2)
        await answered(caller)
    began = len(TURN) // 48
    assert caller.noticed[2:] == [SpeechStarted(began + 200), TurnEnded(began + 3200)]


async def test_a_turn_continues_in_the_next_session(openai_configured: Provider):
    openai_configured.configure(transcripts=["I like tea."])
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(silence(0.5) + VOICE)
        await until(lambda: caller.noticed)
        openai_configured.fail(TALK, "cut", event="session.updated")
        caller.session.speed = 0.9
        await caller.hear(silence(1.6))
        await until(lambda: caller.answers)
    assert Heard("I like tea.") in caller.answers[0]


async def test_a_turn_whose_answer_is_lost_is_answered_in_the_next_session(openai_configured: Provider):
    openai_configured.configure(transcripts=["I like tea."])
    openai_configured.fail(TALK, "cut", event="response.created")
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        assert "I like tea." in await answered(caller)
        # Turns are detected as before.
        assert await answered(caller)
    assert len(caller.noticed_of(TurnEnded)) == 2


async def test_a_lost_provider_is_reported(own_provider: Provider):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(silence(0.5))
        await until(lambda: own_provider.seen()["events_in"].get("session.update") == 2)
        own_provider.stop()
        await until(lambda: caller.noticed)
    (lost,) = caller.noticed
    assert isinstance(lost, TurnDetectionLost)
    assert lost.error.retryable


async def test_a_refused_key_is_reported(openai_configured: Provider):
    openai_configured.fail(TALK, "401", **FOREVER)
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await until(lambda: caller.noticed)
    assert not caller.noticed_of(TurnDetectionLost)[0].error.retryable


async def test_the_handler_of_a_notification_may_close_the_session(own_provider: Provider):
    before = asyncio.all_tasks()
    lost = asyncio.Event()
    async with talking(Line("user", "Hello.")) as caller:

        async def leave(happened: object) -> None:
            await caller.session.close()
            lost.set()

        caller.session.noticed = leave
        await caller.session.detect_turns(PATIENT)
        await until(lambda: own_provider.seen()["events_in"].get("session.update"))
        own_provider.stop()
        await lost.wait()
    await until(lambda: asyncio.all_tasks() == before)


async def _ignore(happened: object) -> None:
    pass
