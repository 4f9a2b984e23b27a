from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from engines.local import corrector
from engines.local.corrector import correct

# Each line has a sentence that is no rule's own example, and its expected form after all corrections. The examples of the
# rules are in `data/`.
WRONG = """
My brother has went to London last week. | My brother went to London last week.
She have a big family and they lives in Brazil. | She has a big family and they live in Brazil.
Yesterday we eated ice cream. | Yesterday we ate ice cream.
He don't like coffee. | He doesn't like coffee.
He go to school every day. | He goes to school every day.
My childs are at school. | My children are at school.
We has a dog. | We have a dog.
I have a car red. | I have a red car.
The life is hard. | Life is hard.
He has a good job, isn't it? | He has a good job, doesn't he?
She suggested me to go. | She suggested that I go.
I am working here for three years. | I have been working here for three years.
I didn't saw nothing. | I didn't see anything.
"""

RIGHT = """
She don't, I mean, she doesn't like it.
She has a big family and they live in Brazil.
Um, I I think it was, uh, a really good trip.
I think he came home last night.
She gave me some advice, and I took it.
I made a lot of mistakes.
He wanted work, and they need help.
That sounds like a great idea.
My favorite food is pizza because it's easy to make.
You know, it's like, I don't really care that much.
Could you tell me how to get to the nearest train station, please?
He might even have been made amiable himself.
And mister John Dashwood had then leisure to consider how much there might be prudently in his power to do for them.
"""

PAIRS = [tuple(part.strip() for part in line.split("|")) for line in WRONG.strip().splitlines()]


def put_right(text: str) -> str:
    for one in reversed(correct(text)):
        text = text[: one.start] + one.better + text[one.end :]
    return text


@pytest.mark.parametrize("sentence", RIGHT.strip().splitlines())
def test_correct_sentences_have_no_corrections(sentence: str):
    assert correct(sentence) == ()


@pytest.mark.parametrize(("said", "better"), PAIRS)
def test_corrections_are_right(said: str, better: str):
    assert put_right(said) in (said, better)


@pytest.mark.parametrize("time", ["yesterday", "last year", "in 2019", "two years ago"])
def test_has_went_with_a_finished_time_becomes_went(time: str):
    (one,) = correct(f"My brother has went to London {time}.")
    assert (one.said, one.better, one.sure, one.category) == ("has went", "went", True, "tense")


def test_has_went_without_a_finished_time_is_sure():
    (one,) = correct("My brother has went to London.")
    assert one.sure


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("She have a dog.", 'With "she" the verb takes -s: she has.'),
        ("I think they lives in Brazil.", 'With "they" the verb has no -s: they live.'),
        ("They was at home.", 'With "they" say "were": they were.'),
        ("He don't like it.", 'With "he" say "doesn\'t": he doesn\'t.'),
    ],
)
def test_a_correction_of_agreement_names_the_rule(said: str, why: str):
    (one,) = correct(said)
    assert one.why == why


def test_she_have_and_they_lives():
    have, lives = correct("She have a big family and they lives in Brazil.")
    assert (have.said, have.better) == ("have", "has")
    assert (lives.said, lives.better) == ("lives", "live")


def test_correct_agreement_is_not_marked():
    assert [put_right(better) for _, better in PAIRS] == [better for _, better in PAIRS]


@pytest.mark.parametrize(
    ("said", "better"),
    [("We eated it.", "We ate it."), ("We have eated it.", "We have eaten it."), ("I've buyed it.", "I've bought it.")],
)
def test_the_past_and_the_participle_are_distinguished(said: str, better: str):
    assert put_right(said) == better


def test_start_and_end_are_characters_of_the_transcript():
    text = "Hello there! He don\u2019t know. She have two cats. I am agree."
    found = correct(text)
    assert len(found) == 3
    assert [text[one.start : one.end].replace("\u2019", "'") for one in found] == [one.said for one in found]


def test_every_correction_says_why_in_one_sentence():
    for said, _ in PAIRS:
        for one in correct(said):
            assert one.why.endswith((".", '."'))
            assert len(one.why) < 100


@pytest.mark.parametrize(
    "text", ["my brother has gone to london", "i live in brazil i have two cats", "Recieve teh parcel"]
)
def test_spelling_capitals_and_punctuation_are_ignored(text: str):
    assert correct(text) == ()


@pytest.mark.parametrize("text", ["", " ", "...", "?!", "\0", "日本語", "um", "a a a a a", "' ' '", "x" * 5000])
def test_unusual_text_raises_no_error(text: str):
    assert correct(text) == ()


def test_corrections_do_not_overlap():
    found = correct("Yesterday I have went to home and I didn't saw much people since five years.")
    assert len(found) >= 3
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_threads_can_share_the_corrector():
    with ThreadPoolExecutor(4) as threads:
        assert {len(found) for found in threads.map(correct, ["She have a dog."] * 40)} == {1}


def test_text_without_a_full_stop_is_checked_in_pieces():
    # 20 kB, which would take minutes in one piece.
    endless = "she have a dog and she go to the park every day and " * 400
    assert max(len(piece.group()) for piece in corrector._SENTENCE.finditer(endless)) <= 301
    found = correct(endless)
    assert len(found) > 400
    assert all(endless[one.start : one.end] == one.said for one in found)


@pytest.mark.parametrize("text", ["a" * 20_000, "?" * 20_000, "a. " * 7_000, " " * 20_000, "word " * 4_000])
def test_every_character_of_a_word_is_in_one_piece(text: str):
    pieces = [piece.group() for piece in corrector._SENTENCE.finditer(text)]
    assert sum(piece.count("a") + piece.count("word") for piece in pieces) == text.count("a") + text.count("word")
