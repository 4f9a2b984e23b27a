"""The provider's voice answers in whole talks. When it fails, the embedded engine continues the same turn."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engines.local.engine import LocalEngine
from engines.openai_realtime.engine import RealtimeEngine
from engines.openai_realtime.tests.talk import FOREVER, TALK, VOICE, until
from simulators.openai import Provider
from talk.tests.test_live_talk import Line
from tests.talking import silence, spoken

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

LONDON = spoken("learner_london")
SAID = "My brother has went to London last week."
OTHERWISE = "My brother has went to Paris, um, last week."
REPLY = "Ah, he went there? What did he see?"
HANDS_FREE = {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
ANSWERED = [("user", OTHERWISE, True), ("assistant", REPLY, True)]
TURN = silence(0.5) + VOICE + silence(1.6)


async def talk_with(provider: Provider) -> Line:
    provider.configure(transcripts=[OTHERWISE], replies=[REPLY])
    engines: Any = (RealtimeEngine(), LocalEngine())
    line = Line(*engines)
    await line.begin()
    return line


@pytest.fixture
async def line(openai_configured: Provider) -> AsyncIterator[Line]:
    line = await talk_with(openai_configured)
    yield line
    await line.talk.close()


@pytest.fixture
async def own_line(own_provider: Provider) -> AsyncIterator[Line]:
    line = await talk_with(own_provider)
    yield line
    await line.talk.close()


def engines_told(line: Line) -> list[str]:
    """Return the engines that the learner's notices named."""
    told = [each for each in line.sent if each["type"] == "talk.notice" and each["code"] == "engine"]
    return [each["engine"] for each in told]


async def sent(line: Line, kind: str, count: int = 1) -> dict[str, Any]:
    await until(lambda: len(line.kinds(kind)) >= count)
    return [event for event in line.sent if event["type"] == kind][count - 1]


async def hands_free_turn(line: Line, number: int) -> None:
    await line.append(TURN)
    await sent(line, "response.done", number)
    await line.talk.settled()


async def test_a_talk_of_two_turns(line: Line):
    await line.take_turn()
    await line.take_turn()
    assert await line.stored() == ANSWERED * 2
    assert engines_told(line) == []


async def test_sixty_turns(line: Line, provider: Provider):
    provider.configure(ms_per_character=10)
    for _ in range(60):
        await line.take_turn(LONDON[:24_000])
    assert await line.stored() == ANSWERED * 60
    assert engines_told(line) == []


async def test_hands_free(line: Line, provider: Provider):
    await line.update(**HANDS_FREE)
    await hands_free_turn(line, 1)
    await hands_free_turn(line, 2)
    assert await line.stored() == ANSWERED * 2
    assert provider.seen()["events_in"].get("response.create") is None


async def test_after_an_interruption_both_sides_keep_only_the_played_part(line: Line, provider: Provider):
    provider.configure(delays={"realtime_per_second_ms": 4000})
    await line.update(**HANDS_FREE)
    await line.append(TURN)
    await until(lambda: len(line.kinds("response.output_audio.delta")) >= 8)
    await line.append(VOICE)
    done = await sent(line, "response.done")
    assert done["response"]["status"] == "cancelled"
    item = done["response"]["output"][0]
    cut = {"type": "conversation.item.truncate", "item_id": item["id"], "content_index": 0, "audio_end_ms": 450}
    await line.talk.receive(cut)
    await until(lambda: provider.seen()["events_out"].get("conversation.item.truncated"))
    provider.configure(delays={"realtime_per_second_ms": 0})
    await line.append(silence(1.6))
    await sent(line, "response.done", 2)
    await line.talk.settled()
    user, assistant, *second = await line.stored()
    assert user == ANSWERED[0]
    assert assistant[0] == "assistant"
    assert REPLY.startswith(assistant[1])
    assert assistant[1] != REPLY
    assert second == ANSWERED


async def test_another_engine_replaces_a_provider_that_dies_during_a_turn(own_line: Line, own_provider: Provider):
    await own_line.take_turn()
    await own_line.append(LONDON[: len(LONDON) // 2 // 2 * 2])
    own_provider.stop()
    await own_line.take_turn(LONDON[len(LONDON) // 2 // 2 * 2 :])
    *_, user, assistant = await own_line.stored()
    assert user == ("user", SAID, True)
    assert assistant[1].endswith("?")
    assert engines_told(own_line) == ["local"]


@pytest.mark.parametrize("kind", ["401", "500"])
async def test_another_engine_continues_the_turn(openai_configured: Provider, kind: str):
    openai_configured.fail(TALK, kind, **FOREVER)
    line = await talk_with(openai_configured)
    await line.take_turn()
    assert (await line.stored())[0] == ("user", SAID, True)
    assert engines_told(line) == ["local"]
    told = str(line.sent)
    assert not [word for word in ("sk-", "Incorrect API key", "127.0.0.1", "Traceback") if word in told]
    await line.talk.close()


async def test_a_silent_provider_is_given_up_when_the_learners_patience_ends(
    line: Line, provider: Provider, settings: Any
):
    settings.ENGINE_PATIENCE = 600
    provider.fail(TALK, "silence", event="response.created", **FOREVER)
    await line.take_turn()
    assert [(role, has_sound) for role, _, has_sound in await line.stored()] == [("user", True), ("assistant", True)]
    assert engines_told(line) == ["local"]


async def test_another_engine_replaces_a_provider_that_dies_during_silence(own_line: Line, own_provider: Provider):
    await own_line.update(**HANDS_FREE)
    await hands_free_turn(own_line, 1)
    own_provider.stop()
    await until(lambda: engines_told(own_line))
    await own_line.append(LONDON + silence(3))
    await sent(own_line, "response.done", 2)
    await own_line.talk.settled()
    assert (await own_line.stored())[2] == ("user", SAID, True)


async def test_a_session_that_expires_between_turns_is_not_noticed(line: Line, provider: Provider):
    await line.take_turn()
    # Long enough for a machine that stalls within a turn.
    provider.configure(session_expires_s=6)
    provider.fail(TALK, "cut", event="session.updated")
    # The provider confirms this, and then the connection is cut.
    await line.update(audio={"output": {"speed": 1.1}})
    await until(lambda: provider.seen()["requests"][TALK] >= 3)
    provider.configure(session_expires_s=600)
    await line.take_turn()
    assert await line.stored() == ANSWERED * 2
    assert engines_told(line) == []


async def test_a_turn_without_transcript_is_kept_as_audio(line: Line, provider: Provider):
    provider.fail(TALK, "failed", event="conversation.item.input_audio_transcription.completed")
    await line.take_turn()
    assert await line.stored() == [("user", "", True), ANSWERED[1]]


async def test_an_answer_that_breaks_off_is_kept_as_far_as_it_was_received(line: Line, provider: Provider):
    provider.configure(delays={"realtime_per_second_ms": 300, "token_ms": 30})
    provider.fail(TALK, "cut", event="response.output_audio.delta", after=6)
    await line.take_turn()
    user, assistant = await line.stored()
    assert user == ANSWERED[0]
    assert assistant[1]
    assert REPLY.startswith(assistant[1])
