import time

import pytest

from tutor import sentences


@pytest.mark.parametrize(
    "whole",
    [
        "I agree with Dr. Brown.",
        "Mr. Smith and Mrs. Brown live in St. Louis.",
        "He has a small shop in Washington D.C. and he sells phones.",
        "AT&T and the U.S. are big.",
        "We met at 6 p.m. on Friday.",
        "I like fruit, e.g. apples, pears, etc. and nuts.",
        "It weighs 5 kg, i.e. 11 lbs.",
        "Prof. J. K. Lee paid $12.50 at St. Mary's.",
        "Read No. 5 on p. 12 by Jan. 3.",
        '"Really?" she asked.',
        "I was... well, not happy.",
        "She works at Smith Ltd. in Leeds.",
    ],
)
def test_abbreviation_does_not_end_a_sentence(whole: str):
    assert sentences.split(whole) == [whole]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("I like it. it is good", ["I like it.", "it is good"]),
        ("Do you? i do! me too", ["Do you?", "i do!", "me too"]),
        ("I live on Main St. It is long.", ["I live on Main St.", "It is long."]),
        ("She is from the U.S. They met there.", ["She is from the U.S.", "They met there."]),
        ("He bought apples, pears, etc. Then he left.", ["He bought apples, pears, etc.", "Then he left."]),
        ("It happened in 2019. So what?", ["It happened in 2019.", "So what?"]),
        ("1. Say hello\n2. Say goodbye", ["1. Say hello", "2. Say goodbye"]),
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("  One.\n\nTwo.  ", ["One.", "Two."]),
        ("So do I. Really.", ["So do I.", "Really."]),
        ("...", ["..."]),
        ("", []),
    ],
)
def test_sentences_are_split(text: str, parts: list[str]):
    assert sentences.split(text) == parts


def test_spans_give_the_positions_of_the_sentences():
    text = " I saw Dr. Lee.  She was busy. "
    assert [text[start:end] for start, end in sentences.spans(text)] == ["I saw Dr. Lee.", "She was busy."]


@pytest.mark.parametrize("text", ["e.g. " * 8000, '"(. ' * 10_000, ". " * 20_000, "." * 40_000 + "x"])
def test_a_long_text_takes_time_in_proportion_to_its_length(text: str):
    began = time.process_time()
    sentences.spans(text)
    assert time.process_time() - began < 1
