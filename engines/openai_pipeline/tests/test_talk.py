"""The pipeline speaks in whole talks. When it fails, the embedded engine continues the same turn."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engines.local.engine import LocalEngine
from engines.openai_pipeline.engine import PipelineEngine
from engines.openai_pipeline.tests.listening import CHAT, CLAUSES, HEARING, REPLY, SPEECH
from simulators.openai import Provider
from talk import fallback
from talk.tests.test_live_talk import Line

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

SAID = "My brother has went to London last week."
OTHERWISE = "My brother has went to Paris, um, last week."
FOREVER = {"times": None}


@pytest.fixture
async def line(pipeline: PipelineEngine, provider: Provider) -> AsyncIterator[Line]:
    provider.configure(transcripts=[OTHERWISE], replies=[REPLY])
    engines: Any = (pipeline, LocalEngine())
    line = Line(*engines)
    await line.begin()
    yield line
    await line.talk.close()


def engines_told(line: Line) -> list[str]:
    """Return the engines that the learner's notices named."""
    told = [each for each in line.sent if each["type"] == "talk.notice" and each["code"] == "engine"]
    return [each["engine"] for each in told]


async def test_a_talk_of_two_turns(line: Line):
    await line.take_turn()
    await line.take_turn()
    turn = [("user", OTHERWISE, True), ("assistant", " ".join(CLAUSES), True)]
    assert await line.stored() == turn * 2
    assert engines_told(line) == []


async def test_the_answer_is_about_the_dialogue_so_far(line: Line, provider: Provider):
    await line.take_turn()
    await line.take_turn()
    answers = [entry["body"] for entry in provider.log(CHAT) if entry["body"].get("stream")]
    said = answers[-1]["messages"][1:]
    talk = [(each["role"], each["content"]) for each in said]
    assert talk == [("user", OTHERWISE), ("assistant", " ".join(CLAUSES)), ("user", OTHERWISE)]


@pytest.mark.parametrize(("path", "heard"), [(HEARING, SAID), (CHAT, OTHERWISE), (SPEECH, OTHERWISE)])
@pytest.mark.parametrize("kind", ["401", "500", "cut"])
async def test_another_engine_continues_the_turn(line: Line, provider: Provider, path: str, heard: str, kind: str):
    provider.fail(path, kind, **FOREVER)
    await line.take_turn()
    user, assistant = await line.stored()
    assert user == ("user", heard, True)
    assert assistant[1].endswith("?")
    assert assistant[2]
    assert engines_told(line) == ["local"]


async def test_a_silent_provider_is_given_up_when_the_learners_patience_ends(
    line: Line, provider: Provider, settings: Any
):
    # Long enough for the transcript, also on a loaded machine.
    settings.ENGINE_PATIENCE = 4000
    provider.fail(SPEECH, "silence", **FOREVER)
    await line.take_turn()
    user, assistant = await line.stored()
    assert user == ("user", OTHERWISE, True)
    assert assistant[1]
    assert engines_told(line) == ["local"]


async def test_the_pipeline_is_used_again_after_its_rest(line: Line, provider: Provider):
    provider.fail(SPEECH, "500", **FOREVER)
    await line.take_turn()
    provider.clear_faults()
    fallback.rested()
    await line.take_turn()
    await line.take_turn()
    assert engines_told(line) == ["local", "openai_pipeline"]
    assert (await line.stored())[-1] == ("assistant", " ".join(CLAUSES), True)


async def test_an_answer_that_breaks_off_is_kept_as_far_as_it_was_played(line: Line, provider: Provider):
    # So the first clause has been spoken by then.
    provider.configure(delays={"token_ms": 150})
    provider.fail(CHAT, "cut", after=16, **FOREVER)
    await line.take_turn()
    assert await line.stored() == [("user", OTHERWISE, True), ("assistant", " ".join(CLAUSES[:2]), True)]
    assert line.kinds("response.done") == ["response.done"]


async def test_silence_is_not_answered(line: Line, provider: Provider):
    provider.configure(transcripts=[""], heard={})
    await line.take_turn(bytes(48_000))
    assert await line.stored() == []
    assert provider.log(CHAT) == []


async def test_learners_see_none_of_the_providers_words(line: Line, provider: Provider):
    provider.fail("/v1/*", "401", **FOREVER)
    await line.take_turn()
    told = str(line.sent)
    assert not [word for word in ("sk-", "Incorrect API key", "127.0.0.1", "Traceback") if word in told]
