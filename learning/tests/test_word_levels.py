import pytest

from learning import word_levels

# Words of the beginning of Lewis Carroll's "Alice", of a weather report, and those that learners use most, with their syllables.
SPOKEN = (  # noqa: SIM905
    "alice 2 was 1 beginning 3 to 1 get 1 very 2 tired 1 of 1 sitting 2 by 1 her 1 sister 2 on 1 the 1 bank 1 and 1 having 2 "
    "nothing 2 do 1 once 1 or 1 twice 1 she 1 had 1 peeped 1 into 2 book 1 reading 2 but 1 it 1 no 1 pictures 2 "
    "conversations 4 what 1 is 1 use 1 thought 1 without 2 rain 1 moves 1 across 2 northern 2 areas 3 clouds 1 wanted 2 "
    "likes 1 liked 1 boxes 2 table 2 cities 2 yesterday 3 because 2 beautiful 3 family 3 brother 2 restaurant 3 makes 1 "
    "worked 1 needed 2 station 2 didn't 2 isn't 2 don't 1 they're 1 couldn't 2"
).split()


def test_syllables_of_a_text_are_right_within_five_percent():
    words, counts = SPOKEN[::2], list(map(int, SPOKEN[1::2]))
    assert sum(map(word_levels.syllables, words)) == pytest.approx(sum(counts), rel=0.05)
    wrong = [word for word, count in zip(words, counts, strict=True) if word_levels.syllables(word) != count]
    assert len(wrong) < len(words) / 10


@pytest.mark.parametrize(("word", "level"), [("house", "A1"), ("environment", "B2"), ("negotiate", "B1")])
def test_a_word_has_its_level(word: str, level: str):
    assert word_levels.level_of(word) == level


def test_the_highest_level_is_c1():
    assert word_levels.level_of("obfuscate") == "C1"


def test_different_words_are_counted_once_however_often_they_are_said():
    assert word_levels.levels_of(["The house.", "The house is big. A house!"]) == {"A1": 5}


def test_names_contractions_and_unknown_words_have_no_level():
    assert word_levels.levels_of(["I don't know Xanthippe Grimblethorpe in Brazil."]).keys() <= {"A1", "A2"}
    assert word_levels.levels_of([]) == {}
