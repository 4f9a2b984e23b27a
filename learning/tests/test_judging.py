import pytest

from learning.judging import judge
from tutor.transcripts import Doubt, Transcript

SENTENCE = "My brother works in London."


@pytest.mark.parametrize(
    ("text", "said", "better", "corrected", "outcome"),
    [
        ("My brother works in London.", "work", "works", SENTENCE, "right"),
        ("He works hard at work.", "work", "works", "He works hard at work.", "right"),
        ("He doesn't work.", "don't", "doesn't", "He doesn't work.", "right"),
        ("He does not work.", "don't", "doesn't", "He doesn't work.", "right"),
        ("He do not work.", "don't", "doesn't", "He doesn't work.", "wrong"),
        ("I went to the cinema.", "cinema", "the cinema", "I went to the cinema.", "right"),
        ("I went to cinema.", "cinema", "the cinema", "I went to the cinema.", "wrong"),
        ("I agree with you.", "I am agree", "I agree", "I agree with you.", "right"),
        ("I am agree with you.", "I am agree", "I agree", "I agree with you.", "wrong"),
        ("We discussed it.", "discussed about", "discussed", "We discussed it.", "right"),
        ("We discussed about it.", "discussed about", "discussed", "We discussed it.", "wrong"),
        ("On Monday I swim.", "in Monday", "on Monday", "On Monday I swim.", "right"),
        ("", "work", "works", SENTENCE, "wrong"),
    ],
)
def test_the_corrected_words_decide(text: str, said: str, better: str, corrected: str, outcome: str) -> None:
    assert judge(Transcript(text), said, better, corrected) == outcome


@pytest.mark.parametrize(
    ("heard", "outcome"),
    [
        (Transcript("My brother work in London.", -1.0, Doubt.WORDS, ((11, 15),)), "unsure"),
        (Transcript("My brother works in London.", -1.0, Doubt.WORDS, ((11, 16),)), "unsure"),
        # Only another word is in doubt.
        (Transcript("My brother works in London.", -1.0, Doubt.WORDS, ((20, 26),)), "right"),
        (Transcript("My mother walks", -2.0, Doubt.MISHEARD, ((0, 15),)), "unsure"),
        (Transcript("", None, Doubt.NOT_ENGLISH), "unsure"),
    ],
)
def test_what_may_be_misheard_is_never_wrong(heard: Transcript, outcome: str) -> None:
    assert judge(heard, "work", "works", SENTENCE) == outcome
