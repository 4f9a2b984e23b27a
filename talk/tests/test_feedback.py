"""The analysis of a stored conversation uses its rows, and is stored with it."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from audio.encoding import Clip
from conversations import store
from conversations.drafts import Draft
from conversations.store import StoredConversation
from core.threads import in_thread
from simulators.openai import Provider
from talk import feedback
from tutor.domain import EngineError

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

AT = datetime(2026, 5, 1, tzinfo=UTC)
CONFIG = {"scenario": "travel", "level": "A2", "explain": "vi", "timeLimit": 1}
SCORES = {"fluency": 60, "grammar": 40, "vocabulary": 60, "contentRichness": 80}
ANSWER = {"scores": SCORES, "strengths": [], "improvements": [], "feedback": "Tốt.", "suggestions": []}


def turn(number: int, role: str, words: str, *, seconds: float | None = None) -> Draft:
    clip = Clip(f"sound {number}".encode(), "audio/webm", seconds) if seconds else None
    return Draft(f"{role}-{number}", role, words, AT.replace(second=number), audio=clip)


SPOKEN = [
    turn(1, "assistant", "Where did you go?", seconds=9.0),
    turn(2, "user", "I goed to Italy.", seconds=4.0),
    turn(3, "user", "With my sister.", seconds=2.0),
]


@pytest.fixture
def learner() -> uuid.UUID:
    return uuid.uuid4()


@pytest.fixture
def pipeline(openai_configured: Provider, settings: Any) -> Provider:
    settings.TUTOR_ENGINE = "openai_pipeline"
    openai_configured.configure(structured={"analysis": [ANSWER]})
    return openai_configured


async def keep(learner: uuid.UUID, messages: list[Draft], **columns: Any) -> None:
    await in_thread(
        store.save, learner, "talk", columns={"config": CONFIG, "topic": "Travel", **columns}, messages=messages
    )


async def kept(learner: uuid.UUID) -> StoredConversation:
    stored = await in_thread(store.get, learner, "talk")
    assert stored
    return stored


async def test_the_analysis_is_kept_with_its_conversation(pipeline, learner):
    await keep(learner, SPOKEN, title="Mine")
    shape = await feedback.of_conversation(learner, "talk")
    stored = await kept(learner)
    assert stored.conversation.analysis == shape
    assert (stored.conversation.title, len(stored.messages)) == ("Mine", 3)


async def test_the_learners_recordings_are_the_time_spoken(pipeline, learner):
    await keep(learner, SPOKEN)
    shape = await feedback.of_conversation(learner, "talk")
    assert shape
    assert shape["speakingMetrics"] == {
        **{"totalWords": 7, "estimatedSeconds": 6.0},
        **{"idealSeconds": 30.0, "speakingRatio": 0.2},
    }
    assert shape["componentScores"]["fluency"] == 60


async def test_it_names_the_engine_that_made_it(pipeline, learner):
    await keep(learner, SPOKEN)
    await feedback.of_conversation(learner, "talk")
    analysis = (await kept(learner)).conversation.analysis
    assert analysis
    assert analysis["engine"] == "openai_pipeline"


async def test_only_recordings_of_analysed_turns_count_in_a_very_long_talk(pipeline, learner):
    long = [turn(number, "user", "word " * 4_000, seconds=5.0) for number in range(6)]
    await keep(learner, long)
    shape = await feedback.of_conversation(learner, "talk")
    assert shape
    assert shape["judgedTurns"] == {"newest": 3, "all": 6}
    assert shape["speakingMetrics"]["estimatedSeconds"] == 15.0
    [asked] = pipeline.log("/v1/chat/completions")
    assert len(json.loads(asked["body"]["messages"][1]["content"])["lines"]) == 3


async def test_a_typed_turn_leaves_fluency_measured(pipeline, learner):
    await keep(learner, [*SPOKEN, turn(4, "user", "And I typed this.")])
    shape = await feedback.of_conversation(learner, "talk")
    assert shape
    assert shape["componentScores"]["fluency"] == 60
    [asked] = pipeline.log("/v1/chat/completions")
    counted = json.loads(asked["body"]["messages"][1]["content"])["counted"]
    assert (counted["words"], counted["words_per_minute"]) == (11, 70)


async def test_typed_turns_alone_leave_fluency_unmeasured(pipeline, learner):
    await keep(learner, [turn(1, "user", "I typed this."), turn(2, "user", "And this.")])
    shape = await feedback.of_conversation(learner, "talk")
    assert shape
    assert shape["componentScores"]["fluency"] is None
    assert "fluency" in shape["unmeasured"]


async def test_it_is_explained_in_the_conversations_language(pipeline, learner):
    await keep(learner, SPOKEN)
    await feedback.of_conversation(learner, "talk")
    [asked] = pipeline.log("/v1/chat/completions")
    assert "Vietnamese" in asked["body"]["messages"][0]["content"]


async def test_a_new_one_replaces_the_one_before(pipeline, learner):
    pipeline.configure(structured={"analysis": [ANSWER, ANSWER | {"feedback": "Anew."}]})
    await keep(learner, SPOKEN)
    await feedback.of_conversation(learner, "talk")
    anew = await feedback.of_conversation(learner, "talk")
    assert anew
    assert anew["feedback"] == "Anew."
    assert (await kept(learner)).conversation.analysis == anew


async def test_an_invalid_answer_is_reported_and_nothing_is_saved(pipeline, learner):
    pipeline.configure(structured={"analysis": ["70 of 100!"]})
    await keep(learner, SPOKEN)
    with pytest.raises(EngineError):
        await feedback.of_conversation(learner, "talk")
    assert (await kept(learner)).conversation.analysis is None


async def test_a_failed_analysis_leaves_the_one_before(pipeline, learner):
    pipeline.configure(structured={"analysis": [ANSWER, "70 of 100!"]})
    await keep(learner, SPOKEN)
    before = await feedback.of_conversation(learner, "talk")
    with pytest.raises(EngineError):
        await feedback.of_conversation(learner, "talk")
    assert (await kept(learner)).conversation.analysis == before


async def test_another_learners_conversation_is_not_found(pipeline, learner):
    await keep(learner, SPOKEN)
    assert await feedback.of_conversation(uuid.uuid4(), "talk") is None
    assert not pipeline.log("/v1/chat/completions")


async def test_a_deleted_conversation_is_not_found(pipeline, learner):
    await keep(learner, SPOKEN)
    await in_thread(store.delete, learner, "talk")
    assert await feedback.of_conversation(learner, "talk") is None


@pytest.mark.parametrize("kind", ["403", "404"])
async def test_if_a_provider_fails_the_next_engine_analyses_and_is_named(pipeline, learner, kind):
    pipeline.fail("/v1/chat/completions", kind)
    await keep(learner, SPOKEN)
    shape = await feedback.of_conversation(learner, "talk")
    assert shape
    assert shape["feedback"].startswith("You said 7 words in 2 turns")
    assert shape["engine"] == "local"
    assert shape["componentScores"]["grammar"] is None


async def test_the_embedded_engine_counts(settings, learner):
    settings.TUTOR_ENGINE = "local"
    await keep(learner, SPOKEN)
    shape = await feedback.of_conversation(learner, "talk")
    assert shape
    assert "7 words in 2 turns" in shape["feedback"]
    assert "pronunciation" in shape["unmeasured"]


@pytest.mark.parametrize(
    ("config", "minutes"),
    [
        ({"timeLimit": 5}, 5.0),
        ({"timeLimit": 0}, None),
        ({"timeLimit": "5"}, None),
        ({"timeLimit": True}, None),
        ([], None),
    ],
)
def test_an_invalid_time_limit_is_ignored(config, minutes):
    assert feedback.time_limit(config) == minutes
