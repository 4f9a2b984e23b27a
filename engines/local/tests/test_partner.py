"""The guided partner holds whole talks with several kinds of learners, and gives fitting answers."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle

import pytest

from engines.local import corrector, partner, phrases
from talk import reprompt
from tutor import scenario
from tutor.domain import Correction, Line
from tutor.scenario import Brief
from tutor.transcripts import Doubt

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
    return replace(Brief(scenario=one, level=level or one.level, seed=seed), **own)  # type: ignore[arg-type]


def lines(*texts: str) -> list[Line]:
    """Return a dialogue in which the agent speaks first."""
    return [Line("user" if number % 2 else "assistant", text) for number, text in enumerate(texts)]


def reply(about: Brief, transcript: Sequence[Line], heard: str, *corrections: Correction) -> str:
    return " ".join(partner.answer(about, transcript, heard, corrections).sentences)


def first_reply(heard: str, *corrections: Correction, about: Brief | None = None) -> str:
    about = about or brief()
    return reply(about, lines(partner.opening(about)), heard, *corrections)


def whole_talk(about: Brief, learner: Sequence[str]) -> list[Line]:
    """Run a talk with a learner who says these lines in turn, until the partner ends it."""
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


def test_the_learners_words_are_taken_up():
    assert first_reply("Last summer I went to the beach.") == "Ah, the beach. What do you like to do by the water?"


@pytest.mark.parametrize(
    ("heard", "wrong"),
    [
        ("My brother work in London.", "your brother work"),
        ("I have two childs and a dog.", "two childs"),
        ("I have three cat at home.", "three cat"),
    ],
)
def test_words_are_taken_up_as_they_are_right(heard: str, wrong: str):
    for number in range(10):
        asked = lines("Hello! Let's talk about travel. Where did you go on your last trip?")
        said = partner.answer(brief(seed=f"conv-{number}"), asked, heard, corrector.correct(heard)).sentences
        assert not any(re.search(rf"{wrong}\b", each, re.IGNORECASE) for each in said if "You said" not in each), said


def test_a_name_is_repeated():
    assert first_reply("I went to Portugal.") == "Ah, Portugal. What did you like about Portugal?"


def test_the_first_word_of_a_sentence_is_repeated_without_its_capital():
    assert "The summer, I see." in first_reply("Summer is the best, of course.", about=brief("weather"))


def test_a_denied_statement_is_not_taken_up():
    assert "beach" not in first_reply("I don't really like going to the beach.")


def test_a_leading_no_does_not_deny_the_statement():
    assert "Ah, the beach." in first_reply("No, we stayed at the beach all week.")


def test_a_month_is_not_a_place():
    assert "August" not in first_reply("We have been travelling in August.")


def test_earlier_words_are_taken_up_later():
    about = brief()
    talk = lines(partner.opening(about), "I went to Portugal with my sister.")
    talk.append(Line("assistant", reply(about, talk[:1], talk[1].text)))
    assert "How do you and your sister choose" in reply(about, talk, "She always looks for something new and cheap.")


def test_unrecognised_words_are_acknowledged_neutrally():
    words = {word.lower() for word in re.findall(r"\w+", first_reply("My goldfish exploded quite horribly."))}
    assert not words & {"great", "wonderful", "nice", "good", "interesting", "goldfish"}


@pytest.mark.parametrize("heard", ["I want to kill myself.", "I don\u2019t want to live anymore", "He hit me"])
def test_distress_is_answered(heard):
    spoken = first_reply(heard, about=brief("family"))
    assert "trust" in spoken
    assert "emergency number" in spoken
    assert "?" not in spoken


def test_distress_is_answered_after_the_end_too():
    about = brief()
    answer = partner.answer(about, whole_talk(about, ["Goodbye."]), "I want to die.", ())
    assert answer.ended
    assert "emergency number" in " ".join(answer.sentences)


def test_after_distress_the_talk_goes_on_only_when_the_learner_says_so():
    about = brief()
    talk = lines(partner.opening(about), "He hit me.", first_reply("He hit me."))
    assert "?" not in reply(about, talk, "Nobody helps me.")
    assert "?" in reply(about, talk, "Let's go on.")


@pytest.mark.parametrize(
    "heard", ["I don't want to live in a big city.", "My brother hit me with a snowball.", "He beat me at chess."]
)
def test_harmless_words_are_not_distress(heard):
    assert "emergency" not in first_reply(heard)


@pytest.mark.parametrize(
    "heard",
    [
        "My father died",
        "My mother is dead",
        "My grandmother passed away last month",
        "My dog died",
        "My father was a teacher. He died last year.",
        "I lost my wife.",
    ],
)
def test_a_death_gets_sympathy_and_no_question_about_it(heard):
    about = brief("family")
    lost = re.findall("father|mother|grandmother|dog|wife", heard)[0]
    transcript = lines(partner.opening(about), heard, first_reply(heard, about=about))
    assert "sorry" in transcript[-1].text or "great loss" in transcript[-1].text
    for said in [
        "It was hard for all of us then.",
        f"My {lost} was always nice.",
        "I live alone.",
        "I like to cook.",
    ] * 2:
        transcript += [Line("user", said), Line("assistant", reply(about, transcript, said))]
    assert not any(lost in line for line in agent_lines(transcript))


def test_no_question_could_mean_the_friend_who_died():
    about = brief("friends")
    transcript = lines(partner.opening(about))
    for said in ["My friend died last year.", "We met at school.", "It is hard to say more."] * 3:
        transcript += [Line("user", said), Line("assistant", reply(about, transcript, said))]
    assert all("?" in line for line in agent_lines(transcript[:12]))
    asked = [line for line in agent_lines(transcript) if "?" in line]
    assert not any(re.search(r"\b(?:you two|together|he|she)\b", line) for line in asked), asked


def test_other_sad_news_gets_sympathy():
    assert re.search(r"sorry|hard", first_reply("My father is in hospital."))


def test_a_sad_film_is_not_the_learners_grief():
    assert "sorry" not in first_reply("I saw a story about a man who died in space.", about=brief("films"))


def test_after_a_very_short_answer_more_is_requested():
    assert first_reply("Yes.").endswith("?")
    assert not any(one.ask in first_reply("Yes.") for one in brief().scenario.follow_ups)


def test_more_is_requested_only_once_in_a_row():
    about = brief()
    talk = [*lines(partner.opening(about), "Yes."), Line("assistant", first_reply("Yes."))]
    assert any(one.ask in reply(about, talk, "Yes.") for one in about.scenario.follow_ups)


def test_only_the_corrected_words_of_a_sentence_are_recast():
    heard = "She have a dog in Monday."
    spoken = first_reply(
        heard, correction("have", "has", heard), correction("in Monday", "on Monday", heard, sure=False)
    )
    assert '"She has"' in spoken
    assert "Monday" not in spoken


def test_a_recast_of_one_word_includes_its_neighbour():
    heard = "We we was there."
    assert '"we were"' in first_reply(heard, correction("was", "were", heard))


def test_a_doubtful_correction_is_not_spoken():
    heard = "My brother has went to London last week."
    assert "gone" not in first_reply(heard, correction("has went", "has gone", heard, sure=False))


def test_a_question_is_repeated_on_request():
    spoken = first_reply("Sorry, can you repeat that?")
    assert "Where did you go on your last trip?" in spoken


def test_a_question_that_was_not_understood_is_simplified():
    about = brief("work")
    easy = scenario.sentences(about.scenario.opening_easy)[-1]
    assert easy in first_reply("I don't understand.", about=about)


def test_a_question_that_was_repeated_to_a_silent_learner_stays_open():
    about = brief()
    opening = lines(partner.opening(about))
    repeated = " ".join(reprompt.sentences(opening, ""))
    asked = [*opening, Line("assistant", repeated)]
    assert "Where did you go on your last trip?" in reply(about, asked, "Pardon?")
    assert "Portugal" in reply(about, asked, "I went to Portugal.")


def test_a_question_without_simpler_words_gets_a_hint():
    assert brief().scenario.opening_hint in first_reply("I don't understand the question.")


def test_a_request_for_the_meaning_gets_help():
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


def test_the_partner_admits_that_it_cannot_answer():
    spoken = first_reply("What is the capital of Australia?")
    assert re.search(r"can't|don't", spoken)
    assert "Where did you go on your last trip?" in spoken


@pytest.mark.parametrize("question", ["Can you correct my English?", "Was that correct?"])
def test_the_partner_says_that_corrections_are_on_the_page_and_incomplete(question):
    spoken = first_reply(question)
    assert "beside your words" in spoken
    assert re.search(r"not.* all|miss|may be others", spoken)


@pytest.mark.parametrize("question", ["Have you ever been to London?", "Do you like dogs?", "Where do you live?"])
def test_the_partner_invents_no_life_of_its_own(question):
    assert re.search(r"computer|program", first_reply(question))


def test_an_insult_is_taken_calmly():
    spoken = first_reply("You are stupid!")
    assert re.search(r"program|sorry", spoken)
    assert spoken.endswith("?")


@pytest.mark.parametrize(
    "heard",
    [
        "Bonjour, je ne parle pas anglais.",
        "No hablo ingl\u00e9s.",
        "\u042f \u043d\u0435 \u043f\u043e\u043d\u0438\u043c\u0430\u044e.",
    ],
)
def test_another_language_is_not_understood(heard):
    about = brief("work")
    spoken = first_reply(heard, about=about)
    assert "English" in spoken
    assert scenario.sentences(about.scenario.opening_easy)[-1] in spoken


def test_a_foreign_dish_is_not_a_foreign_language():
    assert "only English" not in first_reply("I ate paella and tapas in the old town.")


def test_the_partner_does_not_promise_another_topic():
    about = brief()
    answer = partner.answer(about, lines(partner.opening(about)), "Can we talk about football?", ())
    assert not answer.ended
    assert "new talk" in answer.sentences[0]


@pytest.mark.parametrize("question", ["What do you think?", "Can we talk about football?", "What time is it?"])
def test_a_question_is_not_answered_with_a_goodbye(question):
    about = brief()
    done = "I went to Spain with my sister and we saw a castle, and I want to visit Japan."
    talk = [line for _ in range(13) for line in lines("Who do you like to travel with?", done)]
    assert not partner.answer(about, talk, question, ()).ended


def test_a_question_that_the_partner_invited_is_an_answer():
    about = brief("interview-shop")
    asked = lines("What would you ask the boss at the end of a real interview?")
    assert "can't" not in reply(about, asked, "How many people work here?")


def test_a_learner_who_does_not_know_gets_another_question():
    assert any(one.ask in first_reply("I don't know.") for one in brief().scenario.follow_ups)


@pytest.mark.parametrize(
    "farewell", ["Goodbye.", "I have to go now.", "Okay, bye bye!", "Thank you, see you tomorrow."]
)
def test_a_goodbye_ends_the_talk(farewell):
    about = brief()
    assert partner.answer(about, lines(partner.opening(about)), farewell, ()).ended


@pytest.mark.parametrize("heard", ["I have to go to work every day.", "I said goodbye to my family and I was sad."])
def test_talking_about_leaving_does_not_end_the_talk(heard):
    about = brief()
    assert not partner.answer(about, lines(partner.opening(about)), heard, ()).ended


def test_thanks_are_answered():
    assert re.match(r"You're (very )?welcome|With pleasure|It's my pleasure", first_reply("Thank you."))


def test_a_greeting_is_answered_and_the_question_stays_open():
    spoken = first_reply("Hello.")
    assert "Where did you go on your last trip?" in spoken


def test_the_goodbye_names_the_reached_goals():
    about = brief()
    talk = lines(partner.opening(about), "I went to Spain.", "What did you like about Spain?")
    assert "Today you said where you went." in reply(about, talk, "Goodbye.")


def test_a_talk_ends_when_its_goals_are_reached():
    reached = ["I went to Spain with my sister and we saw a castle, and I want to visit Japan."]
    assert len(agent_lines(whole_talk(brief(), reached))) <= 11


def test_after_the_end_no_sentence_is_repeated():
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


def test_a_learner_is_welcomed_back_once():
    about = brief()
    talk = lines(partner.opening(about), "I went to Portugal.", "Ah, Portugal. What did you like about Portugal?")
    welcomed = [*talk, Line("assistant", partner.resume(about, talk))]
    again = partner.resume(about, welcomed)
    assert again.endswith("What did you like about Portugal?")
    assert not again.startswith(phrases.WELCOME_BACK)


def test_a_returning_learner_is_answered_if_the_answer_was_lost():
    about = brief()
    assert "Ah, Portugal." in partner.resume(about, lines(partner.opening(about), "I went to Portugal."))


def test_a_returning_learner_hears_a_question_that_was_cut_short():
    assert partner.resume(brief(), lines("Hello! Let's talk about tra")).endswith("Where did you go on your last trip?")


def test_a_talk_that_has_ended_is_not_resumed():
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


def test_the_learners_own_topic_is_named():
    assert "my cat and her kittens" in partner.opening(brief("own-topic", topic="my cat\nand her kittens!"))


def test_the_learners_own_goal_is_asked_about():
    spoken = agent_lines(whole_talk(brief("own-topic", goal="to speak without fear"), ["Penguins are quite small."]))
    assert any("to speak without fear" in line for line in spoken)


def test_the_own_topic_scenario_asks_for_a_missing_topic():
    assert partner.opening(brief("own-topic")) == scenario.get("own-topic").opening


@pytest.mark.parametrize("level", scenario.LEVELS)
def test_a_topic_that_was_named_is_never_asked_for(level):
    about = brief("own-topic", topic="renting a flat", level=level)
    assert "renting a flat" in scenario.sentences(partner.opening(about))[-1]
    cut = lines("Hello! Today we", "It is about my flat in the old town.")
    spoken = [reply(about, cut[:1], cut[1].text), first_reply("I don't understand.", about=about)]
    assert not any("What is your topic" in line for line in spoken)


def test_the_learners_own_goal_is_named_in_the_opening():
    assert "Your goal is this: to ask for a pay rise." in partner.opening(
        brief("own-topic", goal="To ask for a pay rise.".lower())
    )


def test_rules_and_expectations_are_not_spoken_back():
    about = brief("own-topic", topic="flats", rules="Play the landlord", expectations="My tenses above all")
    spoken = " ".join(agent_lines(whole_talk(about, ["Penguins are quite small."])))
    assert "landlord" not in spoken
    assert "tenses" not in spoken


def test_a_request_in_the_own_topic_scenario_is_practice():
    about = brief("own-topic", topic="my salary", goal="ask my boss for more money")
    spoken = first_reply("Could I have a pay rise, please?", about=about)
    assert spoken == "Good. Can you also say why you ask for it?"


@pytest.mark.parametrize(
    "heard", ["Can you play the landlord?", "Play the waiter, please.", "Let's pretend you are my boss."]
)
def test_the_partner_does_not_play_a_role(heard):
    assert re.search(r"can't", first_reply(heard, about=brief("own-topic", topic="flats")))


def test_wanting_to_talk_about_something_is_not_taken_up_as_a_wish():
    assert "want." not in first_reply("I want to talk about my job as a nurse.", about=brief("own-topic"))


@pytest.mark.parametrize(
    "heard",
    ["I want to go to Japan next year.", "I will go to Japan.", "I'd like to visit Japan.", "My sister went to Japan."],
)
def test_no_question_assumes_a_visit_that_did_not_take_place(heard):
    spoken = first_reply(heard)
    assert "Japan?" in spoken
    assert "did you like" not in spoken


def test_a_future_stay_is_not_treated_as_past():
    about = brief(seed="conv-3")
    transcript = lines(partner.opening(about))
    for said in [
        "I want to go to Japan next year.",
        "We will stay two weeks in a hotel.",
        "We will see the temples.",
    ] * 3:
        transcript += [Line("user", said), Line("assistant", reply(about, transcript, said))]
    assert not any(re.search(r"did you do there|was the hotel", line) for line in agent_lines(transcript))


def test_the_third_doubtful_turn_in_a_row_is_answered_with_other_ways_and_a_hint():
    family = Brief(scenario=scenario.get("family"), level="A2", seed="conv-1")
    lines, said = [Line("assistant", partner.opening(family))], list[str]()
    for _ in range(3):
        said.append(" ".join(partner.answer(family, lines, "", (), Doubt.MISHEARD).sentences))
        lines += [Line("user", ""), Line("assistant", said[-1])]
    assert not any(one in text for text in said[:2] for one in phrases.HARD_TO_HEAR)
    assert any(one in said[2] for one in phrases.HARD_TO_HEAR)
    assert said[2].endswith("?")
    assert len(set(said)) == 3


def test_a_correction_is_told_and_elicited_in_turns_and_the_corrected_words_are_noticed():
    about, talk = brief(), [Line("assistant", partner.opening(brief()))]

    def say(heard: str) -> str:
        answer = " ".join(partner.answer(about, talk, heard, corrector.correct(heard)).sentences)
        talk.extend([Line("user", heard), Line("assistant", answer)])
        return answer

    assert '"My brother lives"' in say("My brother live in Rome.")
    elicited = say("He work in a hotel by the sea.")
    assert '"He work"' in elicited
    assert '"He works"' not in elicited
    noticed = say("He works.")
    assert noticed.startswith(tuple(one.partition("{")[0] for one in phrases.ELICITED))
    assert '"He works"' in noticed
    assert noticed.endswith("?")


def test_a_mistake_that_is_repeated_after_eliciting_is_told():
    about, talk = brief(), [Line("assistant", partner.opening(brief()))]
    for heard in ("My brother live in Rome.", "He work in a hotel by the sea.", "He work, I think."):
        answer = " ".join(partner.answer(about, talk, heard, corrector.correct(heard)).sentences)
        talk += [Line("user", heard), Line("assistant", answer)]
    assert answer.startswith(tuple(one.partition("{")[0] for one in phrases.RECASTS))
    assert '"He works"' in answer
