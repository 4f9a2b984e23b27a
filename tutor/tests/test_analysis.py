"""The figures of the contract are computed from measurements, and are null without them."""

import pytest

from tutor.analysis import COMPONENTS, LONGEST_TALK, newest, turns_of, unmeasured, wire, words_of
from tutor.domain import Analysis, Line

LINES = [Line("assistant", "Tell me a lot of things."), Line("user", "I don't like 3 things."), Line("user", "...")]
NONE = dict.fromkeys(COMPONENTS)


def analysis(**scores: float | None) -> Analysis:
    return Analysis(NONE | scores, "Well.", ("A",), ("B",), ({"type": "grammar"},), {"pronunciation": "Unheard."})


def shape(
    found: Analysis, *, words: int = 5, level: str = "A2", limit: float | None = None, seconds: float | None = None
):
    lines = [Line("user", "word " * words, seconds)]
    return wire(found, lines, engine="local", level=level, time_limit=limit)


def test_the_base_score_is_the_mean_of_the_measured_scores():
    assert shape(analysis(grammar=40, vocabulary=65))["baseScore"] == 52.5


def test_an_unmeasured_score_is_null_with_a_reason():
    found = shape(analysis(grammar=40))
    assert found["componentScores"] == NONE | {"grammar": 40}
    assert found["unmeasured"] == {"pronunciation": "Unheard."}


def test_without_measurements_all_scores_are_null():
    found = shape(unmeasured("Nothing was said."), words=0, limit=5)
    scores = ("baseScore", "rawScore", "finalScore", "expectationScore", "metExpectations")
    assert [found[name] for name in scores] == [None] * 5
    assert set(found["unmeasured"]) == set(COMPONENTS)


def test_only_the_learners_words_are_counted():
    found = wire(analysis(), LINES, engine="local", level="A2", time_limit=None)
    assert found["speakingMetrics"]["totalWords"] == 5


def test_without_a_limit_there_is_no_bonus_and_no_ratio():
    found = shape(analysis(grammar=80))
    assert found["lengthBonus"] == 0
    assert found["speakingMetrics"]["idealSeconds"] is None
    assert found["speakingMetrics"]["speakingRatio"] is None


def test_the_time_of_typed_words_is_estimated_by_the_level():
    assert shape(analysis(), words=75, level="A2")["speakingMetrics"]["estimatedSeconds"] == 60
    assert shape(analysis(), words=65, level="C1")["speakingMetrics"]["estimatedSeconds"] == 30


def test_typed_words_are_added_to_the_time_that_was_recorded():
    lines = [Line("user", "word " * 10, 8.0), Line("user", "word " * 75), Line("assistant", "Well.", 9.0)]
    found = wire(analysis(), lines, engine="local", level="A2", time_limit=None)
    assert found["speakingMetrics"]["estimatedSeconds"] == 68


def test_the_time_is_that_of_the_recordings():
    assert shape(analysis(), words=75, seconds=41.26)["speakingMetrics"]["estimatedSeconds"] == 41.3


@pytest.mark.parametrize(("seconds", "ratio", "bonus"), [(0, 0, 0), (30, 0.5, 2.5), (60, 1, 5), (600, 10, 5)])
def test_the_learner_should_speak_half_of_the_time(seconds, ratio, bonus):
    found = shape(analysis(grammar=80), words=5 if seconds else 0, limit=2, seconds=seconds)
    assert found["speakingMetrics"]["idealSeconds"] == 60
    assert (found["speakingMetrics"]["speakingRatio"], found["lengthBonus"]) == (ratio, bonus)


def test_the_raw_score_includes_the_bonus_and_the_final_score_is_rounded():
    found = shape(analysis(grammar=71, vocabulary=72), limit=2, seconds=30)
    assert (found["rawScore"], found["finalScore"]) == (74, 74)


def test_no_score_is_more_than_100():
    found = shape(analysis(grammar=99), limit=1, seconds=60)
    assert (found["rawScore"], found["finalScore"]) == (104, 100)


@pytest.mark.parametrize(
    ("score", "expectation", "met"), [(0, 1, False), (69, 7, False), (70, 7, True), (84, 8, True), (100, 10, True)]
)
def test_a_score_of_seventy_meets_expectations(score, expectation, met):
    found = shape(analysis(grammar=score))
    assert (found["expectationScore"], found["metExpectations"]) == (expectation, met)


def test_the_engines_texts_are_passed_on():
    found = shape(analysis())
    assert (found["strengths"], found["improvements"], found["feedback"]) == (["A"], ["B"], "Well.")
    assert found["suggestions"] == [{"type": "grammar"}]


def test_the_analysis_has_the_contracts_fields_and_ours():
    assert [*shape(analysis())] == [
        *("componentScores", "baseScore", "lengthBonus", "rawScore", "finalScore", "expectationScore"),
        *("metExpectations", "speakingMetrics", "strengths", "improvements", "feedback", "suggestions"),
        *("unmeasured", "judgedTurns", "engine"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don\u2019t know.", ["i", "don\u2019t", "know"]),
        ("A well-known man, 3.5 metres!", ["a", "well-known", "man", "3.5", "metres"]),
        ("... ?!", []),
        ("Ti\u1ebfng Vi\u1ec7t", ["ti\u1ebfng", "vi\u1ec7t"]),
    ],
)
def test_contractions_and_numbers_count_as_one_word(text, words):
    assert words_of(text) == words


def test_a_turn_without_words_does_not_count():
    assert turns_of(LINES) == [["i", "don't", "like", "3", "things"]]


# A very long talk

LONG = [Line(role, f"Turn {number} " + "word " * 200) for number in range(50) for role in ("assistant", "user")]


def test_only_the_newest_lines_of_a_very_long_talk_are_analysed():
    judged = newest(LONG)
    assert judged == LONG[-len(judged) :]
    assert LONGEST_TALK - 1100 < sum(len(line.text) for line in judged) <= LONGEST_TALK


def test_a_short_talk_is_analysed_completely():
    assert newest(LINES) == LINES


def test_a_line_longer_than_the_limit_is_cut():
    assert [len(line.text) for line in newest([Line("user", "Hi."), Line("user", "a" * 500_000)])] == [LONGEST_TALK]


def test_the_feedback_says_how_much_of_the_talk_was_analysed():
    found = wire(analysis(), LONG, engine="local", level="A2", time_limit=None)
    assert found["judgedTurns"] == {"newest": 30, "all": 50}
    assert found["feedback"].startswith("This is about the newest 30 of your 50 turns: ")
    assert found["speakingMetrics"]["totalWords"] == 30 * 202


def test_the_feedback_of_a_complete_analysis_has_no_such_note():
    found = shape(analysis())
    assert (found["judgedTurns"], found["feedback"]) == ({"newest": 1, "all": 1}, "Well.")


def test_the_analysis_names_its_engine():
    assert shape(analysis())["engine"] == "local"
