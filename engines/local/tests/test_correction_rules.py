"""Each rule corrects its own examples and leaves right sentences alone, and an invalid file is refused by name."""

import re
import textwrap
from pathlib import Path

import pytest

from engines.local import corrector, harper_rules, mistakes, vocabulary
from engines.local.grammar import token_patterns
from engines.local.grammar.token_patterns import TokenRule
from engines.local.harper_rules import HarperRule
from engines.local.mistakes import Mistake
from tutor.domain import Correction
from tutor.toml_tables import DataFileError
from tutor.verb_forms import VERBS

Rule = Mistake | TokenRule | HarperRule
RULES: tuple[Rule, ...] = (*mistakes.load_all(), *token_patterns.load_all(), *harper_rules.load_all().values())
GOOD = r"""
[[mistakes]]
name = "tea is"
category = "agreement"
wrong = '\b(cups of) (tea)\b'
better = "{1} {2}s"
why = "Tea is plural."
examples = ["Cups of tea. | Cups of teas."]
"""
GOOD_FOR_HARPER = r"""
[[rules]]
name = "DoMistake"
category = "word choice"
why = 'Say "make".'
examples = ["I did a mistake. | I made a mistake."]
"""


def put_right(text: str) -> str:
    for one in reversed(corrector.correct(text)):
        text = text[: one.start] + one.better + text[one.end :]
    return text


def found_by(rule: Rule, sentence: str) -> set[Correction]:
    if isinstance(rule, Mistake | TokenRule):
        return set(rule.find(sentence))
    lints = [lint for name, lint in corrector._lint(sentence) if name == rule.reason.name]
    return {one for lint in lints for one in rule.candidates(sentence, lint)}


@pytest.mark.parametrize("rule", RULES, ids=[rule.reason.name for rule in RULES])
def test_a_rule_corrects_its_examples_and_nothing_else(rule: Rule):
    for example in rule.reason.examples:
        assert found_by(rule, example.said) & set(corrector.correct(example.said)), f"not found: {example.said}"
        assert put_right(example.said) == example.better
    for sentence in (*(example.better for example in rule.reason.examples), *rule.reason.right):
        assert corrector.correct(sentence) == (), sentence


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "tea is"', "", "mistakes[1].name: is missing"),
        ('"agreement"', '"grammar"', "mistakes[1] (tea is).category: must be one of adverb, agreement,"),
        ("(tea)", "(tea", "mistakes[1] (tea is).wrong: "),
        ("(tea)", "({drinks})", "mistakes[1] (tea is).wrong: there is no list {drinks}"),
        ("{2}s", "{3}", "mistakes[1] (tea is).better: `wrong` has no group 3"),
        ("{2}s", "{2:dual}", "mistakes[1] (tea is).better: there is no form 'dual'"),
        ("{2}s", "{tea}", "mistakes[1] (tea is).better: a slot is a number"),
        ("plural.", "plural", "mistakes[1] (tea is).why: must end with a full stop"),
        (" | ", " ", "mistakes[1] (tea is).examples: must be 'wrong sentence | right sentence'"),
        ('["Cups of tea. | Cups of teas."]', "[]", "mistakes: 'tea is' has no examples"),
        ("why =", "explain = 'tea'\nwhy =", "mistakes[1] (tea is).explain: must be one of"),
        ("why =", "unless = '('\nwhy =", "mistakes[1] (tea is).unless: "),
        ("why =", "whole = true\nwhy =", "mistakes[1] (tea is).whole: is not a known field"),
        ("why =", "sure = 'yes'\nwhy =", "mistakes[1] (tea is).sure: must be true or false"),
        ("[[mistakes]]", f"{GOOD}\n[[mistakes]]", "mistakes: two rules have the name 'tea is'"),
        ("[[mistakes]]", "[[mistakes", "is not valid TOML"),
    ],
)
def test_an_invalid_rule_is_refused_with_file_rule_and_field(tmp_path: Path, old: str, new: str, message: str):
    assert old in GOOD
    path = tmp_path / "tea.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataFileError) as refused:
        mistakes.load(path)
    assert str(refused.value).startswith("tea.toml: ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("why =", "words_after = 'two'\nwhy =", "rules[1] (DoMistake).words_after: must be a whole number"),
        ("why =", "only = '{tea}'\nwhy =", "rules[1] (DoMistake).only: there is no list {tea}"),
        ("why =", "better = 'make'\nwhy =", "rules[1] (DoMistake).better: is not a known field"),
        ('"word choice"', '"words"', "rules[1] (DoMistake).category: must be one of"),
    ],
)
def test_an_invalid_harper_rule_is_refused_with_file_rule_and_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
):
    (tmp_path / "tea.toml").write_text(GOOD_FOR_HARPER.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(harper_rules, "_FOLDER", tmp_path)
    with pytest.raises(DataFileError) as refused:
        harper_rules.load_all.__wrapped__()
    assert str(refused.value) == f"tea.toml: {message}" or str(refused.value).startswith(f"tea.toml: {message} ")


def test_a_rule_that_harper_does_not_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "tea.toml").write_text(GOOD_FOR_HARPER.replace("DoMistake", "DoTea"), encoding="utf-8")
    monkeypatch.setattr(harper_rules, "_FOLDER", tmp_path)
    rules = harper_rules.load_all.__wrapped__()
    monkeypatch.setattr(harper_rules, "load_all", lambda: rules)
    monkeypatch.setattr(corrector, "_linter", corrector._linter.__wrapped__)
    with pytest.raises(DataFileError, match=r"^tea\.toml: name: Harper has no rule 'DoTea'$"):
        corrector.load()


def test_a_word_takes_the_form_that_a_rule_names():
    words = vocabulary.load()
    forms = ("base", "third", "past", "participle", "gerund")
    assert [words.in_form("Goes", form) for form in forms] == ["go", "goes", "went", "gone", "going"]
    assert [words.in_form(word, "be") for word in ("I", "she", "we")] == ["am", "is", "are"]
    assert [words.in_form(word, "article") for word in ("Artist", "nurse")] == ["an", "a"]
    assert words.in_form("you", "object") == "you"


def test_a_verb_that_is_not_listed_is_not_corrected(tmp_path: Path):
    path = tmp_path / "tea.toml"
    rule = GOOD.replace(r"\b(cups of) (tea)\b", r"\b(didn't) (\w+)\b").replace("{2}s", "{2:base}")
    path.write_text(rule.replace(r"'\b(d", r"'''\b(d").replace(r"+)\b'", r"+)\b'''"), encoding="utf-8")
    (mistake,) = mistakes.load(path)
    assert [one.better for one in mistake.find("I didn't went, I didn't gallivanted.")] == ["didn't go"]


def test_lists_of_verbs_leave_out_ambiguous_forms():
    lists = vocabulary.load().lists
    assert "went" in lists["past"].split("|")
    assert not {"found", "left", "come"} & set(lists["past"].split("|"))
    assert {each.base for each in VERBS} - set(lists["base"].split("|")) == {"be"}


def test_the_example_for_contributors_is_a_rule(tmp_path: Path):
    text = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"^( *)```toml\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    assert shown
    path = tmp_path / "shown.toml"
    path.write_text(textwrap.dedent(shown[2]), encoding="utf-8")
    (rule,) = mistakes.load(path)
    (example,) = rule.reason.examples
    (one,) = rule.find(example.said)
    assert example.said[: one.start] + one.better + example.said[one.end :] == example.better
    assert rule.reason.right
    assert not [*rule.find(example.better), *(one for sentence in rule.reason.right for one in rule.find(sentence))]
