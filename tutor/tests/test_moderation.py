"""The word list stops what the audience is spared, and lets ordinary English of learners pass."""

import csv
import time
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tutor import moderation, scenario
from tutor.moderation import Audience, Category, found, found_in_learners

DATA = Path(__file__).parent / "data"
# Used for tuning, and for reporting only.
PARTS = {part: tomllib.loads((DATA / f"moderation-{part}.toml").read_text()) for part in ("work", "report")}
DATA = Path(__file__).parents[2] / "engines" / "local" / "data"
# Folders of correction rules, and their tables.
RULES = (("grammar", "rules"), ("mistakes", "mistakes"))


@pytest.fixture(params=list(Audience))
def audience(request: pytest.FixtureRequest, settings: Any) -> Audience:
    settings.AUDIENCE = request.param.value
    return Audience(request.param)


@pytest.fixture
def children(settings: Any) -> None:
    settings.AUDIENCE = Audience.CHILDREN.value


@pytest.mark.parametrize("part", PARTS)
def test_ordinary_sentences_pass_for_a_general_audience(part):
    sentences = PARTS[part]["pass"] + PARTS[part]["pass_children"]
    assert [one for one in sentences if found_in_learners(one)] == []


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.usefixtures("children")
def test_ordinary_sentences_of_children_pass(part):
    assert [one for one in PARTS[part]["pass_children"] if found_in_learners(one)] == []


@pytest.mark.parametrize(("part", "category"), [(part, name) for part in PARTS for name in PARTS[part]["found"]])
def test_what_nobody_should_read_is_found_for_every_audience(part, category, audience):
    assert {one: found(one) for one in PARTS[part]["found"][category] if found(one) != category} == {}


@pytest.mark.parametrize(("part", "category"), [(part, name) for part in PARTS for name in PARTS[part]["children"]])
@pytest.mark.usefixtures("children")
def test_children_are_spared_more(part, category):
    assert {one: found(one) for one in PARTS[part]["children"][category] if found(one) != category} == {}


@pytest.mark.parametrize("part", PARTS)
def test_a_general_audience_may_swear(part):
    spared = chain.from_iterable(PARTS[part]["children"].values())
    assert [one for one in spared if found(one)] == []


def test_nothing_is_found_in_the_scenarios(audience):
    said = [
        text
        for one in scenario.load_all().values()
        for text in (
            one.title,
            one.summary,
            one.opening,
            *one.hints,
            *one.closings,
            *(each.ask for each in one.follow_ups),
        )
    ]
    assert [text for text in said if found(text)] == []


@pytest.mark.usefixtures("children")
def test_nothing_is_found_in_the_sentences_of_the_correction_rules():
    files = [(path, table) for folder, table in RULES for path in (DATA / folder).glob("*.toml")]
    texts = list(chain.from_iterable(_examples(path, table) for path, table in files))
    assert len(texts) > 1000
    assert [text for text in texts if found_in_learners(text)] == []


def _examples(path: Path, table: str) -> list[str]:
    rules = tomllib.loads(path.read_text()).get(table, [])
    return [half for rule in rules for text in (*rule["examples"], *rule.get("right", ())) for half in text.split("|")]


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("I want to die.", Category.SELF_HARM),
        ("I will kill you and I want to die.", Category.SELF_HARM),
        ("I will kill you, you nigger.", Category.THREAT),
        ("I will kill him with my bare hands", None),
        ("NIGGER!", Category.HATE),
        ("\u201cnigger\u201d, he said", Category.HATE),
        ("snigger", None),
        ("I\u2019ll kill you", Category.THREAT),
        ("", None),
    ],
)
def test_the_gravest_category_counts_and_only_whole_words(text, category):
    assert found_in_learners(text) == category


@pytest.mark.parametrize(
    "text",
    [
        "What does nigger mean?",
        "What is the meaning of this word: faggot?",
        "Is faggot a bad word?",
        "A boy called me a nigger.",
        "How do you spell faggot?",
        "I heard the word kike in a film.",
    ],
)
def test_a_learner_may_ask_about_a_word(text):
    assert found(text) is Category.HATE
    assert moderation.is_asking(text)


@pytest.mark.parametrize("text", ["You are a nigger.", "I hate all Jews.", "Go home, faggot!"])
def test_using_a_word_is_not_asking(text):
    assert not moderation.is_asking(text)


def test_a_turn_is_judged_in_well_under_a_hundredth_of_a_second():
    text = "Yesterday I went to the park with my friends and we played football until it was dark. " * 8
    found(text)
    began = time.process_time()
    for _ in range(10):
        found(text)
    assert (time.process_time() - began) / 10 < 0.01


def test_every_exception_of_the_list_is_an_entry_of_it():
    with (Path(moderation.__file__).parent / "wordlists" / "profanity_en.csv").open(newline="") as file:
        entries = {row["text"].casefold() for row in csv.DictReader(file)}
    words = tomllib.loads((Path(moderation.__file__).parent / "moderation.toml").read_text())["words"]
    named = {word.replace("_", " ") for each in words.values() for word in each.split()}
    assert sorted(named - entries) == []
