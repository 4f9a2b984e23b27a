"""The guided partner, in whole talks with several kinds of learners and in single answers."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import cycle

import pytest

from tutor import scenario
from tutor.engines.base import Correction, Line
from tutor.engines.local import partner
from tutor.scenario import Brief

LONGEST = 16
SCENARIOS = list(scenario.load_all())
LEARNERS = {
    "talkative": [
        "Last year I went to Italy with my family and we ate very good food in a small restaurant near the sea.",
        "My friend and I watched a film about a detective because we like to laugh, and then we cooked rice.",
        "I think it is difficult, but my teacher helped me, and I have learned a lot of English from books.",
        "On Monday I work in an office with my team, and in the evening I go running when the weather is not cold.",
        "My brother is a programmer, he uses Python and he lives in London, so we talk on the phone every week.",
        "In the past people used to buy things at the market, and I would like to visit the old town again.",
        "For example, last week my phone was broken, and I decided to repair it, although it was expensive.",
    ],
    "laconic": ["Yes."],
    "one word": ["Maybe.", "London.", "Nothing.", "My brother.", "No."],
    "off-topic": ["The moon is made of green cheese and seven penguins.", "Purple elephants were counting quickly."],
    "asking": ["What is your favourite colour?", "And you?", "How are you?", "What's your name?", "Do you like dogs?"],
    "lost": ["I don't understand.", "What does that mean?", "Can you help me?", "I don't know."],
    "deaf": ["Can you repeat that, please?", "Can you speak slower?", "Pardon?"],
    "mumbling": ["Mm.", "uh the", "...", "You"],
    "thanking": ["Thank you.", "Hello.", "Thank you very much."],
}
TALKS = [(scenario_id, kind) for scenario_id in SCENARIOS for kind in LEARNERS]


def brief(scenario_id: str = "travel", *, seed: str = "conv-1", level: str = "", **own: str) -> Brief:
    one = scenario.get(scenario_id)
    return Brief(scenario=one, level=level or one.level, seed=seed, **own)


def lines(*texts: str) -> list[Line]:
    """A dialogue in which the agent speaks first."""
    return [Line("user" if number % 2 else "assistant", text) for number, text in enumerate(texts)]


def reply(about: Brief, transcript: Sequence[Line], heard: str, *corrections: Correction) -> str:
    return " ".join(partner.answer(about, transcript, heard, corrections).sentences)


def first_reply(heard: str, *corrections: Correction, about: Brief | None = None) -> str:
    about = about or brief()
    return reply(about, lines(partner.opening(about)), heard, *corrections)


def whole_talk(about: Brief, learner: Sequence[str]) -> list[Line]:
    """A talk with a learner who says these in turn, until the partner ends it."""
    transcript = [Line("assistant", partner.opening(about))]
    for heard in cycle(learner):
        answer = partner.answer(about, transcript, heard, ())
        transcript += [Line("user", heard), Line("assistant", " ".join(answer.sentences))]
        if answer.ended:
            return transcript
        assert len(transcript) < 2 * LONGEST + 2, "the talk does not end"
    raise AssertionError


def agent_lines(transcript: Sequence[Line]) -> list[str]:
    return [line.text for line in transcript if line.role == "assistant"]


def correction(said: str, better: str, within: str, *, sure: bool = True) -> Correction:
    start = within.index(said)
    return Correction(said, better, "", "grammar", start, start + len(said), sure)


@pytest.mark.parametrize(("scenario_id", "kind"), TALKS)
def test_no_sentence_is_said_twice(scenario_id, kind):
    spoken = agent_lines(whole_talk(brief(scenario_id), LEARNERS[kind]))
    said = Counter(sentence for line in spoken for sentence in scenario.sentences(line))
    assert not [sentence for sentence, times in said.items() if times > 1]


@pytest.mark.parametrize(("scenario_id", "kind"), TALKS)
def test_a_talk_lasts_eight_turns_with_one_question_in_each(scenario_id, kind):
    spoken = agent_lines(whole_talk(brief(scenario_id), LEARNERS[kind]))
    assert len(spoken) > 8
    assert [line.count("?") for line in spoken[:-1]] == [1] * (len(spoken) - 1)
    assert "?" not in spoken[-1]


@pytest.mark.parametrize("scenario_id", SCENARIOS)
@pytest.mark.parametrize("kind", LEARNERS)
@pytest.mark.parametrize("level", ["A1", "A2"])
def test_a_beginner_hears_short_answers(scenario_id, kind, level):
    for line in agent_lines(whole_talk(brief(scenario_id, level=level), LEARNERS[kind]))[1:]:
        assert len(line.split()) <= 35, line


@pytest.mark.parametrize("seed", [f"conv-{number}" for number in range(10)])
def test_no_seed_makes_a_talk_repeat_itself(seed):
    for kind in LEARNERS:
        spoken = agent_lines(whole_talk(brief("food", seed=seed), LEARNERS[kind]))
        said = Counter(sentence for line in spoken for sentence in scenario.sentences(line))
        assert max(said.values()) == 1


def test_nothing_unspeakable_is_said():
    for scenario_id, kind in TALKS:
        for line in agent_lines(whole_talk(brief(scenario_id), LEARNERS[kind])):
            assert not re.search(r"[*_#`{}<>]|\.\.", line), line


def test_the_same_talk_makes_the_same_choices():
    assert whole_talk(brief(), LEARNERS["talkative"]) == whole_talk(brief(), LEARNERS["talkative"])


def test_another_talk_makes_other_choices():
    talks = {tuple(agent_lines(whole_talk(brief(seed=f"conv-{n}"), ["Yes."]))) for n in range(5)}
    assert len(talks) > 1


def test_what_was_said_is_taken_up():
    assert first_reply("Last summer I went to the beach.") == "Ah, the beach. What do you like to do by the water?"


def test_a_name_that_was_said_is_echoed():
    assert first_reply("I went to Portugal.") == "Ah, Portugal. What did you like about Portugal?"


def test_a_word_that_began_the_sentence_is_echoed_without_its_capital():
    assert "The summer, I see." in first_reply("Summer is the best, of course.", about=brief("weather"))


def test_what_was_denied_is_not_taken_up():
    assert "beach" not in first_reply("I don't really like going to the beach.")


def test_a_no_before_a_statement_denies_nothing():
    assert "Ah, the beach." in first_reply("No, we stayed at the beach all week.")


def test_a_month_is_no_place():
    assert "August" not in first_reply("We have been travelling in August.")


def test_what_was_not_taken_up_at_once_is_taken_up_later():
    about = brief()
    talk = lines(partner.opening(about), "I went to Portugal with my sister.")
    talk.append(Line("assistant", reply(about, talk[:1], talk[1].text)))
    assert "How do you and your sister choose" in reply(about, talk, "She always looks for something new and cheap.")


def test_what_was_not_recognised_is_acknowledged_neutrally():
    words = {word.lower() for word in re.findall(r"\w+", first_reply("My goldfish exploded quite horribly."))}
    assert not words & {"great", "wonderful", "nice", "good", "interesting", "goldfish"}


def test_sad_news_is_met_with_sympathy():
    assert "sorry" in first_reply("My father died there last year.") or "hard" in first_reply("My father died there.")


def test_a_sad_film_is_not_our_grief():
    assert "sorry" not in first_reply("I saw a story about a man who died in space.", about=brief("films"))


def test_a_very_short_answer_is_asked_to_be_longer():
    assert first_reply("Yes.").endswith("?")
    assert not any(one.ask in first_reply("Yes.") for one in brief().scenario.follow_ups)


def test_more_is_asked_for_only_once_in_a_row():
    about = brief()
    talk = [*lines(partner.opening(about), "Yes."), Line("assistant", first_reply("Yes."))]
    assert any(one.ask in reply(about, talk, "Yes.") for one in about.scenario.follow_ups)


def test_a_sure_correction_is_recast():
    heard = "My brother has went to London last week."
    assert '"has gone"' in first_reply(heard, correction("has went", "has gone", heard))


def test_a_recast_of_one_word_brings_its_neighbour():
    heard = "We was there with the whole family."
    assert '"We were"' in first_reply(heard, correction("was", "were", heard))


def test_a_doubtful_correction_is_not_spoken():
    heard = "My brother has went to London last week."
    assert "gone" not in first_reply(heard, correction("has went", "has gone", heard, sure=False))


def test_only_one_correction_is_spoken():
    heard = "He have two dog at his home."
    spoken = first_reply(heard, correction("have", "has", heard), correction("two dog", "two dogs", heard))
    assert "has" in spoken
    assert "dogs" not in spoken


def test_a_question_is_repeated_on_request():
    spoken = first_reply("Sorry, can you repeat that?")
    assert "Where did you go on your last trip?" in spoken


def test_a_question_that_was_not_understood_is_put_in_simpler_words():
    about = brief("work")
    easy = scenario.sentences(about.scenario.opening_easy)[-1]
    assert easy in first_reply("I don't understand.", about=about)


def test_a_question_without_simpler_words_brings_a_hint():
    assert brief().scenario.opening_hint in first_reply("I don't understand the question.")


def test_words_are_not_explained_but_help_is_given():
    spoken = first_reply("What does trip mean?")
    assert "explain" in spoken
    assert brief().scenario.opening_hint in spoken


def test_not_understanding_somebody_else_is_an_answer():
    assert brief().scenario.opening_hint not in first_reply("I don't understand my boss at all, he talks too much.")


def test_slower_speech_is_a_setting():
    assert "setting" in first_reply("Could you speak more slowly, please?")


@pytest.mark.parametrize(
    "question", ["What's your name?", "How are you?", "I went to Rome. And you?", "And you?", "Are you a robot?"]
)
def test_the_partner_says_that_it_is_a_program(question):
    assert re.search(r"computer|program|practice partner|only practise|working well", first_reply(question))


def test_a_question_it_cannot_answer_is_not_answered():
    spoken = first_reply("What is the capital of Australia?")
    assert re.search(r"can't|don't", spoken)
    assert "Where did you go on your last trip?" in spoken


def test_a_question_that_was_asked_for_is_an_answer():
    about = brief("interview-shop")
    asked = lines("What would you ask the boss at the end of a real interview?")
    assert "can't" not in reply(about, asked, "How many people work here?")


def test_somebody_who_does_not_know_gets_another_question():
    assert any(one.ask in first_reply("I don't know.") for one in brief().scenario.follow_ups)


@pytest.mark.parametrize(
    "farewell", ["Goodbye.", "I have to go now.", "Okay, bye bye!", "Thank you, see you tomorrow."]
)
def test_a_goodbye_ends_the_talk(farewell):
    about = brief()
    assert partner.answer(about, lines(partner.opening(about)), farewell, ()).ended


@pytest.mark.parametrize("heard", ["I have to go to work every day.", "I said goodbye to my family and I was sad."])
def test_speaking_of_leaving_does_not_end_the_talk(heard):
    about = brief()
    assert not partner.answer(about, lines(partner.opening(about)), heard, ()).ended


def test_thanks_are_answered():
    assert re.match(r"You're (very )?welcome|With pleasure|It's my pleasure", first_reply("Thank you."))


def test_a_greeting_is_answered_and_the_question_stays_open():
    spoken = first_reply("Hello.")
    assert "Where did you go on your last trip?" in spoken


def test_the_end_names_what_was_done():
    about = brief()
    talk = lines(partner.opening(about), "I went to Spain.", "What did you like about Spain?")
    assert "Today you said where you went." in reply(about, talk, "Goodbye.")


def test_a_talk_ends_when_its_goals_are_reached():
    reached = ["I went to Spain with my sister and we saw a castle, and I want to visit Japan."]
    assert len(agent_lines(whole_talk(brief(), reached))) <= 11


def test_after_the_end_no_sentence_comes_again():
    about = brief()
    talk = whole_talk(about, ["Goodbye."])
    for _ in range(4):
        answer = partner.answer(about, talk, "Are you still there?", ())
        assert answer.ended
        talk += [Line("user", "Are you still there?"), Line("assistant", " ".join(answer.sentences))]
    said = Counter(sentence for line in agent_lines(talk) for sentence in scenario.sentences(line))
    assert max(said.values()) == 1


def test_a_question_cut_short_is_asked_again():
    about = brief()
    opening = lines(partner.opening(about))
    question = scenario.sentences(reply(about, opening, "I saw the seven penguins."))[-1]
    cut = [*opening, *lines("", "I saw the seven penguins.")[1:], Line("assistant", f"I see. {question[:-6]}")]
    assert question in reply(about, cut, "Wait, the penguins were really very small.")


def test_an_opening_cut_short_is_asked_again():
    about = brief()
    assert "Where did you go on your last trip?" in reply(
        about, lines("Hello! Let's talk"), "Hello, my friend, I am here."
    )


def test_a_returning_learner_hears_the_open_question():
    about = brief()
    talk = lines(partner.opening(about), "I went to Portugal.", "Ah, Portugal. What did you like about Portugal?")
    assert partner.resume(about, talk).endswith("What did you like about Portugal?")


def test_a_returning_learner_is_answered_if_the_answer_was_lost():
    about = brief()
    assert "Ah, Portugal." in partner.resume(about, lines(partner.opening(about), "I went to Portugal."))


def test_a_returning_learner_hears_a_question_that_was_cut_short():
    assert partner.resume(brief(), lines("Hello! Let's talk about tra")).endswith("Where did you go on your last trip?")


def test_a_talk_that_has_ended_is_not_taken_up_again():
    about = brief()
    assert "?" not in partner.resume(about, whole_talk(about, ["Goodbye."]))


def test_an_empty_talk_begins_with_its_opening():
    assert partner.resume(brief(), []) == partner.opening(brief())


def test_a_beginner_hears_the_simpler_opening():
    assert partner.opening(brief("work", level="A1")) == scenario.get("work").opening_easy


NASTY = "{0} {topic} {goal!r}\n\n**Why**? is <b>everything</b>; [so] %s \\ `rm` \U0001f600 " * 12


@pytest.mark.parametrize("words", ["", " \n\t ", "{}", "???", "\U0001f600\U0001f600", "x" * 500, NASTY[:500]])
@pytest.mark.parametrize("kind", ["talkative", "laconic", "deaf"])
def test_own_words_of_any_kind_can_be_spoken(words, kind):
    about = brief("own-topic", topic=words, goal=words, rules=words, expectations=words)
    spoken = agent_lines(whole_talk(about, LEARNERS[kind]))
    assert [line.count("?") for line in spoken[:-1]] == [1] * (len(spoken) - 1)
    assert not any(re.search(r"[*_#`{}<>\[\]\\\n]|\.\.", line) for line in spoken)
    assert max(len(line) for line in spoken) < 300


def test_the_own_topic_is_spoken_of():
    assert "my cat and her kittens" in partner.opening(brief("own-topic", topic="my cat\nand her kittens!"))


def test_the_own_goal_is_asked_about():
    spoken = agent_lines(whole_talk(brief("own-topic", goal="to speak without fear"), ["Penguins are quite small."]))
    assert any("to speak without fear" in line for line in spoken)


def test_an_own_talk_without_a_topic_asks_for_one():
    assert partner.opening(brief("own-topic")) == scenario.get("own-topic").opening
