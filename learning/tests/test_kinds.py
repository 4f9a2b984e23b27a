import uuid

import pytest

from learning.kinds import kind_of, words, written_out


@pytest.mark.parametrize(
    ("said", "better", "kind"),
    [
        ("work", "works", "work → works"),
        ("My brother work", "My brother works", "work → works"),
        ("she work.", "She works.", "work → works"),
        ("don't", "doesn't", "don't → doesn't"),
        ("She don\N{RIGHT SINGLE QUOTATION MARK}t", "She doesn't", "don't → doesn't"),
        ("I go", "I went", "go → went"),
        ("much friends", "many friends", "much → many"),
        # These words alone would stand for too much.
        ("in Monday", "on Monday", "in monday → on monday"),
        ("cinema", "the cinema", "cinema → the cinema"),
        ("I am agree", "I agree", "i am agree → i agree"),
        ("I am working", "I have been working", "i am working → i have been working"),
        ("depends of", "depends on", "depends of → depends on"),
        ("discussed about", "discussed", "discussed about → discussed"),
        ("since five years", "for five years", "since five years → for five years"),
    ],
)
def test_the_kind_of_a_correction(said: str, better: str, kind: str) -> None:
    found = kind_of(said, better)
    assert f"{' '.join(found.said)} → {' '.join(found.better)}" == kind


def test_he_work_and_she_work_are_one_card_of_one_learner() -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    assert kind_of("he work", "he works").card(one) == kind_of("Work", "works").card(one)
    assert kind_of("work", "works").card(one) != kind_of("work", "works").card(other)
    assert kind_of("work", "works").card(one) != kind_of("working", "works").card(one)
    assert kind_of("in Monday", "on Monday").card(one) != kind_of("in the table", "on the table").card(one)


def test_words_are_compared_without_punctuation_and_contractions() -> None:
    assert words("Well, I\N{RIGHT SINGLE QUOTATION MARK}m 20 — OK?") == ("well", "i'm", "20", "ok")
    assert written_out("He doesn't, I'm, we won't") == ("he", "does", "not", "i", "am", "we", "will", "not")
