"""The embedded engine's analysis: counted, and only where there is enough to count."""

import pytest

from tutor.analysis import NOT_TIMED, NOTHING_SAID
from tutor.engines.base import Analysis, Line
from tutor.engines.local import analysis
from tutor.engines.local.analysis import UNHEARD, WINDOW, variety

GOOD = [
    "Last year I went to Italy with my family and we ate very good food in a small restaurant near the sea.",
    "My friend and I watched a film about a detective because we like to laugh, and then we cooked rice.",
    "I think it is difficult, but my teacher helped me, and I have learned a lot of English from books.",
]
WRONG = [
    "She have a dog and she go to the park every day.",
    "My brother have a car and he like it very much.",
    "Yesterday I goed to the shop and she have no bread.",
]


def analysed(*texts: str, level: str = "A2", seconds: float | None = None) -> Analysis:
    lines = [Line("assistant", "What did you do, and who was with you?"), *(Line("user", text) for text in texts)]
    return analysis.analyse(lines, level=level, seconds=seconds)


def test_what_can_be_counted_has_a_score():
    found = analysed(*GOOD, seconds=60)
    assert {name for name, score in found.scores.items() if score is None} == {"pronunciation"}
    assert found.unmeasured == {"pronunciation": UNHEARD}


def test_without_a_time_there_is_no_fluency():
    found = analysed(*GOOD)
    assert found.scores["fluency"] is None
    assert found.unmeasured["fluency"] == NOT_TIMED


def test_who_speaks_faster_is_more_fluent():
    slow, fast = (analysed(*GOOD, seconds=seconds).scores["fluency"] for seconds in (90, 45))
    assert slow is not None
    assert fast is not None
    assert slow < fast


def test_seventy_is_what_the_level_expects():
    words = sum(len(text.split()) for text in GOOD)
    assert analysed(*GOOD, level="A2", seconds=words * 60 / 75).scores["fluency"] == 70


def test_mistakes_cost_points():
    right, wrong = analysed(*GOOD).scores["grammar"], analysed(*WRONG).scores["grammar"]
    assert right == 100
    assert wrong is not None
    assert wrong < 60


def test_more_is_expected_of_a_higher_level():
    easy, hard = (analysed(*GOOD, *WRONG, level=level).scores["grammar"] for level in ("A1", "B2"))
    assert easy is not None
    assert hard is not None
    assert easy > hard


def test_mistakes_become_suggestions_each_once():
    suggested = [(each["type"], each["original"], each["alternative"]) for each in analysed(*WRONG).suggestions]
    assert ("grammar", "goed", "went") in suggested
    assert suggested.count(("grammar", "have", "has")) == 1


def test_the_most_frequent_kind_of_mistake_is_named():
    assert "Most of the mistakes that were found are of one kind: agreement." in analysed(*WRONG).improvements


def test_short_answers_are_not_rich():
    found = analysed(*["I like my dog."] * 12, level="B2")
    assert found.scores["contentRichness"] == 18
    assert any("longer" in advice for advice in found.improvements)


def test_the_same_words_again_and_again_are_no_vocabulary():
    poor, rich = analysed(*["I like my dog."] * 12).scores["vocabulary"], analysed(*GOOD).scores["vocabulary"]
    assert poor == 0
    assert rich is not None
    assert rich > 80


def test_variety_does_not_fall_with_the_length_of_a_talk():
    text = [f"word{number % 50}" for number in range(100)]
    assert variety(text * 5) == variety(text) == 1.0


def test_too_few_words_have_no_variety():
    assert variety(["word"] * (WINDOW - 1)) is None


def test_what_was_too_little_says_how_much_it_takes():
    found = analysed("Yes.", "My dog.", seconds=2)
    assert set(found.scores.values()) == {None}
    assert found.unmeasured["grammar"] == "Grammar was not measured: that takes 20 words, and you said 3."
    assert found.unmeasured["fluency"] == "Fluency was not measured: that takes 10 seconds of speech."
    assert found.unmeasured["contentRichness"] == "Content was not measured: that takes 3 answers, and you gave 2."


def test_of_nothing_said_nothing_is_measured():
    found = analysed("...")
    assert set(found.scores.values()) == {None}
    assert found.feedback == NOTHING_SAID


def test_the_feedback_names_what_was_counted():
    said = analysed(*WRONG).feedback
    assert "34 words in 3 turns" in said
    assert "does not find all of them" in said


@pytest.mark.parametrize("praise", ["great", "excellent", "wonderful", "perfect", "native"])
def test_nothing_is_praised_that_was_not_counted(praise):
    found = analysed(*GOOD, seconds=60)
    assert praise not in " ".join([found.feedback, *found.strengths]).lower()


def test_the_agents_words_do_not_count():
    assert "1 word in 1 turn" in analysed("Yes.").feedback
