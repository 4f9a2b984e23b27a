"""The embedded engine's analysis counts, and gives a score only with enough evidence."""

import re
from collections.abc import Sequence

import pytest

from engines.local import talk_analysis
from engines.local.talk_analysis import UNHEARD, WINDOW, variety
from tutor.analysis import NOT_TIMED, NOTHING_SAID, wire
from tutor.domain import Analysis, Line

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


def analysed(*texts: str, level: str = "A2", seconds: float | None = None, goals: Sequence[bool] = ()) -> Analysis:
    """Analyse the lines. `seconds` is the duration of all the learner's turns."""
    each = seconds and seconds / len(texts)
    question = Line("assistant", "What did you do, and who was with you?", 5.0)
    return talk_analysis.analyse([question, *(Line("user", text, each) for text in texts)], level=level, goals=goals)


def test_what_can_be_counted_has_a_score():
    found = analysed(*GOOD, seconds=60)
    assert {name for name, score in found.scores.items() if score is None} == {"pronunciation"}
    assert found.unmeasured == {"pronunciation": UNHEARD}


def test_fluency_needs_timed_speech():
    found = analysed(*GOOD)
    assert found.scores["fluency"] is None
    assert found.unmeasured["fluency"] == NOT_TIMED


def test_faster_speech_is_more_fluent():
    slow, fast = (analysed(*GOOD, seconds=seconds).scores["fluency"] for seconds in (90, 45))
    assert slow is not None
    assert fast is not None
    assert slow < fast


def test_an_expected_performance_scores_seventy():
    words = sum(len(text.split()) for text in GOOD)
    assert analysed(*GOOD, level="A2", seconds=words * 60 / 75).scores["fluency"] == 70


def test_mistakes_cost_points():
    right, wrong = analysed(*GOOD, *GOOD).scores["grammar"], analysed(*WRONG).scores["grammar"]
    assert right == 100
    assert wrong is not None
    assert wrong < 60


def test_more_is_expected_of_a_higher_level():
    easy, hard = (analysed(*GOOD, *WRONG, level=level).scores["grammar"] for level in ("A1", "B2"))
    assert easy is not None
    assert hard is not None
    assert easy > hard


def test_each_mistake_is_suggested_once():
    suggested = [(each["type"], each["original"], each["alternative"]) for each in analysed(*WRONG).suggestions]
    assert ("grammar", "I goed", "I went") in suggested
    assert suggested.count(("grammar", "have", "has")) == 1


@pytest.mark.parametrize(
    ("texts", "counted"),
    [
        (WRONG, '4 of the 5 mistakes that were found are about the verb that fits the person ("he works").'),
        (
            [WRONG[0], "I goed home yesterday.", "He is more taller than me.", "Yesterday I eated fish."],
            '2 of the 5 mistakes that were found are about the verb that fits the person ("he works").',
        ),
    ],
)
def test_the_most_frequent_kind_of_mistake_is_counted(texts: list[str], counted: str):
    assert counted in analysed(*texts).improvements


def test_different_mistakes_have_no_most_frequent_kind():
    assert not [advice for advice in analysed(WRONG[0][:17], "I goed home.").improvements if "mistakes" in advice]


def test_typed_turns_do_not_change_fluency():
    lines = [*(Line("user", text, 10.0) for text in GOOD), Line("user", "Typed words are no speech.")]
    spoken = talk_analysis.analyse(lines[:-1], level="A2").scores["fluency"]
    assert spoken
    assert talk_analysis.analyse(lines, level="A2").scores["fluency"] == spoken


def test_missed_goals_lower_the_content_score():
    all_goals, half, none = (
        analysed(*GOOD, goals=goals).scores["contentRichness"] for goals in ([True] * 4, [True, False] * 2, [False] * 4)
    )
    assert all_goals
    assert half
    assert none
    assert all_goals > half > none
    assert none < 50


def test_a_few_words_do_not_earn_the_highest_scores():
    few = analysed(*GOOD[:2], level="A1", seconds=15)
    assert max(score or 0 for score in few.scores.values()) < 90
    assert "You used many different words." not in few.strengths
    many = analysed(*[f"{text} {number}" for number in range(5) for text in GOOD], level="A1", seconds=90)
    assert many.scores["contentRichness"] == many.scores["fluency"] == 100


def test_wrong_words_lower_the_vocabulary_score():
    wrong = [*GOOD, "I very like it, and I made a photo of my homework."]
    right = [*GOOD, "I really like it, and I took a photo of my homework."]
    assert (analysed(*wrong).scores["vocabulary"] or 0) < (analysed(*right).scores["vocabulary"] or 0)


MISTAKEN = [
    "I like action films and he like it too.",
    "Yesterday I go to the cinema with my friend.",
    "I am agree with the critics.",
    "This film is more better than the book.",
    "I waited since two hours for a ticket.",
    "She have seen it many times.",
]


@pytest.mark.parametrize(
    ("level", "seconds", "goals", "most"),
    [
        ("A1", 30.0, [True, True, False, False], 80),
        ("A1", None, [False] * 4, 70),
        ("B1", 30.0, [True, True, False, False], 65),
        ("B1", None, [False] * 4, 55),
    ],
)
def test_a_mistake_in_every_turn_prevents_a_high_score(level: str, seconds: float | None, goals: list[bool], most: int):
    lines = [Line("user", text, seconds and seconds / len(MISTAKEN)) for text in MISTAKEN]
    found = talk_analysis.analyse(lines, level=level, goals=goals)
    shown = wire(found, lines, level=level, engine="local", time_limit=None)
    assert 30 < shown["finalScore"] <= most
    assert shown["metExpectations"] == (level == "A1" and any(goals))


def test_short_answers_lower_the_content_score():
    found = analysed(*["I like my dog."] * 12, level="B2")
    assert found.scores["contentRichness"] == 18
    (advice,) = analysed("Yes, I do.", "No, never.", "In Rome.", "With friends.", level="B2").improvements
    assert "longer" in advice


def test_repeating_the_same_words_lowers_the_vocabulary_score():
    poor, rich = analysed(*["I like my dog."] * 12).scores["vocabulary"], analysed(*GOOD).scores["vocabulary"]
    assert poor == 0
    assert rich is not None
    assert rich > 80


def test_variety_does_not_depend_on_the_length_of_a_talk():
    text = [f"word{number % 50}" for number in range(100)]
    assert variety(text * 5) == variety(text) == 1.0


def test_too_few_words_have_no_variety():
    assert variety(["word"] * (WINDOW - 1)) is None


def test_a_missing_score_says_how_much_is_needed():
    found = analysed("Yes.", "My dog.", seconds=2)
    assert set(found.scores.values()) == {None}
    assert found.feedback.endswith("Next time, answer a few more questions in whole sentences.")
    assert found.unmeasured["grammar"] == "Grammar was not measured: that takes 20 words, and you said 3."
    assert found.unmeasured["fluency"] == "Fluency was not measured: that takes 10 seconds of speech."
    assert found.unmeasured["contentRichness"] == "Content was not measured: that takes 3 answers, and you gave 2."


def test_an_empty_talk_is_not_measured():
    found = analysed("...")
    assert set(found.scores.values()) == {None}
    assert found.feedback == NOTHING_SAID


def test_the_feedback_names_the_counts():
    said = analysed(*WRONG).feedback
    assert "34 words in 3 turns" in said
    assert "does not find all of them" in said


@pytest.mark.parametrize("praise", ["great", "excellent", "wonderful", "perfect", "native"])
def test_only_measured_components_are_praised(praise):
    found = analysed(*GOOD, seconds=60)
    assert praise not in " ".join([found.feedback, *found.strengths]).lower()


def test_the_agents_words_do_not_count():
    assert "1 word in 1 turn" in analysed("Yes.").feedback


def test_the_level_is_an_interval_of_what_was_measured():
    found = analysed(*GOOD, *GOOD, *GOOD, level="A1", seconds=60)
    interval = re.search(r"What was counted fits (\w\d)(?: to (\w\d))?\.", found.feedback)
    assert interval
    assert interval[1] <= (interval[2] or interval[1])


def test_a_talk_at_the_wrong_level_says_so():
    hard = analysed(*WRONG * 5, level="C1", seconds=120)
    assert "This talk was at C1: one at " in hard.feedback


def test_a_short_talk_suggests_no_level():
    assert "fits" not in analysed(*GOOD[:2]).feedback


def test_there_is_one_thing_to_do_next():
    assert len(analysed(*WRONG, level="C1").improvements) == 1
