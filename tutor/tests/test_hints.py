"""A hint fits the question: its person, its tense and its verb."""

import pytest

from tutor import hints, scenario
from tutor.domain import Line
from tutor.scenario import Brief


@pytest.mark.parametrize(
    ("question", "begin"),
    [
        ("What does your mother cook well?", "She cooks"),
        ("Does your brother play football?", "He plays"),
        ("What do the children like to play?", "They like to"),
        ("Where did you go last week?", "I went"),
        ("What did your parents buy?", "They bought"),
        ("What would you change first?", "I would change"),
        ("What do you want to try?", "I want to try"),
        ("Which weather do you not like, and why?", "I don't like"),
        ("Have you been to London?", "I have"),
        ("Were you tired?", "I was"),
        ("Is it difficult to make?", "It is"),
        ("Can your sister drive?", "She can drive"),
        ("Why do you think so?", "Because"),
        ("What do you and your friends talk about?", "We talk"),
        ("One last question: What does your father read?", "He reads"),
        ("What does your mother carry to work?", "She carries"),
    ],
)
def test_an_answer_begins_as_the_question_asks(question, begin):
    assert hints.beginning(question) == begin


@pytest.mark.parametrize("question", ["And then?", "Who is funny in your family?", "What makes it so good?", "", "Hm."])
def test_other_questions_give_no_beginning(question):
    assert hints.beginning(question) == ""


def brief(scenario_id: str) -> Brief:
    one = scenario.get(scenario_id)
    return Brief(scenario=one, level=one.level, seed="conv-1")


def lines(*texts: str) -> list[Line]:
    """Return a dialogue in which the agent speaks first."""
    return [Line("user" if number % 2 else "assistant", text) for number, text in enumerate(texts)]


def test_the_hint_is_the_questions_and_not_a_general_one():
    asked = [Line("assistant", "Your mother, I see. What does your mother cook well?")]
    assert hints.hint(brief("food"), asked) == 'Begin with "She cooks".'


def test_a_question_of_the_learners_own_words_has_a_hint_too():
    asked = [Line("assistant", "Old radios, I see. How did you start with old radios?")]
    assert hints.hint(brief("hobbies"), asked) == 'Begin with "I started".'


def test_a_hint_of_the_scenario_comes_first():
    asked = [Line("assistant", "I see. What do you eat for breakfast?")]
    assert hints.hint(brief("food"), asked) == 'For example: "I eat bread and I drink tea."'


def test_further_hints_differ():
    asked = [Line("assistant", "What does your mother cook well?")]
    given = [hints.hint(brief("food"), asked, nth) for nth in range(4)]
    assert len(set(given)) == 4


def test_before_the_first_words_there_is_a_general_hint():
    assert hints.hint(brief("food"), []) in brief("food").scenario.hints


def test_the_opening_has_its_own_hint():
    one = brief("travel")
    assert hints.hint(one, lines(one.scenario.opening)) == one.scenario.opening_hint


def test_a_hint_fits_the_latest_question():
    asked = lines("Hello!", "Hi.", "I see. Which place would you like to visit next?")
    assert hints.hint(brief("travel"), asked) == 'Begin with "I would like to visit" and name a place.'


def test_further_hints_differ_until_all_are_used_up():
    one = brief("food")
    asked = lines(one.scenario.opening)
    given = [hints.hint(one, asked, nth) for nth in range(len(one.scenario.hints) + 1)]
    assert len(set(given)) == len(given)


def test_general_hints_differ_from_turn_to_turn():
    first, second = "Who is funny in your family?", "Who is a little like you, and how?"
    one = brief("family")
    assert hints.hint(one, lines(first)) != hints.hint(one, lines(first, "My uncle.", second))
