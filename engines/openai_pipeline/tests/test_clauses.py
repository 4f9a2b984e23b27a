"""An answer is cut into clauses while it is being written."""

import random
import re

import pytest

from engines.openai_pipeline.clauses import LONGEST, Clauses

# After a first clause, the text is cut only at whole sentences.
BEGINNING = "Well. "
SENTENCES = [
    "She has 3.5 children on average.",
    "It costs 10,000 dollars, or 9.99 a day.",
    "The train leaves at 7:30 from London.",
    "Dr. Smith and Mrs. Jones live on St. Mary's Road.",
    "Many fruits, e.g. apples, i.e. red ones, are cheap.",
    'He said, "I am tired."',
    "Did she say \u201cI went home\u201d?",
    "J. K. Rowling wrote it, and J.R.R. Tolkien wrote the other.",
    "See www.example.com/talk or write to me@example.org today.",
    "I was... well, not happy.",
    "What a day?!",
    "You can say (e.g. Hello. How are you?) to anybody.",
    "Try Node.js, it is fun.",
    "It is No. 5 of 10, on Jan. 3 at least.",
    "No.",
    "So do I.",
    "We met at 6 p.m.",
    "He bought apples, pears, etc.",
    "I live in the sun.",
    "\u201cReally?\u201d she asked.",
    "It happened in 2019.",
]


def cut(text: str, *sizes: int) -> list[str]:
    """Return the clauses of a text that arrives in pieces of these sizes, repeated."""
    clauses, at, number = Clauses(), 0, 0
    found: list[str] = []
    while at < len(text):
        size = sizes[number % len(sizes)]
        found += clauses.feed(text[at : at + size])
        at, number = at + size, number + 1
    return found + list(clauses.rest())


def tokens(text: str) -> list[str]:
    return re.findall(r"\s*\w+|\s*[^\w\s]|\s+$", text)


def clauses_before_the_end(text: str) -> list[str]:
    clauses = Clauses()
    return [clause for token in tokens(text) for clause in clauses.feed(token)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_text_is_cut_only_between_sentences(size: int):
    found = cut(BEGINNING + " ".join(SENTENCES), size)
    assert [each.strip() for each in found[1:]] == SENTENCES


@pytest.mark.parametrize("seed", range(40))
def test_no_character_is_lost(seed: int):
    chance = random.Random(seed)
    alphabet = [*"aAbB.,;:!?\"'()[]*`_-\u2014\u2026\u201c\u201d\n 17\U0001f600", "Mr. ", "e.g. ", "... ", *SENTENCES]
    text = "".join(chance.choices(alphabet, k=80))
    assert "".join(cut(text, *chance.choices(range(1, 12), k=5))) == text


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("You went to the park.", "You went to the park."),
        ("Really?", "Really?"),
        ("That is a lovely answer,", "That is a lovely answer,"),
        ('He said "hello."', 'He said "hello."'),
        ("How nice: I like tea", None),
        ("Well, that is", None),
        ("It costs 10,", None),
        ("There are at least 3.", None),
        ("Please ask Dr.", None),
        ('She said, "I am here.', None),
        ("Good morning (said he.", None),
        ("That was in the U.", None),
    ],
)
def test_the_first_clause_is_returned_as_soon_as_it_is_complete(text: str, first: str | None):
    assert next(iter(clauses_before_the_end(text)), None) == first


def test_only_the_first_part_may_be_less_than_a_sentence():
    text = "When I was a child, I lived there. When I was a man, I did not, and that was good."
    assert [each.strip() for each in cut(text, 4)] == [
        "When I was a child,",
        "I lived there.",
        "When I was a man, I did not, and that was good.",
    ]


def test_a_list_is_cut_at_its_lines():
    found = cut("Some ideas. Here they are:\n1. Go home\n2. Stay here\n- Or sleep\nGood?", 3)
    assert [each.strip() for each in found] == [
        *("Some ideas.", "Here they are:", "1. Go home", "2. Stay here", "- Or sleep", "Good?")
    ]


def test_a_long_sentence_without_an_end_is_cut():
    found = cut("word " * 500, 6)
    assert max(len(each) for each in found) <= LONGEST
    assert all(each.endswith(" ") for each in found[:-1])


def test_an_unclosed_bracket_delays_only_briefly():
    assert len(cut("Well. Sorry :( Let me say it. " + "It was a long day. " * 10, 5)) > 5
