"""The partner repeats only corrected words, and no words that were not checked."""

import re

import pytest

from engines.local import corrector
from engines.local.recast import recasts
from tutor.domain import Correction


def correction(heard: str, said: str, better: str, *, sure: bool = True) -> Correction:
    start = heard.index(said)
    return Correction(said, better, "", "agreement", start, start + len(said), sure)


def spoken(heard: str, *corrections: Correction) -> str:
    """Return the words that the partner presents as correct, or ""."""
    found = recasts(heard, corrections)
    return re.findall(r'"(.+)"', found[0])[0] if found else ""


@pytest.mark.parametrize(
    ("heard", "right"),
    [
        ("I am agree with Dr. Brown.", "I agree"),
        ("The ticket costed $12.50 and I waited since two hours at St. Mary's.", "The ticket cost"),
        ("She don't like coffee but he like it very much.", "She doesn't"),
        ("We don't spoke the same language, but we laughed all the way.", "didn't speak"),
        ("My brother is engineer and he work in a big company.", "an engineer"),
        ("Yesterday I go to market and I buyed three apple.", "I went"),
        ("Last night I sleep at 11 o'clock and wake up at 6.", "I slept"),
        ("She don't have no money.", "She doesn't"),
        ("He go to school by foot every day.", "He goes"),
        ("My mother cooks. She cook very good.", "She cooks"),
        ("He explained me the problem.", "explained the problem to me"),
        ("He described us his new flat, and we liked it.", "described his new flat to us"),
        ("I very like this song, is my favourite.", "I really like"),
        ("There is many people what live alone.", "There are"),
        ("I went to school in St. Petersburg and I have 20 years old.", "I am"),
        ("He have a small shop in Washington D.C. and he sell phones.", "He has"),
    ],
)
def test_only_checked_words_are_spoken(heard: str, right: str):
    assert spoken(heard, *corrector.correct(heard)) == right


def test_a_single_word_includes_its_neighbour():
    heard = "My brother work in a bank."
    assert spoken(heard, correction(heard, "work", "works")) == "My brother works"


def test_a_neighbour_that_is_wrong_itself_is_left_out():
    heard = "They was childs once."
    assert spoken(heard, correction(heard, "childs", "children"), correction(heard, "was", "were")) == "children once"


def test_a_neighbour_of_another_sentence_is_left_out():
    heard = "I saw the U.S. Go is right."
    assert spoken(heard, correction(heard, "Go", "Going")) == "Going is"


def test_a_repeated_word_or_a_hesitation_is_not_included():
    heard = "The um was there."
    assert spoken(heard, correction(heard, "was", "were")) == "were there"


def test_an_unsure_or_long_correction_is_not_spoken():
    heard = "She have a dog."
    assert not spoken(heard, correction(heard, "have", "has", sure=False))
    assert not spoken(heard, correction(heard, "have", "has " * 13))


@pytest.mark.parametrize("seed", range(30))
def test_a_recast_has_only_corrected_words_and_the_learners_words(seed: int):
    words = ["he", "the", "Dr.", "two", "um", "a", "b,", "c"]
    heard = " ".join(words[(seed * step) % len(words)] for step in range(3, 9)) + " work " + words[seed % 8]
    said = spoken(heard, correction(heard, "work", "works"))
    assert "works" in said
    assert set(said.split()) <= {"works", *re.findall(r"[\w.,]+", heard)}
