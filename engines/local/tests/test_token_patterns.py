"""Patterns over tokens match words, base forms and parts of speech, and an invalid rule is refused by name."""

import time
from pathlib import Path

import pytest

from bench import corrections as bench
from engines.local import corrector
from engines.local.grammar import inflection, reading, token_patterns
from tutor.toml_tables import DataFileError

GOOD = """
[[rules]]
name = "depend of"
category = "preposition"
wrong = "(@depend) of"
better = "{1} on"
why = 'Say "depend on".'
examples = ["It depends of you. | It depends on you."]
"""


@pytest.mark.parametrize(
    ("pattern", "sentence", "found"),
    [
        ("a/an", "I ate an apple.", "an"),
        ("@go", "She went home.", "went"),
        (".ART .NOUN", "I saw a dog.", "a dog"),
        (".PL!MASS", "Two dogs.", "dogs"),
        ("!two .PL", "Two dogs, my dogs.", "my dogs"),
        ("do n't | does not", "He doesn't.", "doesn't"),
        ("{np} $", "We saw the fire alarm", "the fire alarm"),
        (".MODAL not? .BASE", "I can't swim.", "can't swim"),
        ("two/.ONE _", "One day.", "One day"),
    ],
)
def test_a_pattern_matches_tokens(pattern: str, sentence: str, found: str):
    read = reading.read_sentence(sentence)
    match = token_patterns.compiled(pattern).search(read.rendered)
    assert match
    assert read.text(read.places[match.start()], read.places[match.end()]) == found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(@depend)", "(@depend", "is not a pattern"),
        ("(@depend)", "({depends})", "there is no list or phrase {depends}"),
        ("{1} on", "{2} on", "`wrong` has no group 2"),
        ("{1} on", "{1:dual} on", "there is no form 'dual'"),
        ("{1} on", "{1:fit} on", "there is no form 'fit'"),
        ("{1} on", "{one} on", "a slot is {1}"),
        ("wrong =", "wrongs =", "wrong: is missing"),
    ],
)
def test_an_invalid_rule_is_refused_with_file_rule_and_field(tmp_path: Path, old: str, new: str, message: str):
    path = tmp_path / "9-tea.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataFileError) as refused:
        token_patterns.load(path)
    assert "9-tea.toml: rules[1] (depend of)" in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("word", "base"),
    [("goed", "go"), ("boughted", "buy"), ("costed", "cost"), ("played", ""), ("tired", ""), ("red", "")],
)
def test_regular_pasts_of_irregular_verbs_are_recognised(word: str, base: str):
    assert inflection.regularized(word) == base


def test_words_take_other_forms():
    assert [inflection.inflected("steal", form) for form in ("third", "past", "participle", "gerund")] == [
        *("steals", "stole", "stolen", "stealing"),
    ]
    assert [inflection.plural(word) for word in ("child", "bus", "fish")] == ["children", "buses", ""]
    assert [inflection.adverb(word) for word in ("good", "easy", "terrible", "friendly", "fast")] == [
        *("well", "easily", "terribly", "", "fast"),
    ]
    assert [inflection.article(word) for word in ("hour", "university", "apple", "car")] == ["an", "a", "an", "a"]


@pytest.mark.parametrize("part", ["work", "report"])
def test_the_figures_of_the_given_sentences(part: str):
    corrector.load()
    figures = bench.measure(bench.CASES, part).as_json()
    assert figures["found"] >= 0.75
    assert figures["exact"] >= 0.70
    assert figures["false_alarms"] <= bench.MOST_FALSE_ALARMS * figures["right_sentences"]
    assert figures["wrong_models"] <= 1


def test_no_category_is_weak():
    corrector.load()
    figures = bench.measure(bench.CASES / "more", "report").as_json()
    assert bench.missed_targets(figures) == []
    assert len(figures["categories"]) == 17


def test_sentences_of_the_two_parts_differ():
    work, report = (bench.read_part(bench.CASES / "mistakes.tsv", part) for part in ("work", "report"))
    assert not {one.sentence for one in work} & {one.sentence for one in report}
    assert {one.category for one in work} == {one.category for one in report}


@pytest.mark.parametrize("word", ["very", "not", "a", "people", "and I", "always"])
def test_repeated_words_take_no_longer_than_others(word: str):
    corrector.load()
    start = time.process_time()
    corrector.correct(f"{word} " * 60)
    assert time.process_time() - start < 2
