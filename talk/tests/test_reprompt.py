"""A learner stays silent after a question.

The talk gets silence as fast as it accepts it.
"""

import asyncio
from typing import Any

import pytest

from engines.interface import Speech, Spoken, Words
from talk import reprompt
from talk.protocol import ProtocolError
from talk.tests.test_live_talk import Begin
from talk.tests.test_live_talk import Line as Talk
from talk.tests.test_live_talk import line as line
from tests.scripted import SOUND, ScriptedEngine, answer
from tests.talking import silence, spoken
from tutor.domain import EngineError, Line

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

LONDON = spoken("learner_london")
QUESTION = "Where did you go on your last trip?"
OPENING = [Words("Hello!"), Speech(SOUND), Words(QUESTION), Speech(SOUND), Spoken()]
HANDS_FREE = {"type": "server_vad", "silence_duration_ms": 1000}
SILENCE = silence(1)


async def asked(line: Begin, *replies: list[Any], detection: dict[str, Any] | None = None, **engine: Any) -> Talk:
    """Begin a talk, by default hands-free, whose agent has asked its question."""
    talk: Talk = await line(ScriptedEngine("scripted", [OPENING, *replies], **engine))
    await talk.update(audio={"input": {"turn_detection": detection or HANDS_FREE}})
    await talk.talk.receive({"type": "response.create"})
    await talk.talk.settled()
    return talk


async def wait(talk: Talk, seconds: int) -> None:
    for _ in range(seconds):
        await talk.append(SILENCE)
        await asyncio.sleep(0)
    await talk.talk.settled()


def agents_lines(talk: Talk) -> list[str]:
    return [event["transcript"] for event in talk.sent if event["type"] == "response.output_audio_transcript.done"]


async def test_a_silent_learner_is_asked_again_more_slowly_and_then_given_a_hint_and_then_left_alone(line: Begin):
    talk = await asked(line)
    await wait(talk, 19)
    assert len(agents_lines(talk)) == 1
    await wait(talk, 3)
    assert agents_lines(talk)[1:] == [f"Take your time. {QUESTION}"]
    assert [speed for _, speed in talk.engines[0].spoken] == pytest.approx([0.72, 0.72])
    await wait(talk, 38)
    assert len(agents_lines(talk)) == 2
    await wait(talk, 4)
    assert agents_lines(talk)[2].startswith("Maybe this helps. ")
    assert agents_lines(talk)[2].endswith(QUESTION)
    await wait(talk, 100)
    assert len(agents_lines(talk)) == 3
    assert [role for role, _, has_sound in await talk.stored() if has_sound] == ["assistant"] * 3


async def test_help_starts_again_with_the_next_question(line: Begin):
    talk = await asked(line, answer("To London.", "What did you do in London?"))
    await wait(talk, 22)
    await talk.append(LONDON)
    await wait(talk, 3)
    assert agents_lines(talk)[-1] == "What did you do in London?"
    await wait(talk, 23)
    assert agents_lines(talk)[-1] == "Take your time. What did you do in London?"


async def test_a_learner_who_asked_for_time_gets_no_help(line: Begin):
    talk = await asked(line)
    await talk.talk.receive({"type": "talk.think", "on": True})
    await wait(talk, 30)
    assert len(agents_lines(talk)) == 1
    await talk.talk.receive({"type": "talk.think", "on": False})
    await wait(talk, 22)
    assert len(agents_lines(talk)) == 2


async def test_without_a_question_there_is_no_reprompt(line: Begin):
    talk: Talk = await line(ScriptedEngine("scripted", [[Words("I am so sorry."), Speech(SOUND), Spoken()]]))
    await talk.update(audio={"input": {"turn_detection": HANDS_FREE}})
    await talk.talk.receive({"type": "response.create"})
    await talk.talk.settled()
    await wait(talk, 30)
    assert agents_lines(talk) == ["I am so sorry."]


@pytest.mark.parametrize(
    ("detection", "seconds", "helps"),
    [
        ({"idle_timeout_ms": None}, 90, 0),
        ({"idle_timeout_ms": 6000}, 5, 0),
        ({"idle_timeout_ms": 6000}, 8, 1),
        ({"idle_timeout_ms": 1}, 4, 0),
        ({"idle_timeout_ms": 600_000}, 32, 1),
    ],
)
async def test_the_client_chooses_how_long(line: Begin, detection: dict[str, Any], seconds: int, helps: int):
    talk = await asked(line, detection=HANDS_FREE | detection)
    await wait(talk, seconds)
    assert len(agents_lines(talk)) == 1 + helps
    told = talk.sent[[event["type"] for event in talk.sent].index("session.updated")]["session"]["audio"]["input"]
    assert told["turn_detection"]["idle_timeout_ms"] in (None, 5000, 6000, 30_000)


@pytest.mark.parametrize("wrong", ["20000", True, []])
async def test_an_invalid_idle_timeout_is_refused(line: Begin, wrong: Any):
    talk = await asked(line)
    await talk.update(audio={"input": {"turn_detection": HANDS_FREE | {"idle_timeout_ms": wrong}}})
    assert talk.one("error")["error"]["param"] == "session.audio.input.turn_detection.idle_timeout_ms"


async def test_a_client_that_asks_for_answers_itself_is_left_alone(line: Begin):
    talk = await asked(line, detection=HANDS_FREE | {"create_response": False})
    await wait(talk, 32)
    assert len(agents_lines(talk)) == 1


async def test_with_the_button_the_agent_asks_again_only_when_the_client_wants_it(line: Begin):
    talk = await asked(line, detection=HANDS_FREE)
    await talk.update(audio={"input": {"turn_detection": None}})
    await asyncio.sleep(0)
    assert len(agents_lines(talk)) == 1
    for count in (2, 3):
        await talk.talk.receive({"type": "talk.reprompt"})
        await talk.talk.settled()
        assert len(agents_lines(talk)) == count
    with pytest.raises(ProtocolError) as refused:
        await talk.talk.receive({"type": "talk.reprompt"})
    assert refused.value.code == "nothing_to_repeat"


async def test_a_reprompt_is_refused_in_the_middle_of_a_turn(line: Begin):
    talk = await asked(line)
    await talk.update(audio={"input": {"turn_detection": None}})
    await talk.append(LONDON)
    with pytest.raises(ProtocolError) as refused:
        await talk.talk.receive({"type": "talk.reprompt"})
    assert refused.value.code == "conversation_already_has_active_response"


@pytest.mark.parametrize(
    ("heard_ms", "kept"), [(20, [QUESTION]), (60_000, [QUESTION, f"Take your time. {QUESTION}"])], ids=["half", "whole"]
)
async def test_a_help_that_the_learner_breaks_in_on_is_no_line_of_the_talk(line: Begin, heard_ms: int, kept: list[str]):
    talk = await asked(line)
    await wait(talk, 22)
    item = [event["item"]["id"] for event in talk.sent if event["type"] == "response.output_item.added"][-1]
    await talk.talk.receive({"type": "conversation.item.truncate", "item_id": item, "audio_end_ms": heard_ms})
    await talk.talk.settled()
    assert [text.removeprefix("Hello! ") for _, text, _ in await talk.stored()] == kept
    # The engine's own answer was heard completely.
    assert talk.session.interrupted == []


async def test_without_speech_a_question_is_repeated_as_text(line: Begin):
    talk = await asked(line, speaks=EngineError("It broke.", retryable=True))
    await wait(talk, 22)
    assert agents_lines(talk)[-1] == f"Take your time. {QUESTION}"
    assert "talk.notice" not in [event["type"] for event in talk.sent]


def test_earlier_help_is_counted_from_the_transcript():
    opening, help_given = Line("assistant", f"Hello! {QUESTION}"), Line("assistant", f"Take your time. {QUESTION}")
    assert reprompt.wait_ms([opening], 20_000) == 20_000
    assert reprompt.wait_ms([opening, help_given], 20_000) == 40_000
    assert reprompt.wait_ms([opening, help_given, help_given], 20_000) is None
    assert reprompt.wait_ms([opening, help_given, Line("user", "To Rome.")], 20_000) is None
    assert reprompt.wait_ms([opening, help_given, Line("user", "To Rome."), opening], 20_000) == 20_000
    assert reprompt.wait_ms([], 20_000) is None
