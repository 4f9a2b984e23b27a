"""A talk begins with the learner's choices, which the conversation keeps, and with mistakes of earlier talks."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from conversations import store
from conversations.drafts import Draft
from talk import dialogue
from talk.dialogue import Dialogue
from talk.reminders import Reminder, for_brief, recall, taken_up
from talk.session_fields import session_wishes
from tests.clouds import DATABASES, Half
from tutor import scenario
from tutor.domain import Correction

pytestmark = pytest.mark.django_db(databases=["default", "local"])

AT = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def learner() -> uuid.UUID:
    return uuid.uuid4()


def begun(**wishes: str) -> Dialogue:
    new = Dialogue.of("talk", None, "local")
    new.change_topic(wishes)
    return new


def gone_on(learner: uuid.UUID, columns: Mapping[str, object]) -> Dialogue:
    stored = store.save(learner, "talk", columns=dict(columns), messages=[])
    return Dialogue.of("talk", stored, "local")


def keep(learner: uuid.UUID, wire_id: str, *mistakes: tuple[str, str], day: int = 1) -> None:
    """Save a conversation with one turn for each of these mistakes, (said, better)."""
    at = AT.replace(day=day)
    rows = [
        {"said": said, "better": better, "why": "", "category": "", "start": 0, "end": 1} for said, better in mistakes
    ]
    drafts = [
        Draft(f"user-{number}", "user", "Words.", at.replace(second=number), corrections=[row])
        for number, row in enumerate(rows)
    ]
    store.save(learner, wire_id, columns={"timestamp": at}, messages=drafts)


# The language of explanations


def test_explanations_are_english_by_default():
    assert begun(scenario="travel").brief.language == "en"


def test_another_language_can_be_chosen():
    new = begun(language="vi")
    assert new.brief.language == new.shape()["language"] == "vi"


def test_the_language_is_kept_and_found_again(learner):
    again = gone_on(learner, begun(scenario="travel", language="vi").columns())
    assert again.brief.language == "vi"


def test_the_contracts_language_stays_that_of_the_talk():
    assert begun(language="vi").columns()["config"]["language"] == "en"


def test_it_can_be_changed_in_the_middle_of_a_talk():
    new = begun(scenario="travel")
    new.add("user-1", "user", "Hello.")
    assert not new.change_topic({"language": "vi", "scenario": "food"})
    assert (new.brief.language, new.brief.scenario.id) == ("vi", "travel")


def test_another_choice_leaves_the_language_as_it_is():
    new = begun(language="vi")
    new.change_topic({"scenario": "food"})
    assert new.brief.language == "vi"


def test_the_language_of_an_older_client_is_that_of_explanations(learner):
    assert gone_on(learner, {"config": {"language": "vi"}}).brief.language == "vi"


@pytest.mark.parametrize("language", ["xx", None, 5, ["vi"], {"a": 1}])
def test_an_unknown_language_of_an_older_client_becomes_english(learner, language):
    again = gone_on(learner, {"config": {"language": language}})
    assert (again.brief.language, again.columns()["config"]["language"]) == ("en", "en")


def test_the_chosen_language_wins_over_an_older_clients(learner):
    again = gone_on(learner, {"config": {"language": "vi", "explain": "en"}})
    assert again.brief.language == "en"


def test_an_older_clients_language_stays_as_it_was(learner):
    again = gone_on(learner, {"config": {"language": "vi"}})
    again.change_topic({"language": "en"})
    config = again.columns()["config"]
    assert (config["language"], config["explain"]) == ("vi", "en")


def test_a_talk_with_an_invalid_configuration_can_be_continued(learner):
    assert gone_on(learner, {"config": ["vi"]}).columns()["config"]["language"] == "en"


@pytest.mark.parametrize("explain", ["xx", None, 5, ["vi"], {"a": 1}])
def test_an_unknown_stored_language_becomes_english(learner, explain):
    assert gone_on(learner, {"config": {"explain": explain}}).brief.language == "en"


@pytest.mark.parametrize("language", ["xx", "", "EN"])
def test_an_unknown_language_is_refused(language):
    wishes = session_wishes({"talk": {"language": language, "level": "B2"}})
    (refusal,) = wishes.refusals
    assert str(refusal).startswith("`language` must be one of en, ")
    assert wishes.talk == {"level": "B2"}


def test_a_chosen_language_is_passed_on():
    assert session_wishes({"talk": {"language": "vi"}}).talk == {"language": "vi"}


# The kinds of talk


@pytest.mark.parametrize(
    ("scenario_id", "mode"),
    [
        ("travel", "casual-chat"),
        ("adventure-island", "casual-chat"),
        ("lesson-past", "speaking-practice"),
        ("own-topic", "speaking-practice"),
        ("interview-shop", "interview"),
    ],
)
def test_the_contracts_mode_follows_from_the_kind(scenario_id, mode):
    assert begun(scenario=scenario_id).columns()["config"]["mode"] == mode


def test_every_kind_has_a_mode_of_the_contract():
    assert dialogue.MODE_OF_KIND.keys() == set(scenario.KINDS)


# Mistakes of earlier talks


def recalled(learner: uuid.UUID) -> tuple[str, ...]:
    return for_brief(recall(learner))


def reminder(said: str = "goed", better: str = "went") -> Reminder:
    return Reminder(uuid.uuid4(), said, better, said, better)


def test_the_newest_mistakes_come_first(learner):
    keep(learner, "older", ("goed", "went"), day=1)
    keep(learner, "newer", ("she have", "she has"), ("childs", "children"), day=2)
    assert recalled(learner) == ("childs \u2192 children", "she have \u2192 she has", "goed \u2192 went")


def test_there_are_at_most_five_different_mistakes(learner):
    keep(learner, "talk", *[(f"wrong {number % 7}", "right") for number in range(20)])
    found = recalled(learner)
    assert len(found) == len(set(found)) == 5


def test_mistakes_are_the_learners_own(learner):
    keep(learner, "talk", ("goed", "went"))
    assert recalled(uuid.uuid4()) == ()


def test_a_rewritten_paragraph_is_not_recalled(learner):
    keep(learner, "talk", ("goed " * 50, "went " * 50), ("goed", "went"))
    assert recalled(learner) == ("goed \u2192 went",)


def test_mistakes_of_long_ago_are_recalled_while_they_are_due(learner):
    keep(learner, "long ago", ("goed", "went"), day=1)
    for day in range(2, 5):
        keep(learner, f"since {day}", day=day)
    assert recalled(learner) == ("goed \u2192 went",)


def test_what_was_reviewed_is_not_recalled_before_it_is_due(learner):
    keep(learner, "talk", ("goed", "went"))
    (one,) = recall(learner)
    now = datetime.now(UTC)
    measured = {"review": {**one.words(), "outcome": "right", "prompt": "p"}}
    draft = Draft("user-1", "user", "I went.", now, measured=measured)
    store.save(learner, "review", columns={"config": {"kind": "review"}}, messages=[draft], replace=False)
    assert recalled(learner) == ()
    # But its correct form is still noticed.
    assert [each.card for each in recall(learner)] == [one.card]


def test_a_single_word_comes_with_the_words_before_it(learner):
    corrections = [{"said": "work", "better": "works", "why": "", "category": "", "start": 11, "end": 15}]
    draft = Draft("user-1", "user", "My brother work in London.", AT, corrections=corrections)
    store.save(learner, "talk", columns={}, messages=[draft])
    assert recalled(learner) == ("My brother work \u2192 My brother works",)


@pytest.mark.django_db(databases=DATABASES)
def test_a_talk_begins_without_mistakes_while_they_are_out_of_reach(learner, database: Half):
    keep(learner, "talk", ("goed", "went"))
    database.goes_down()
    assert recalled(learner) == ()


def test_the_brief_keeps_the_mistakes_in_every_scenario():
    new = Dialogue.of("talk", None, "local", reminders=[reminder()])
    new.change_topic({"scenario": "food"})
    assert new.brief.mistakes == ("goed \u2192 went",)


def test_uptake_is_the_correct_form_without_the_same_mistake():
    one = reminder("work", "works")
    again = Correction("work", "works", "", "agreement", 3, 7)
    assert taken_up("He works a lot, and I work, too.", (), [one]) == [one]
    assert taken_up("He work.", (), [one]) == []
    assert taken_up("He works, she work.", (again,), [one]) == []


def test_uptake_is_noticed_once_in_a_talk():
    new = Dialogue.of("talk", None, "local", reminders=[reminder()])
    assert len(new.taken_up("I went home.", ())) == 1
    assert new.taken_up("I went home.", ()) == []
    assert new.brief.mistakes == ("goed \u2192 went",)
