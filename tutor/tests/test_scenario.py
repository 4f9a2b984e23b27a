"""Every scenario is valid, and an invalid file is refused with a message that names place and reason."""

from collections import Counter
from pathlib import Path

import pytest

from tutor import scenario
from tutor.domain import Line
from tutor.scenario import Brief, ScenarioError
from tutor.toml_tables import DataFileError

HEAD = """
title = "Tea"
kind = "chat"
level = "A2"
icon = "T"
summary = "All about tea."
opening = "Hello! Do you drink tea?"
"""
HINTS = 'hints = ["Say one.", "Say two.", "Say three."]\n'
CLOSINGS = 'closings = ["Goodbye!", "See you!"]\n'
GOALS = "".join(f"[[goals]]\ntext = \"Say {word}\"\npatterns = ['{word}']\n" for word in ("one", "two"))
GENERAL = "".join(f'[[follow_ups]]\nask = "What about tea number {number}?"\n' for number in range(10))
TAKING_UP = "".join(
    f'[[follow_ups]]\nask = "Why {word}?"\ntake = "Ah, {word}."\nwhen = [\'{word}\']\n'
    for word in ("green", "black", "white", "red", "cold")
)
GOOD = HEAD + HINTS + CLOSINGS + GOALS + GENERAL + TAKING_UP


def load(folder: Path, text: str) -> scenario.Scenario:
    path = folder / "tea.toml"
    path.write_text(text, encoding="utf-8")
    return scenario.load(path)


def brief(scenario_id: str) -> Brief:
    one = scenario.get(scenario_id)
    return Brief(scenario=one, level=one.level, seed="conv-1")


def lines(*texts: str) -> list[Line]:
    """Return a dialogue in which the agent speaks first."""
    return [Line("user" if number % 2 else "assistant", text) for number, text in enumerate(texts)]


def test_every_scenario_is_valid():
    assert len(scenario.load_all()) >= 18


def test_there_are_enough_of_each_kind():
    kinds = Counter(one.kind for one in scenario.load_all().values())
    assert kinds["chat"] >= 14
    assert kinds["interview"] >= 3
    assert kinds["adventure"] >= 1
    assert kinds["lesson"] >= 1
    assert kinds["own"] == 1


def test_quick_chats_cover_all_levels():
    assert {one.level for one in scenario.load_all().values() if one.kind == "chat"} == set(scenario.LEVELS)


def test_easy_chats_come_first_and_the_own_topic_last():
    ordered = list(scenario.load_all().values())
    assert ordered[0].level == "A1"
    assert ordered[-1].kind == "own"


def test_titles_are_unique():
    assert max(Counter(one.title for one in scenario.load_all().values()).values()) == 1


def test_an_unknown_scenario_is_named():
    with pytest.raises(ScenarioError, match="'nowhere'"):
        scenario.get("nowhere")


def test_a_good_file_is_loaded(tmp_path):
    assert load(tmp_path, GOOD).id == "tea"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Tea"', "", "title: is missing"),
        ('title = "Tea"', "title = 3", "title: must be a text"),
        ('title = "Tea"', 'title = " "', "title: is empty"),
        (
            'kind = "chat"',
            'kind = "talk"',
            "kind: must be one of chat, adventure, lesson, interview, exam, placement, own",
        ),
        ('kind = "chat"', 'kind = "exam"', "parts: belong to kind exam, and only there"),
        ('icon = "T"', 'icon = "T"\nsuits = ["fame"]', "suits: must be among travel, work, exam, school, not 'fame'"),
        (
            "[[goals]]",
            '[[parts]]\ntitle = "One"\nturns = 0\nseconds = 9\n\n[[goals]]',
            "parts[1].turns: must be 1 or more",
        ),
        ('level = "A2"', 'level = "D1"', "level: must be one of A1, A2, B1, B2, C1, not 'D1'"),
        ('icon = "T"', 'icon = "T"\ncolour = "red"', "colour: is not a known field"),
        ("Do you drink tea?", "Tell me about tea.", "opening: must be one question"),
        ("Do you drink tea?", "Do you? Drink tea?", "opening: must be one question"),
        ("Do you drink tea?", "Do you drink {sort}?", "opening: nothing fills {sort}"),
        (HINTS, 'hints = "Say one."\n', "hints: must be a list of texts"),
        (HINTS, 'hints = ["Say one.", "Say two."]\n', "hints: needs at least 3"),
        ("Say three.", "Say one.", "says 'Say one.' twice"),
        ("See you!", "See you! \u263a", "closings: holds '\u263a', which cannot be spoken well"),
        ("See you!", "See you...", "closings: holds '..', which cannot be spoken well"),
        ("See you!", "See you", "closings: must end like a sentence"),
        ("See you!", "See you soon. " * 20, "closings: is too long to be spoken"),
        ('text = "Say one"', 'text = "Saying one"', r"goals[1].text: must begin with one of"),
        ("patterns = ['one']", "patterns = ['(one']", "goals[1].patterns: '(one' is not a regular expression"),
        ("patterns = ['one']", "patterns = []", "goals[1].patterns: is empty"),
        ("What about tea number 3?", "What about tea number 3", "follow_ups[4].ask: must end like a sentence"),
        ("What about tea number 3?", "Think. What about tea?", "follow_ups[4].ask: must be a single sentence"),
        ("What about tea number 3?", "What about tea number 4?", "says 'What about tea number 4?' twice"),
        ("What about tea number 3?", "Do you drink tea?", "says 'Do you drink tea?' twice"),
        (GENERAL, "", "follow_ups: needs at least 10 without `when`"),
        (TAKING_UP, "", "follow_ups: needs at least 5 with `when`"),
        ('take = "Ah, green."\n', "", "follow_ups[11].take: belongs to `when`"),
        ("Ah, green.", "Ah, {sort}.", "follow_ups[11].take: nothing fills {sort}"),
        ("Ah, green.", "Green?", "follow_ups[11].take: must not ask anything"),
        ("[[goals]]", "[goals", "is not valid TOML"),
    ],
)
def test_an_invalid_file_is_refused(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(DataFileError) as refused:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert f"tea.toml: {message}" in str(refused.value)


def test_a_slot_must_be_filled_by_every_pattern(tmp_path):
    text = GOOD.replace("when = ['green']", "when = ['(?P<sort>green)', 'gr.*']").replace("Ah, green.", "Ah, {sort}.")
    with pytest.raises(DataFileError, match=r"nothing fills \{sort\}"):
        load(tmp_path, text)


def test_filling_a_slot_leaves_other_braces_alone():
    assert scenario.fill("Your topic is {topic}.", {"topic": "{goal} {0} {"}) == "Your topic is {goal} {0} {."


def test_a_template_is_found_with_any_content_of_its_slots():
    assert scenario.found("What is {place} like?", "I see. What is New York like?") == "What is New York like?"


@pytest.mark.parametrize(
    ("scenario_id", "said", "goal"),
    [
        ("travel", "Last year we went to Italy.", "Say where you went"),
        ("travel", "I go with my brother.", "Say who you travel with"),
        ("travel", "I would like to visit Japan.", "Name a place you want to visit"),
        ("food", "I like soup and bread.", "Say what you like to eat"),
        ("food", "My mother cooks rice every day.", "Talk about cooking"),
        ("family", "She have a big family and they lives in Brazil with my sister.", "Name the people in your family"),
        ("family", "My brother is tall.", "Describe one person"),
        ("weather", "It is very cold today.", "Say what the weather is like"),
        ("weekend", "Yesterday I go to the park with my friend and we eated ice cream.", "Say who was with you"),
        ("work", "I'm a nurse in a small hospital.", "Say what you do"),
        ("technology", "When I was a child we used to write letters.", "Compare the past and today"),
        ("decisions", "If I had stayed, I would have become a teacher.", "Talk about what might have been"),
        ("interview-shop", "I can work on Monday and on Friday.", "Say when you can work"),
        (
            "interview-software",
            "I wrote a test and found the bug in the logs.",
            "Tell how you found or prevented a bug",
        ),
        ("own-topic", "I like it because it is quiet.", "Give a reason"),
    ],
)
def test_a_sensible_answer_reaches_a_goal(scenario_id, said, goal):
    assert (goal, True) in scenario.goals(brief(scenario_id), [Line("user", said)])


@pytest.mark.parametrize(
    ("scenario_id", "said", "goal"),
    [
        ("travel", "I want to go to Japan next year.", "Say where you went"),
        ("travel", "We will visit Rome.", "Say where you went"),
        ("travel", "My brother went to London.", "Say where you went"),
        ("travel", "Did you go to Japan?", "Say where you went"),
        ("weekend", "I want to read a book.", "Say what you did last weekend"),
        ("shopping", "I want to buy a car.", "Say what you bought"),
        ("family", "My mother is dead.", "Name the people in your family"),
        ("family", "My father died last year.", "Name the people in your family"),
        ("hobbies", "Can we talk about my hobbies?", "Say what you do in your free time"),
        ("school", "Can we talk about history?", "Name a subject and what you think of it"),
    ],
)
def test_plans_questions_and_grief_reach_no_goal(scenario_id, said, goal):
    assert (goal, False) in scenario.goals(brief(scenario_id), [Line("user", said)])


def test_a_request_reaches_a_goal_of_the_own_topic():
    said = "Could I have a pay rise, please, because I work a lot?"
    assert ("Give a reason", True) in scenario.goals(brief("own-topic"), [Line("user", said)])


def test_an_empty_answer_reaches_no_goal():
    for one in scenario.load_all().values():
        assert not any(done for _, done in scenario.goals(brief(one.id), lines(one.opening, "Hmm, yes.")))


def test_the_agents_words_reach_no_goal():
    assert not any(done for _, done in scenario.goals(brief("travel"), lines("I went to Spain with my sister.")))


@pytest.mark.parametrize(
    ("scenario_id", "said", "goal"),
    [
        ("films", "I watched Inception last week, have you seen it?", "Name something you have watched"),
        ("travel", "Last summer I went to Spain, do you know it?", "Say where you went"),
        ("food", "I like rice, and you?", "Say what you like to eat"),
        ("food", "I like rice and you?", "Say what you like to eat"),
        ("family", "My brother is tall, isn't he?", "Describe one person"),
        ("weekend", "We went to the park with my friend, what about you?", "Say who was with you"),
        ("films", "I prefer the cinema because the screen is big.", "Compare the cinema and home"),
        ("films", "At home it is cheaper.", "Compare the cinema and home"),
        ("films", "The cinema is nicer than my living room.", "Compare the cinema and home"),
        ("hobbies", "I'm into photography.", "Say what you do in your free time"),
        ("work", "I repair cars.", "Say what you do"),
    ],
)
def test_a_statement_before_a_tag_question_reaches_its_goal(scenario_id, said, goal):
    assert (goal, True) in scenario.goals(brief(scenario_id), [Line("user", said)])


@pytest.mark.parametrize(
    ("scenario_id", "said", "goal"),
    [
        ("films", "Have you seen Inception?", "Name something you have watched"),
        ("travel", "Did you go to Spain, or do you want to?", "Say where you went"),
        ("food", "What do you like to eat, and you?", "Say what you like to eat"),
    ],
)
def test_a_question_alone_reaches_no_goal(scenario_id, said, goal):
    assert (goal, False) in scenario.goals(brief(scenario_id), [Line("user", said)])


def test_children_are_not_offered_a_scenario_for_adults(settings, monkeypatch, tmp_path):
    source = (Path(scenario.__file__).parent / "scenarios" / "travel.toml").read_text()
    (tmp_path / "travel.toml").write_text(source)
    (tmp_path / "wine.toml").write_text(f"adults_only = true\n{source}")
    monkeypatch.setattr(scenario, "_FOLDER", tmp_path)
    scenario._load_files.cache_clear()
    try:
        assert set(scenario.load_all()) == {"travel", "wine"}
        settings.AUDIENCE = "children"
        assert set(scenario.load_all()) == {"travel"}
        with pytest.raises(ScenarioError, match="'wine'"):
            scenario.get("wine")
    finally:
        scenario._load_files.cache_clear()
