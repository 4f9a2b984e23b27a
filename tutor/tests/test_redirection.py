"""The agent leads back to the scenario with a kind sentence and one question, and does not scold."""

from collections.abc import Iterator
from typing import Any

import pytest

from tutor import moderation, redirection, scenario
from tutor.domain import Line
from tutor.moderation import Category
from tutor.scenario import Brief

SCOLDING = ("must not", "never", "bad", "wrong to", "not allowed", "inappropriate", "you should", "shame")


def brief(scenario_id: str = "travel", level: str = "B1") -> Brief:
    return Brief(scenario=scenario.get(scenario_id), level=level, seed="conv-1")


def said(*spoken: str) -> list[Line]:
    return [Line("assistant", one) for one in spoken]


def all_phrases() -> Iterator[str]:
    for phrases in redirection.load().values():
        yield from phrases


@pytest.mark.parametrize("scenario_id", scenario.load_all())
@pytest.mark.parametrize("level", ["A1", "C1"])
def test_a_question_of_the_scenario_follows(scenario_id, level):
    one = brief(scenario_id, level)
    phrase, question = redirection.of_learner(one, [], "Let's fuck.", Category.SEXUAL)
    assert phrase in redirection.load()["sexual"]
    assert question in {text for each in one.scenario.follow_ups for text in (each.ask, each.easy)}
    assert "{" not in question


def test_neither_phrase_nor_question_is_repeated():
    one, lines = brief(), list[Line]()
    answers = []
    for _ in range(2):
        answers.append(redirection.of_learner(one, lines, "All Muslims are rats.", Category.HATE))
        lines += [Line("user", "All Muslims are rats."), *said(" ".join(answers[-1]))]
    assert len({phrase for phrase, _ in answers}) == len({question for _, question in answers}) == 2


def test_a_talk_without_questions_left_still_gets_an_answer():
    one = brief()
    everything = said(*(each.ask for each in one.scenario.follow_ups))
    assert len(redirection.of_agent(one, everything)) == 1


def test_asking_about_a_word_is_answered_in_another_way(settings: Any):
    heard = "What does faggot mean?"
    assert redirection.of_learner(brief(), [], heard, Category.HATE)[0] in redirection.load()["asked"]
    settings.AUDIENCE = "children"
    assert redirection.of_learner(brief(), [], heard, Category.HATE)[0] in redirection.load()["asked_by_children"]


def test_a_quoted_threat_stays_one():
    heard = "I heard you: I will kill you."
    assert redirection.of_learner(brief(), [], heard, Category.THREAT)[0] in redirection.load()["threat"]


def test_distress_gets_care_and_no_question():
    sentences = redirection.of_learner(brief(), [], "I want to die.", Category.SELF_HARM)
    assert sentences == redirection.caring()
    assert "?" not in "".join(sentences)


def test_no_phrase_scolds_or_is_itself_stopped(settings: Any):
    settings.AUDIENCE = "children"
    assert [one for one in all_phrases() if any(word in one.lower() for word in SCOLDING)] == []
    assert [one for one in all_phrases() if moderation.found(one)] == []
