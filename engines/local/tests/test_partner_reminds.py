"""The partner asks for the correct form of a mistake of an earlier talk."""

from dataclasses import replace

import pytest

from engines.local import partner, phrases
from tutor import scenario
from tutor.domain import Line
from tutor.scenario import Brief

ANSWERS = ["I live in Berlin with my family.", "My family likes to cook together.", "We cook soup on Sundays."]


def brief(*mistakes: str) -> Brief:
    one = Brief(scenario.get("daily-routine" if "daily-routine" in scenario.load_all() else "food"), "A2", "seed")
    return replace(one, mistakes=mistakes)


def talked(of: Brief, *answers: str) -> list[Line]:
    lines = [Line("assistant", partner.opening(of))]
    for text in answers:
        answer = partner.answer(of, lines, text, ())
        lines += [Line("user", text), Line("assistant", " ".join(answer.sentences))]
    return lines


def reminders(lines: list[Line]) -> list[str]:
    return [
        line.text
        for line in lines
        if line.role == "assistant" and any(one in line.text for one in phrases.REMINDING_QUESTIONS)
    ]


def test_it_asks_once_for_a_mistake_of_an_earlier_talk() -> None:
    lines = talked(
        brief("my brother work \u2192 my brother works"), *ANSWERS, "My brother works.", "I like soup a lot."
    )
    (asked,) = reminders(lines)
    assert '"my brother work".' in asked


def test_without_mistakes_it_asks_for_nothing() -> None:
    assert reminders(talked(brief(), *ANSWERS, "I like soup a lot.")) == []


@pytest.mark.parametrize(
    ("said", "frames"),
    [("My brother works.", phrases.ELICITED), ("He works.", phrases.ELICITED), ("I don't know.", ())],
)
def test_it_says_whether_the_learner_found_the_form(said: str, frames: tuple[str, ...]) -> None:
    lines = talked(brief("my brother work \u2192 my brother works"), *ANSWERS, said)
    assert reminders(lines)
    last = lines[-1].text
    heads = [frame.partition("{")[0] for frame in frames]
    assert any(last.startswith(head) for head in heads) if heads else "Exactly" not in last


def test_the_wrong_form_gets_the_correct_one() -> None:
    lines = talked(brief("my brother work \u2192 my brother works"), *ANSWERS, "My brother work in a bank.")
    assert "my brother works" in lines[-1].text.lower()


def test_a_form_that_the_learner_has_used_is_not_asked_for() -> None:
    said = ["My brother works in Berlin.", *ANSWERS]
    assert reminders(talked(brief("my brother work \u2192 my brother works"), *said)) == []


def test_a_long_mistake_is_not_asked_for() -> None:
    assert reminders(talked(brief(f"{'word ' * 9}\u2192 words"), *ANSWERS, "I like soup a lot.")) == []
