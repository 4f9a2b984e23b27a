"""A level from one talk: with an interval, and only from what was measured."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from conversations import store
from conversations.drafts import Draft
from conversations.levels import LEVELS
from conversations.models import Message
from conversations.serializers import MAX_MESSAGES
from core.json_types import Json
from learning import placement
from learning.placement import place_on
from tests.clients import LearnerClient
from tests.clouds import DATABASES
from tutor import yardsticks

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)

EASY = "I have a dog and a cat. My dog is big."
HARD = (
    "Although the government has subsidised renewable energy considerably, sceptical commentators maintain that the "
    "infrastructure remains inadequate, and consequently investors are reluctant."
)
WRONG: Json = {"said": "go", "better": "went", "why": "", "category": "tense", "start": 0, "end": 2}


def spoken(words: int, pauses: int) -> Json:
    return {"engine": "local", "speech_ms": words * 350, "pauses_ms": [400] * pauses}


def place(learner: LearnerClient, *turns: tuple[str, int | None, int], doubt: str = "") -> Json:
    """Save a talk of turns with their pauses (None: typed) and corrections, and return its placement."""
    drafts = []
    for number, (text, pauses, wrong) in enumerate(turns):
        measured = None if pauses is None else spoken(len(text.split()), pauses)
        if doubt:
            measured = (measured or {}) | {"doubt": doubt, "confidence": -0.9, "unsure": []}
        at = timezone.now() + timedelta(seconds=number)
        drafts.append(Draft(f"user-{number}", "user", text, at, corrections=[WRONG] * wrong, measured=measured))
    store.save(learner.learner, "talk", columns={"timestamp": timezone.now()}, messages=drafts, replace=False)
    answer = learner.get("/api/conversations/talk/placement")
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def learner() -> LearnerClient:
    return LearnerClient()


def evidence(found: Json, name: str) -> Json:
    return next(each for each in found["evidence"] if each["name"] == name)


def test_short_runs_of_easy_words_with_mistakes_are_a_beginners(learner: LearnerClient):
    found = place(learner, *[(EASY, 4, 2)] * 8)
    assert found["level"] == "A1"
    assert found["low"] == "A1"
    assert found["high"] in ("A1", "A2")
    assert "pronunciation" in found["notMeasured"]


def test_long_runs_of_rare_words_without_mistakes_are_advanced(learner: LearnerClient):
    found = place(learner, *[(HARD, 1, 0)] * 8)
    assert (found["level"], found["high"]) == ("C1", "C1")


def test_mixed_evidence_gives_a_wide_interval(learner: LearnerClient):
    # Easy words without a mistake: the words are a beginner's, the corrections an advanced learner's.
    found = place(learner, *[(EASY, 1, 0)] * 8)
    assert LEVELS.index(found["high"]) - LEVELS.index(found["low"]) >= 3
    assert found["low"] <= found["level"] <= found["high"]


def test_a_typed_talk_says_that_speech_was_not_measured(learner: LearnerClient):
    found = place(learner, *[(EASY, None, 1)] * 8)
    assert evidence(found, "lengthOfRun")["value"] is None
    assert "Typed words" in evidence(found, "lengthOfRun")["unmeasured"]
    assert found["level"] in LEVELS


def test_doubtful_turns_do_not_count(learner: LearnerClient):
    found = place(learner, *[(HARD, 1, 0)] * 8, doubt="misheard")
    assert (found["level"], found["words"]) == (None, 0)
    assert all(each["unmeasured"] for each in found["evidence"])


def test_a_short_talk_has_no_level(learner: LearnerClient):
    assert place(learner, (EASY, 2, 0))["level"] is None


def test_another_learners_talk_is_not_found(learner: LearnerClient):
    place(learner, (EASY, 2, 0))
    assert LearnerClient().get("/api/conversations/talk/placement").status_code == 404


@pytest.mark.parametrize(
    "yardstick", [yardsticks.WORDS_ABOVE_A2, yardsticks.WORDS_PER_RUN, yardsticks.MISTAKES_PER_100_WORDS]
)
def test_each_level_of_a_yardstick_has_its_place(yardstick: dict[str, float]):
    assert [place_on(yardstick, value) for value in yardstick.values()] == [0, 1, 2, 3, 4]
    assert place_on(yardstick, (yardstick["A2"] + yardstick["B1"]) / 2) == pytest.approx(1.5)
    assert {place_on(yardstick, -1.0), place_on(yardstick, 1000.0)} == {0.0, 4.0}


def test_the_time_grows_with_the_length_of_the_talk():
    def seconds(count: int) -> float:
        said = [Message(role="user", content=EASY, measured=spoken(11, 2)) for _ in range(count)]
        began = time.process_time()
        assert placement.of(said).level
        return time.process_time() - began

    seconds(10)
    # Four times as many turns. If each turn were compared with each other one, sixteen times as long.
    assert seconds(4 * MAX_MESSAGES) < 8 * min(seconds(MAX_MESSAGES) for _ in range(3))
