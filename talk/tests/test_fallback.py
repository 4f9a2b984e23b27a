"""When an engine fails, the next one continues the same turn."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from engines.interface import Detection, Event, Heard, Speech, SpeechStarted, TurnDetectionLost, Words
from talk import fallback
from talk.fallback import FallbackSession, Notice
from talk.turn import Turn
from tests.scripted import SOUND, ScriptedEngine, answer
from tutor import scenario
from tutor.domain import EngineError, Line
from tutor.scenario import Brief

GONE = EngineError("It is gone.", retryable=True, detail="the connection was cut.")
REFUSED = EngineError("It refuses.", detail="the key is refused (401).")
SAID = b"\x01\x00" * 4800
LATER = b"\x02\x00" * 100
LINES = [Line("assistant", "Hello?")]


def brief() -> Brief:
    return Brief(scenario=scenario.get("travel"), level="B1", seed="talk")


class Talking:
    """Act as the talk of a FallbackSession."""

    def __init__(self, *engines: ScriptedEngine) -> None:
        self.noticed: list[Any] = []
        self.fallback_session = FallbackSession(engines)  # type: ignore[arg-type]  # what needs no talk is not scripted
        # The turn that is being spoken.
        self.turn: Turn | None = None

    async def begin(self) -> "Talking":
        self.acting = asyncio.create_task(self._act())
        await self.fallback_session.open(brief(), LINES)
        return self

    async def _act(self) -> None:
        async for report in self.fallback_session.reports:
            self.noticed.append(report.happened)
            report.acted_on.set()

    async def say(self, pcm: bytes = SAID) -> Turn:
        turn = Turn(0, pcm=bytearray(pcm))
        await self.fallback_session.hear(turn, pcm)
        return turn

    async def answered(self, turn: Turn | None) -> list[Event]:
        reply = self.fallback_session.reply(turn)
        await self.fallback_session.end_turn()
        if self.turn:
            self.fallback_session.begin_turn(self.turn)
        return [event async for event in reply]

    @property
    def messages(self) -> list[str]:
        return [each.message for each in self.noticed if isinstance(each, Notice)]


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def test_the_next_engine_hears_the_same_turn():
    first, second = ScriptedEngine("first", [[GONE]]), ScriptedEngine("second", [answer("Hi.", "Hello.")])
    talking = await Talking(first, second).begin()
    events = await talking.answered(await talking.say())
    assert events == answer("Hi.", "Hello.")
    assert second.sessions[0].asked == [(None, SAID)]


async def test_the_notice_names_the_next_engine():
    talking = await Talking(ScriptedEngine("first", [[GONE]]), ScriptedEngine("second", [answer("", "")])).begin()
    await talking.answered(await talking.say())
    assert talking.noticed == [Notice("engine", f"It is gone. {fallback.GOES_ON}", "second")]


async def test_a_transcript_is_reported_only_once():
    first = ScriptedEngine("first", [[Heard("I has a dog."), GONE]])
    second = ScriptedEngine("second", [answer("I has a dog.", "A dog!")])
    talking = await Talking(first, second).begin()
    events = await talking.answered(await talking.say())
    assert [event for event in events if isinstance(event, Heard)] == [Heard("I has a dog.")]
    assert second.sessions[0].asked == [("I has a dog.", b"")]


async def test_the_next_engine_gets_sound_that_came_meanwhile():
    first, second = ScriptedEngine("first", [[GONE]]), ScriptedEngine("second", [answer("Hi.", "Hello.")])
    talking = await Talking(first, second).begin()
    turn = await talking.say()
    talking.turn = Turn(200, pcm=bytearray(b"\x02\x00" * 100))
    await talking.answered(turn)
    assert second.sessions[0].heard == [SAID, b"\x02\x00" * 100]


async def test_an_answer_begun_ahead_leaves_the_turn_open():
    first, second = ScriptedEngine("first", [[GONE]]), ScriptedEngine("second", [answer("Hi.", "Hello.")])
    talking = await Talking(first, second).begin()
    turn = talking.turn = await talking.say()
    assert [event async for event in talking.fallback_session.reply(turn)]
    assert second.sessions[0].heard == [SAID]


async def test_an_answer_that_breaks_off_is_not_said_again():
    first = ScriptedEngine("first", [[Heard("Hi."), Words("Well,"), Speech(SOUND), GONE]])
    second = ScriptedEngine("second", [])
    talking = await Talking(first, second).begin()
    with pytest.raises(EngineError, match="gone"):
        await talking.answered(await talking.say())
    assert talking.fallback_session.engine is second


async def test_a_slow_engine_is_replaced(settings: Any):
    settings.ENGINE_PATIENCE = 50
    first, second = ScriptedEngine("first", [[5.0, Heard("Hi.")]]), ScriptedEngine("second", [answer("Hi.", "Yes?")])
    talking = await Talking(first, second).begin()
    assert await talking.answered(await talking.say()) == answer("Hi.", "Yes?")
    assert talking.messages == [f"{fallback.TOO_LONG} {fallback.GOES_ON}"]


async def test_patience_is_for_the_first_word_only(settings: Any):
    settings.ENGINE_PATIENCE = 500
    script = [Heard("Hi."), Words("Well,"), 1.0, Speech(SOUND)]
    talking = await Talking(ScriptedEngine("first", [script]), ScriptedEngine("second", [])).begin()
    assert len(await talking.answered(await talking.say())) == 3


async def test_the_last_engine_gets_more_time_and_the_learner_a_notice(settings: Any):
    settings.ENGINE_PATIENCE = 50
    talking = await Talking(ScriptedEngine("only", [[1.0, *answer("Hi.", "Yes?")]])).begin()
    assert await talking.answered(await talking.say()) == answer("Hi.", "Yes?")
    assert talking.noticed == [Notice("slow", fallback.IS_SLOW, "only")]


async def test_without_another_engine_the_reply_fails():
    talking = await Talking(ScriptedEngine("first", [[GONE]]), ScriptedEngine("second", [[REFUSED]])).begin()
    with pytest.raises(EngineError, match="refuses"):
        await talking.answered(await talking.say())


async def test_a_failed_engine_rests_in_other_talks():
    first = ScriptedEngine("first", [[GONE]])
    second = ScriptedEngine("second", [answer("Hi.", "Yes?")])
    talking = await Talking(first, second).begin()
    await talking.answered(await talking.say())
    assert Talking(first, second).fallback_session.engine is second


async def test_talks_return_to_an_engine_that_has_rested():
    first, second = ScriptedEngine("first", [[GONE]]), ScriptedEngine("second", [answer("Hi.", "Yes?")])
    talking = await Talking(first, second).begin()
    await talking.answered(await talking.say())
    await talking.fallback_session.return_if_rested()
    assert talking.fallback_session.engine is second
    fallback.rested()
    await talking.fallback_session.return_if_rested()
    assert talking.fallback_session.engine is first
    assert talking.messages[-1] == fallback.IS_BACK


async def test_an_engine_that_cannot_warm_up_is_replaced():
    talking = await Talking(ScriptedEngine("first", [], warms=REFUSED), ScriptedEngine("second", [])).begin()
    await talking.fallback_session.warm()
    assert talking.fallback_session.engine.name == "second"


async def test_a_failure_is_logged_once_and_hidden_from_the_learner(caplog: pytest.LogCaptureFixture):
    first = ScriptedEngine("first", [[REFUSED]])
    talking = await Talking(first, ScriptedEngine("second", [answer("Hi.", "Yes?")])).begin()
    await talking.answered(await talking.say())
    fallback.rest(first, REFUSED)  # type: ignore[arg-type]
    assert [record.message for record in caplog.records] == ["The engine first failed: the key is refused (401)."]
    assert "401" not in "".join(talking.messages)


async def test_a_typed_turn_is_requested_again_as_text():
    first, second = ScriptedEngine("first", [[GONE]]), ScriptedEngine("second", [answer("Hi.", "Yes?")])
    talking = await Talking(first, second).begin()
    await talking.answered(Turn(0, text="Hi."))
    assert second.sessions[0].asked == [("Hi.", b"")]


async def test_the_old_session_is_closed():
    first, second = ScriptedEngine("first", [[GONE]]), ScriptedEngine("second", [answer("Hi.", "Yes?")])
    talking = await Talking(first, second).begin()
    await talking.answered(await talking.say())
    await talking.fallback_session.close()
    assert [session.is_closed for session in (*first.sessions, *second.sessions)] == [True, True]


async def test_an_engine_that_loses_turn_detection_is_replaced():
    first, second = ScriptedEngine("first", [], detects_turns=True), ScriptedEngine("second", [])
    talking = await Talking(first, second).begin()
    await talking.fallback_session.detect_turns(Detection(1500))
    assert first.sessions[0].noticed
    await first.sessions[0].noticed(TurnDetectionLost(GONE))
    assert talking.fallback_session.engine is second
    assert not talking.fallback_session.detects


async def test_positions_are_converted_to_the_talks_sound():
    first, second = (
        ScriptedEngine("first", [[GONE]]),
        ScriptedEngine("second", [answer("Hi.", "!")], detects_turns=True),
    )
    talking = await Talking(first, second).begin()
    # No engine needed to hear this second.
    await talking.fallback_session.pass_by(bytes(48_000))
    await talking.fallback_session.detect_turns(Detection(1500))
    await talking.answered(await talking.say())
    await talking.fallback_session.pass_by(bytes(48_000))
    session = second.sessions[0]
    assert session.noticed
    await session.noticed(SpeechStarted(len(b"".join(session.heard)) // 48))
    assert talking.noticed[-1] == SpeechStarted(2200)


async def test_a_change_of_engines_is_completed_though_its_turn_is_cancelled():
    first = ScriptedEngine("first", [[GONE]])
    second = ScriptedEngine("second", [answer("Hi.", "Yes?")], opens=asyncio.Event())
    talking = await Talking(first, second).begin()
    answering = asyncio.create_task(talking.answered(await talking.say()))
    await until(lambda: second.sessions)
    await cancelled(answering)
    assert second.opens
    second.opens.set()
    assert await talking.answered(await talking.say()) == answer("Hi.", "Yes?")
    assert talking.messages == [f"It is gone. {fallback.GOES_ON}"]


async def test_engine_and_session_change_together():
    first = ScriptedEngine("first", [[GONE]])
    second = ScriptedEngine("second", [], opens=asyncio.Event())
    talking = await Talking(first, second).begin()
    answering = asyncio.create_task(talking.answered(await talking.say()))
    await until(lambda: second.sessions)
    assert talking.fallback_session.engine is first
    await cancelled(answering)
    assert second.opens
    second.opens.set()
    await talking.fallback_session.close()
    assert [session.is_closed for session in (*first.sessions, *second.sessions)] == [True, True]


async def test_two_simultaneous_failures_change_the_engine_once():
    first = ScriptedEngine("first", [[GONE]], detects_turns=True)
    second, third = (
        ScriptedEngine("second", [answer("Hi.", "Yes?")], opens=asyncio.Event()),
        ScriptedEngine("third", []),
    )
    talking = await Talking(first, second, third).begin()
    answering = asyncio.create_task(talking.answered(await talking.say()))
    await until(lambda: second.sessions)
    lost = asyncio.create_task(first.sessions[0].noticed(TurnDetectionLost(GONE)))
    assert second.opens
    second.opens.set()
    assert await answering == answer("Hi.", "Yes?")
    await lost
    assert (len(second.sessions), len(third.sessions)) == (1, 0)


async def test_the_time_limit_of_a_reply_is_that_of_its_own_engine(settings: Any):
    settings.ENGINE_PATIENCE = 500
    first, second = ScriptedEngine("first", [[600.0]]), ScriptedEngine("second", [answer("Hi.", "Yes?")])
    talking = await Talking(first, second).begin()
    answering = asyncio.create_task(talking.answered(await talking.say()))
    await until(lambda: first.sessions[0].asked)
    await first.sessions[0].noticed(TurnDetectionLost(GONE))
    assert await asyncio.wait_for(answering, 60) == answer("Hi.", "Yes?")
    assert [each.code for each in talking.noticed] == ["engine"]


async def test_a_later_turn_is_passed_on_after_the_repeated_one(settings: Any):
    settings.ENGINE_PATIENCE = 500
    first, second = ScriptedEngine("first", [[600.0]]), ScriptedEngine("second", [answer("Hi.", "Yes?")])
    talking = await Talking(first, second).begin()
    answering = asyncio.create_task(talking.answered(await talking.say()))
    await until(lambda: first.sessions[0].asked)
    await first.sessions[0].noticed(TurnDetectionLost(GONE))
    talking.turn = await talking.say(LATER)
    assert await asyncio.wait_for(answering, 60)
    assert second.sessions[0].asked == [(None, SAID)]
    assert second.sessions[0].heard[-2:] == [SAID, LATER]


async def test_an_empty_turn_is_not_requested_again():
    first, second = ScriptedEngine("first", [[Heard(""), GONE]]), ScriptedEngine("second", [])
    talking = await Talking(first, second).begin()
    assert await talking.answered(await talking.say()) == [Heard("")]
    assert second.sessions[0].asked == []


async def test_a_repeated_opening_ends_no_turn():
    first, second = ScriptedEngine("first", [[GONE]]), ScriptedEngine("second", [answer("", "Hello?")])
    talking = await Talking(first, second).begin()
    talking.turn = Turn(0, pcm=bytearray(LATER))
    await talking.answered(None)
    assert second.sessions[0].asked == [(None, b"")]
    assert second.sessions[0].heard == [LATER]


async def test_a_reply_of_a_closed_session_is_requested_again():
    only = ScriptedEngine("only", [[asyncio.Event()], answer("Hi.", "Yes?")])
    talking = await Talking(only).begin()
    answering = asyncio.create_task(talking.answered(await talking.say()))
    await until(lambda: only.sessions[0].asked)
    await talking.fallback_session.open(brief(), LINES)
    assert await answering == answer("Hi.", "Yes?")
    assert only.sessions[1].asked == [(None, SAID)]
    assert talking.noticed == []


async def test_when_the_talk_is_closed_a_reply_fails_and_no_engine_rests():
    first, second = ScriptedEngine("first", [[asyncio.Event()]]), ScriptedEngine("second", [])
    talking = await Talking(first, second).begin()
    answering = asyncio.create_task(talking.answered(await talking.say()))
    await until(lambda: first.sessions[0].begun)
    await talking.fallback_session.close()
    with pytest.raises(EngineError) as failure:
        await answering
    assert failure.value.retryable
    assert Talking(first, second).fallback_session.engine is first
    assert second.sessions == []
