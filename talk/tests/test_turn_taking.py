"""Words and silence determine the turns in hands-free mode."""

from typing import Any

import pytest

from engines.interface import Heard, Speech, Spoken, Unheard, Words
from talk.tests.test_live_talk import Begin
from talk.tests.test_live_talk import Line as Talk
from talk.tests.test_live_talk import line as line
from tests.scripted import SOUND, ScriptedEngine, answer
from tests.talking import silence, spoken
from tutor.transcripts import Doubt

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

VOICE = spoken("learner_london")
# 20 seconds, so that it is still playing when the learner's audio comes.
LONG = SOUND * 200
OPENING = [Words("Hello! Who is in your family?"), Speech(LONG), Spoken()]
AGAIN = [Words("Hello! Who is in your family?"), Speech(SOUND), Spoken()]
FAILED = "conversation.item.input_audio_transcription.failed"


async def hands_free(line: Begin, *replies: list[Any], pause_ms: int = 1000) -> Talk:
    talk: Talk = await line(ScriptedEngine("scripted", list(replies), supports_preemptive=True))
    detection = {"type": "server_vad", "silence_duration_ms": pause_ms}
    await talk.update(audio={"input": {"turn_detection": detection}})
    return talk


async def opened(line: Begin, *replies: list[Any]) -> Talk:
    """Begin a talk in which the agent is speaking."""
    talk = await hands_free(line, OPENING, *replies)
    await talk.talk.receive({"type": "response.create"})
    await talk.talk.settled()
    return talk


async def say(talk: Talk, seconds_of_silence: float = 3) -> None:
    await talk.append(VOICE)
    await talk.append(silence(seconds_of_silence))
    await talk.talk.settled()


@pytest.mark.parametrize("word", ["Mm-hmm.", "Okay.", "Right.", "Yeah, yeah.", ""])
@pytest.mark.parametrize("truncates", [True, False])
async def test_a_reply_interrupted_by_a_backchannel_is_repeated(line: Begin, word: str, truncates: bool):
    talk = await opened(line, answer(word, "All right."), AGAIN)
    if truncates:
        item = talk.one("response.output_item.added")["item"]["id"]
        heard = {"type": "conversation.item.truncate", "item_id": item, "audio_end_ms": 700}

        def fall_silent(event: dict[str, Any]) -> None:
            """Do as the page does."""
            fell_silent.append(event["type"] == "input_audio_buffer.speech_started")

        fell_silent: list[bool] = []
        talk.watch = fall_silent
        await talk.append(VOICE)
        assert any(fell_silent)
        await talk.talk.receive(heard)
        await talk.append(silence(3))
        await talk.talk.settled()
    else:
        await say(talk)
    assert await talk.stored() == [("assistant", "Hello! Who is in your family?", True)]
    assert talk.one(FAILED)["error"]["code"] == "backchannel"
    said = [event["transcript"] for event in talk.sent if event["type"] == "response.output_audio_transcript.done"]
    assert said[-1] == "Hello! Who is in your family?"
    assert "All right." not in said


async def test_a_hum_without_words_over_the_agent_is_not_a_turn(line: Begin):
    english = [Unheard(Doubt.NOT_ENGLISH), Words("English, please."), Speech(SOUND), Spoken()]
    talk = await opened(line, english, AGAIN)
    await talk.append(VOICE[: 48_000 * 4 // 5])
    await talk.append(silence(3))
    await talk.talk.settled()
    assert await talk.stored() == [("assistant", "Hello! Who is in your family?", True)]
    assert talk.one(FAILED)["error"]["code"] == "backchannel"


async def test_a_sentence_without_english_over_the_agent_is_a_turn(line: Begin):
    talk = await opened(line, [Unheard(Doubt.NOT_ENGLISH), Words("English, please."), Speech(SOUND), Spoken()])
    await say(talk)
    assert [text for _, text, _ in await talk.stored()][-2:] == ["", "English, please."]


async def test_a_turn_that_interrupts_the_agent_is_answered(line: Begin):
    talk = await opened(line, answer("I have a brother.", "How old is he?"))
    await say(talk)
    assert [text for _, text, _ in await talk.stored()][-2:] == ["I have a brother.", "How old is he?"]


async def test_a_long_turn_brings_advice_about_other_voices_once(line: Begin):
    talk = await hands_free(line, answer("The news at six.", "I see."), answer("And now sports.", "All right."))
    for _ in range(2):
        for _ in range(11):
            await talk.append(VOICE)
        await say(talk)
    notices = [event["code"] for event in talk.sent if event["type"] == "talk.notice"]
    assert notices == ["long_turn"]


async def test_okay_is_an_answer_when_the_agent_was_heard_out(line: Begin):
    talk = await hands_free(line, AGAIN, answer("Okay.", "Let's begin."))
    await talk.talk.receive({"type": "response.create"})
    await talk.talk.settled()
    await talk.append(silence(0.5))
    assert talk.talk.exchange.replies.latest
    while talk.talk.exchange.replies.latest.unheard_ms:
        await talk.append(silence(0.1))
    await say(talk)
    assert [text for _, text, _ in await talk.stored()][1:] == ["Okay.", "Let's begin."]


async def test_a_sound_just_after_a_turn_does_not_cancel_its_answer(line: Begin):
    slow = [Heard("I live with my parents."), 0.5, Words("Tell me about them."), Speech(SOUND), Spoken()]
    talk = await hands_free(line, slow, answer("Mm.", "All right."), answer("", "Tell me about them.")[1:])
    await talk.append(VOICE)
    await talk.append(silence(1.5))
    await say(talk)
    assert [text for _, text, _ in await talk.stored()] == ["I live with my parents.", "Tell me about them."]


@pytest.mark.parametrize(
    ("words", "turns"),
    [("I don't like it because...", 1), ("My favorite food is the", 1), ("I don't like it.", 2), ("", 2)],
)
async def test_an_unfinished_sentence_waits_longer_for_its_rest(line: Begin, words: str, turns: int):
    whole = answer("I don't like it because it is too expensive.", "I see.")
    talk = await hands_free(line, answer(words, "Why?"), whole, answer("So it is.", "Yes."))
    await talk.append(VOICE)
    # The preemptive reply gets its words while the learner is silent.
    for _ in range(15):
        await talk.append(silence(0.1))
    await say(talk, 4)
    assert len(talk.kinds("input_audio_buffer.speech_stopped")) == turns
