"""The duration of an answer and its use of providers are stored with it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from conversations import store
from core.threads import in_thread
from engines.interface import Event, Heard, Speech, Spoken, Words
from talk.tests.test_live_talk import LONDON, Line
from tests.scripted import SOUND, ScriptedEngine, answer
from tests.talking import silence
from tutor.domain import Correction
from usage import metering
from usage.metering import Used

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

ASKED = Used("chat", "gpt-5.4-mini", text_in=1_000_000)  # 0.75 dollars
MADE_OUT = Used("transcription", "whisper-1", seconds=60)  # 0.006 dollars


class SpendingEngine(ScriptedEngine):
    """Follow a script in which a `Used` is what a provider has used by then."""

    async def correct(self, text: str, **context: Any) -> tuple[Correction, ...]:
        metering.record(ASKED)
        return await super().correct(text, **context)

    def talk(self, *of: Any) -> Any:
        context = super().talk(*of)
        return _Recording(context)


class _Recording:
    def __init__(self, context: Any) -> None:
        self._context = context

    async def __aenter__(self) -> Any:
        session = await self._context.__aenter__()
        scripted = session._reply

        async def reply(script: list[Any]) -> AsyncIterator[Event]:
            async for step in scripted(script):
                if isinstance(step, Used):
                    metering.record(step)
                else:
                    yield step

        session._reply = reply
        return session

    async def __aexit__(self, *error: Any) -> Any:
        return await self._context.__aexit__(*error)


async def begun(*engines: ScriptedEngine) -> Line:
    line = Line(*engines)
    await line.begin()
    return line


async def measured(line: Line) -> list[dict[str, Any]]:
    """Return the measurements of each message, in order."""
    await line.talk.close()
    found = await in_thread(store.get, line.learner, "talk")
    return [row.measured for row in found.messages] if found else []


async def test_an_answer_stores_its_timing_and_when_its_turn_was_saved():
    line = await begun(ScriptedEngine("chat", [[0.05, *answer("He has a dog.", "Nice!")]]))
    await line.take_turn()
    _, kept = await measured(line)
    assert kept["engine"] == "chat"
    assert 50 <= kept["heard_ms"] <= kept["thought_ms"] <= kept["first_audio_ms"]
    assert kept["saved_ms"] == next(said["save_ms"] for said in line.sent if said["type"] == "talk.saved")


async def test_an_answer_before_the_transcript_has_no_time_for_it():
    late = [Words("Nice!"), Speech(SOUND), Heard("He has a dog."), Spoken()]
    line = await begun(ScriptedEngine("voice", [late]))
    await line.take_turn()
    assert (await measured(line))[1]["heard_ms"] is None


async def test_an_opening_stores_no_timing():
    line = await begun(ScriptedEngine("chat", [[Words("Hello."), Speech(SOUND), Spoken()]]))
    await line.talk.receive({"type": "response.create"})
    await line.talk.settled()
    assert (await measured(line))[0].keys() == {"engine", "usage", "cost"}


async def test_an_answer_stores_its_usage_and_estimated_cost():
    line = await begun(SpendingEngine("chat", [[MADE_OUT, Heard("A dog."), ASKED, Words("Nice!"), Speech(SOUND)]]))
    await line.take_turn()
    _, kept = await measured(line)
    assert [call["stage"] for call in kept["usage"]] == ["transcription", "chat"]
    assert kept["cost"] == pytest.approx(0.756)


async def test_usage_reported_after_the_answer_is_stored_with_it():
    late = [Words("Nice!"), Speech(SOUND), ASKED, Spoken(), MADE_OUT, Heard("A dog.")]
    line = await begun(SpendingEngine("voice", [late]))
    await line.take_turn()
    _, kept = await measured(line)
    assert kept["cost"] == pytest.approx(0.756)
    assert "saved_ms" in kept
    assert sorted(said["role"] for said in line.sent if said["type"] == "talk.saved") == ["assistant", "user"]


async def test_usage_of_separate_corrections_is_stored_with_the_turn():
    line = await begun(SpendingEngine("chat", [answer("He has a dog.", "Nice!")], corrects_aloud=False))
    await line.take_turn()
    turn, _ = await measured(line)
    assert turn["cost"] == pytest.approx(0.75)


async def test_a_spoken_turn_stores_its_pauses():
    line = await begun(ScriptedEngine("chat", [answer("My brother went. He went.", "Oh?")]))
    await line.take_turn(LONDON + silence(1.0) + LONDON)
    turn, _ = await measured(line)
    assert turn["speech_ms"] == pytest.approx(4200, abs=500)
    assert max(turn["pauses_ms"]) == pytest.approx(1000, abs=250)


async def test_a_later_save_of_a_turn_keeps_its_pauses():
    line = await begun(SpendingEngine("chat", [answer("He has a dog.", "Nice!")], corrects_aloud=False))
    await line.take_turn()
    turn, _ = await measured(line)
    assert turn.keys() > {"cost", "speech_ms", "pauses_ms"}


async def test_a_typed_turn_has_no_pauses():
    line = await begun(ScriptedEngine("chat", [answer("He has a dog.", "Nice!")]))
    content = [{"type": "input_text", "text": "He has a dog."}]
    await line.talk.receive(
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}
    )
    await line.talk.receive({"type": "response.create"})
    await line.talk.settled()
    turn, _ = await measured(line)
    assert "speech_ms" not in turn


async def test_usage_of_a_discarded_reply_is_counted():
    pauses = [MADE_OUT, Heard("My brother"), 30.0]
    line = await begun(SpendingEngine("hasty", [pauses, answer("My brother went.", "Oh?")], supports_preemptive=True))
    await line.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 3000}}})
    await line.append(LONDON + silence(1.0) + LONDON)
    await line.talk.close()
    assert REGISTRY.get_sample_value("talking_agent_replies_thrown_away_total", {"engine": "hasty"})
    labels = {"engine": "hasty", "stage": "transcription"}
    assert REGISTRY.get_sample_value("talking_agent_provider_seconds_total", labels) == 60
