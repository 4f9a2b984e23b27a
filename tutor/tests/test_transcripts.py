"""The certain words of a transcript are recognised."""

import pytest

from tutor.transcripts import Doubt, Transcript, certain_of_stored, in_doubt, joined

BREAD = "I went to the Panera Nailaski and bought some bread."
UNSURE = [(14, 20), (21, 29)]


def test_a_few_words_in_doubt_leave_a_gap():
    heard = in_doubt(BREAD, -0.8, UNSURE)
    assert (heard.doubt, heard.unsure) == (Doubt.WORDS, ((14, 29),))
    assert heard.certain == "I went to the ... and bought some bread."


@pytest.mark.parametrize("unsure", [[], [(0, 1), (2, 6), (14, 20), (21, 29), (34, 40)]])
def test_mostly_doubtful_words_leave_nothing_certain(unsure: list[tuple[int, int]]):
    heard = in_doubt(BREAD, -0.9, unsure)
    assert (heard.doubt, heard.certain) == (Doubt.MISHEARD, "")


def test_unsure_words_of_an_accepted_transcript_leave_no_gap():
    heard = joined([Transcript("I like fish.", -0.1), Transcript(BREAD, -0.5, unsure=((14, 20),))])
    assert (heard.doubt, heard.certain) == (None, f"I like fish. {BREAD}")
    assert [heard.text[start:end] for start, end in heard.unsure] == ["Panera"]
    assert heard.stored() == {}


@pytest.mark.parametrize(
    ("words", "is_sure"), [("I went to", True), ("to the", False), ("Panera", False), ("and", False), ("bread.", True)]
)
def test_words_next_to_unsure_ones_are_not_sure(words: str, is_sure: bool):
    heard = Transcript(BREAD, -0.5, unsure=((14, 20), (21, 29)))
    start = BREAD.index(words)
    assert heard.is_sure(start, start + len(words)) == is_sure


def test_pieces_without_english_leave_the_others_as_they_are():
    heard = joined([Transcript("I like fish.", -0.1), Transcript("", -1.2, Doubt.NOT_ENGLISH)])
    assert (heard.text, heard.certain) == ("I like fish.", "I like fish.")
    assert heard.confidence == pytest.approx(-0.1)


def test_pieces_without_english_alone_are_not_english():
    assert joined([Transcript("", -1.2, Doubt.NOT_ENGLISH), Transcript("")]).doubt is Doubt.NOT_ENGLISH


def test_words_in_doubt_keep_their_place_among_the_pieces():
    heard = joined([Transcript("I like fish.", -0.1), in_doubt(BREAD, -0.8, UNSURE)])
    assert [heard.text[start:end] for start, end in heard.unsure] == ["Panera Nailaski"]
    assert heard.certain == "I like fish. I went to the ... and bought some bread."


def test_no_pieces_give_an_empty_transcript():
    assert joined([]) == joined([Transcript("")]) == Transcript("")


def test_the_certain_words_can_be_derived_from_a_stored_message():
    heard = in_doubt(BREAD, -0.8, UNSURE)
    assert certain_of_stored(BREAD, heard.stored()) == heard.certain
    assert Transcript(BREAD, -0.1).stored() == {}


@pytest.mark.parametrize(
    "measured", [None, [], {"engine": "local"}, {"doubt": "words", "unsure": [3, ["a", 1], [9]]}, {"doubt": ["words"]}]
)
def test_an_archive_may_hold_anything(measured: object):
    assert certain_of_stored(BREAD, measured) == BREAD
