"""An answer that must not be said is replaced, whatever the order in which words and judgements come."""

import asyncio
from typing import Any

import pytest

from engines.interface import Heard, Speech, Spoken, Unheard, Words
from talk.tests.test_live_talk import LONDON, Begin
from talk.tests.test_live_talk import Line as Talk
from talk.tests.test_live_talk import line as line
from tests.scripted import SOUND, ScriptedEngine, answer
from tutor import redirection
from tutor.domain import Correction
from tutor.moderation import Category
from tutor.transcripts import Doubt

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

MISTAKE = (Correction("have went", "have gone", "After have: gone.", "verb form", 2, 11),)
DISTRESS = "I want to die."


@pytest.fixture
def children(settings: Any) -> None:
    settings.AUDIENCE = "children"


def phrases(name: str) -> tuple[str, ...]:
    return redirection.load()[name]


def said_by_agent(talk: Talk) -> str:
    return "".join(each["delta"] for each in talk.sent if each["type"] == "response.output_audio_transcript.delta")


def begins_with(text: str, name: str) -> bool:
    return text.startswith(phrases(name))


@pytest.mark.parametrize(("heard", "name"), [("I hate all Jews.", "hate"), ("Suck my dick.", "sexual")])
async def test_words_of_the_learner_that_the_list_finds_are_led_away_from(line: Begin, heard: str, name: str):
    talk = await line(
        ScriptedEngine("chat", [answer(heard, "Oh, why that?")], corrects_aloud=False, corrections=MISTAKE)
    )
    await talk.take_turn()
    assert begins_with(said_by_agent(talk), name)
    assert said_by_agent(talk).endswith("?")
    assert await talk.stored() == [("user", heard, True), ("assistant", said_by_agent(talk), True)]
    assert talk.one("talk.correction")["corrections"] == []
    assert talk.kinds("talk.support") == []


async def test_what_the_provider_finds_beside_the_reply_counts_as_well(line: Begin):
    engine = ScriptedEngine(
        "chat", [[Heard("A zebra."), 0.1, Words("Nice!"), Spoken()]], finds={"zebra": Category.SEXUAL}
    )
    talk = await line(engine)
    await talk.take_turn()
    assert engine.judged[0] == "A zebra."
    assert begins_with(said_by_agent(talk), "sexual")


async def test_no_voice_waits_for_the_provider(line: Begin):
    reply = answer("A cat.", "Nice!")
    engine = ScriptedEngine(
        "chat", [reply, answer("A dog.", "Good!")], finds={"zebra": Category.SEXUAL}, finds_after=30.0
    )
    talk = await line(engine)
    loop = asyncio.get_running_loop()
    heard_at = loop.create_future()
    talk.watch = lambda event: (
        heard_at.set_result(loop.time())
        if event["type"] == "response.output_audio.delta" and not heard_at.done()
        else None
    )
    began = loop.time()
    turn = asyncio.create_task(talk.take_turn())
    assert await heard_at - began < 3
    # Nor does the next turn wait for the judgements about this one.
    await talk.talk.receive({"type": "response.cancel"})
    await asyncio.wait_for(turn, 5)


async def test_words_of_the_agent_that_the_list_finds_are_never_said(line: Begin):
    script = [Heard("Hello."), Words("Yes."), Speech(SOUND), Words("I hate all Jews."), Speech(SOUND), Spoken()]
    talk = await line(ScriptedEngine("chat", [script]))
    await talk.take_turn()
    text = said_by_agent(talk)
    assert text.startswith("Yes. ")
    assert "Jews" not in text
    assert any(phrase in text for phrase in phrases("own"))
    # The engine is told how much was heard: 100 ms of sound.
    assert talk.session.interrupted == [100]
    assert (await talk.stored())[1][1] == text


async def test_a_stream_of_words_is_stopped_at_the_end_of_the_word(line: Begin):
    pieces = ["I", " hate", " all", " Je", "ws", " and", " more"]
    script = [Heard("Hello."), *(Words(piece, joined=True) for piece in pieces), Speech(SOUND), Spoken()]
    talk = await line(ScriptedEngine("chat", [script]))
    await talk.take_turn()
    assert said_by_agent(talk).startswith("I hate all Jews ")
    assert "and more" not in said_by_agent(talk)
    assert any(phrase in said_by_agent(talk) for phrase in phrases("own"))


@pytest.mark.usefixtures("children")
async def test_a_word_of_a_stream_is_judged_when_it_is_whole(line: Begin):
    script = [Heard("Hello."), *(Words(each, joined=True) for each in ("An", " ass", "istant", " helps.")), Spoken()]
    talk = await line(ScriptedEngine("chat", [script]))
    await talk.take_turn()
    assert said_by_agent(talk) == "An assistant helps."


async def test_the_end_of_a_stream_is_judged_too(line: Begin):
    script = [Heard("Hello."), Words("Kill all the", joined=True), Words(" Jews", joined=True), Speech(SOUND), Spoken()]
    talk = await line(ScriptedEngine("chat", [script]))
    await talk.take_turn()
    assert any(phrase in said_by_agent(talk) for phrase in phrases("own"))


async def test_the_rest_of_an_answer_is_replaced_when_the_provider_finds_something(line: Begin):
    script = [Heard("Hello."), Words("A giraffe."), Speech(SOUND), 0.3, Words("More of it."), Speech(SOUND), Spoken()]
    engine = ScriptedEngine("chat", [script], finds={"giraffe": Category.HATE}, finds_after=0.1)
    talk = await line(engine)
    await talk.take_turn()
    text = said_by_agent(talk)
    assert text.startswith("A giraffe. ")
    assert "More of it" not in text
    assert any(phrase in text for phrase in phrases("own"))
    assert talk.session.interrupted == [100]


async def test_an_answer_that_was_sent_when_the_judgement_comes_gets_an_end(line: Begin):
    engine = ScriptedEngine("chat", [answer("Hi.", "A giraffe.")], finds={"giraffe": Category.HATE}, finds_after=0.2)
    talk = await line(engine)
    await talk.take_turn()
    assert said_by_agent(talk).startswith("A giraffe. ")
    assert any(phrase in said_by_agent(talk) for phrase in phrases("own"))
    assert talk.kinds("response.done") == ["response.done"]


async def test_a_late_transcript_stops_an_answer_that_has_begun(line: Begin):
    script = [Words("Well,", joined=True), Speech(SOUND), Heard("Let's fuck."), Words(" yes.", joined=True), Spoken()]
    talk = await line(ScriptedEngine("voice", [script]))
    await talk.take_turn()
    text = said_by_agent(talk)
    assert text.startswith("Well, ")
    assert "yes" not in text
    assert any(phrase in text for phrase in phrases("sexual"))
    assert [role for role, _, _ in await talk.stored()] == ["user", "assistant"]


async def test_words_that_are_still_to_come_are_waited_for_after_a_replacement(line: Begin):
    script = [Words("Kill all the Jews.", joined=False), Speech(SOUND), Spoken(), 0.2, Heard("He has a dog.")]
    talk = await line(ScriptedEngine("voice", [script]))
    await talk.take_turn()
    assert (await talk.stored())[0] == ("user", "He has a dog.", True)


async def test_an_opening_is_judged(line: Begin):
    talk = await line(ScriptedEngine("chat", [[Words("I hate all Muslims."), Speech(SOUND), 60.0, Spoken()]]))
    await talk.talk.receive({"type": "response.create"})
    await asyncio.wait_for(talk.talk.settled(), 10)
    assert begins_with(said_by_agent(talk), "own")


async def test_distress_is_answered_with_care_and_shown_support(line: Begin):
    engine = ScriptedEngine("chat", [answer(DISTRESS, "Do you like dogs?")], corrects_aloud=False, corrections=MISTAKE)
    talk = await line(engine)
    talk.talk.exchange.dialogue.country = "US"
    await talk.take_turn()
    assert said_by_agent(talk) == " ".join(redirection.caring())
    support = talk.one("talk.support")
    assert support["item_id"] == talk.one("conversation.item.input_audio_transcription.completed")["item_id"]
    assert [each["number"] for each in support["lines"]] == ["988"]
    assert talk.one("talk.correction")["corrections"] == []
    assert talk.kinds("talk.goals") == []


async def test_what_the_provider_calls_self_harm_is_not_corrected_either(line: Begin):
    heard = "I have went with a tulip."
    engine = ScriptedEngine("chat", [[Heard(heard), Words("Oh."), Speech(SOUND), 0.4, Words("Go on."), Spoken()]])
    engine.corrects_aloud, engine.corrections = False, MISTAKE
    engine.finds, engine.finds_after = {"tulip": Category.SELF_HARM}, 0.2
    talk = await line(engine)
    await talk.take_turn()
    assert talk.kinds("talk.support") == ["talk.support"]
    assert talk.one("talk.correction")["corrections"] == []
    # An answer that has begun is not cut off, because it may console.
    assert said_by_agent(talk) == "Oh. Go on."


async def test_an_ordinary_turn_is_corrected_after_its_judgement(line: Begin):
    engine = ScriptedEngine("chat", [answer("I have went.", "Oh.")], finds={"zebra": Category.HATE}, finds_after=0.2)
    engine.corrects_aloud, engine.corrections = False, MISTAKE
    talk = await line(engine)
    await talk.take_turn()
    assert [each["better"] for each in talk.one("talk.correction")["corrections"]] == ["have gone"]


async def test_an_agent_may_speak_of_despair(line: Begin):
    engine = ScriptedEngine("chat", [answer("Hi.", "A tulip.")], finds={"tulip": Category.SELF_HARM})
    talk = await line(engine)
    await talk.take_turn()
    assert said_by_agent(talk) == "A tulip."
    assert talk.kinds("talk.support") == []


async def test_words_in_doubt_are_not_held_against_the_learner(line: Begin):
    doubtful = Heard("I hate all Jews.", -0.9, Doubt.MISHEARD, ((0, 16),))
    talk = await line(ScriptedEngine("chat", [[doubtful, Words("Sorry?"), Speech(SOUND), Spoken()]]))
    await talk.take_turn()
    assert said_by_agent(talk) == "Sorry?"


async def test_distress_counts_even_in_doubt(line: Begin):
    doubtful = Heard(DISTRESS, -0.9, Doubt.MISHEARD, ((0, 14),))
    talk = await line(ScriptedEngine("chat", [[doubtful, Words("Sorry?"), Speech(SOUND), Spoken()]]))
    await talk.take_turn()
    assert talk.kinds("talk.support") == ["talk.support"]


async def test_a_failing_service_does_not_break_the_talk(line: Begin, caplog: pytest.LogCaptureFixture):
    class Failing(ScriptedEngine):
        async def moderate(self, text: str) -> Any:
            raise RuntimeError(text)

    talk = await line(Failing("chat", [answer("My secret cat.", "Nice!")], finds={"-": Category.HATE}))
    await talk.take_turn()
    assert said_by_agent(talk) == "Nice!"
    assert "Words were not judged: RuntimeError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_turn_without_words_needs_no_judgement(line: Begin):
    engine = ScriptedEngine(
        "voice", [[Words("Hm."), Speech(SOUND), Spoken(), Unheard()]], finds={"zebra": Category.HATE}
    )
    talk = await line(engine)
    await talk.take_turn()
    assert [role for role, _, _ in await talk.stored()] == ["user", "assistant"]


async def test_the_log_has_the_category_and_none_of_the_words(line: Begin, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    talk = await line(ScriptedEngine("chat", [answer("I hate all Jews.", "Why?")]))
    await talk.take_turn()
    assert "An answer was replaced (user, hate)." in caplog.text
    assert "Jews" not in caplog.text


async def test_a_turn_that_waits_for_no_answer_is_corrected_all_the_same(line: Begin):
    engine = ScriptedEngine("chat", [answer("I have went.", "Oh.")], finds={"zebra": Category.HATE}, finds_after=0.1)
    engine.corrects_aloud, engine.corrections = False, MISTAKE
    talk = await line(engine)
    await talk.append(LONDON)
    await talk.talk.receive({"type": "input_audio_buffer.commit"})
    async with asyncio.timeout(10):
        while not talk.kinds("talk.correction"):
            await asyncio.sleep(0.02)
    assert [each["better"] for each in talk.one("talk.correction")["corrections"]] == ["have gone"]
    assert said_by_agent(talk) == ""
