"""The plan for today suggests one talk and one review, with reasons."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from conversations import preferences, store
from conversations.drafts import Draft
from core.json_types import Json
from learning import today
from learning.tests.talks import WORK, talk, turn
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half
from tutor.scenario import PURPOSES, load_all

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)

PLACE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def learner() -> LearnerClient:
    return LearnerClient()


def plan(learner: Client, **query: str) -> Json:
    answer = learner.get("/api/today", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_new_visitor_gets_a_talk_and_nothing_is_due():
    found = plan(Client(), level="A2", zone="Asia/Ho_Chi_Minh")
    assert (found["review"], found["goal"], found["isPlaced"], found["hasTalked"]) == (None, None, False, False)
    assert found["talk"]["level"] == "A2"
    assert found["goals"] == list(PURPOSES)


@pytest.mark.parametrize("goal", PURPOSES)
def test_the_talk_suits_the_goal(learner: LearnerClient, goal: str):
    answer = learner.send("/api/today?level=B1", {"goal": goal}, method="PATCH")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert found["goal"] == goal
    assert goal in load_all()[found["talk"]["scenario"]].suits
    assert goal in found["talk"]["why"]
    assert plan(learner)["goal"] == goal


def test_a_goal_can_be_taken_back(learner: LearnerClient):
    learner.send("/api/today", {"goal": "travel"}, method="PATCH")
    assert learner.send("/api/today", {"goal": None}, method="PATCH").json()["goal"] is None


@pytest.mark.parametrize("body", [{"goal": "fame"}, {}, [], {"goal": 3}])
def test_another_goal_is_refused_and_nothing_changes(learner: LearnerClient, body: object):
    learner.send("/api/today", {"goal": "work"}, method="PATCH")
    assert learner.send("/api/today", body, method="PATCH").status_code == 400
    assert plan(learner)["goal"] == "work"


def test_a_wrong_time_zone_changes_no_goal(learner: LearnerClient):
    answer = learner.send("/api/today?zone=Nowhere/City", {"goal": "work"}, method="PATCH")
    assert answer.status_code == 400
    assert preferences.of(learner.learner).goal == ""


def test_a_due_mistake_is_the_review(learner: LearnerClient):
    talk(learner.learner, "one", turn("He work.", WORK))
    review = plan(learner)["review"]
    assert review["due"] == 1
    assert review["why"].startswith("One of your mistakes is due")


def test_all_suggested_talks_come_before_one_comes_again():
    latest: dict[str, datetime] = {}
    suited = {name for name, one in load_all().items() if "travel" in one.suits}
    for day in range(len(suited)):
        found = today.suggest("travel", "B1", latest, PLACE)
        assert "not had it yet" in found.why
        latest[found.scenario.id] = NOW + timedelta(days=day)
    assert latest.keys() == suited
    again = today.suggest("travel", "B1", latest, PLACE)
    assert again.scenario.id == min(latest, key=lambda name: latest[name])
    assert "you last had it on 2 March" in again.why


def test_exams_and_placements_are_only_suggested_to_those_who_want_them():
    latest: dict[str, datetime] = {}
    for day in range(60):
        found = today.suggest("", "B1", latest, PLACE).scenario
        assert found.kind not in today.SPECIAL
        latest[found.id] = NOW + timedelta(days=day)


def test_a_placement_talk_is_noticed(learner: LearnerClient):
    columns = {"config": {"scenario": "placement"}, "timestamp": timezone.now()}
    said = [Draft("user-1", "user", "I live in Hanoi.", timezone.now())]
    store.save(learner.learner, "talk", columns=columns, messages=said, replace=False)
    found = plan(learner)
    assert (found["isPlaced"], found["hasTalked"]) == (True, True)


def test_a_goal_that_is_chosen_in_an_outage_is_kept(learner: LearnerClient, database: Half):
    database.goes_down()
    assert learner.send("/api/today", {"goal": "school"}, method="PATCH").status_code == 503
    assert preferences.of(learner.learner).goal == "school"
    database.comes_back()
    preferences.move_pending()
    assert plan(learner)["goal"] == "school"


def test_the_goal_is_exported(learner: LearnerClient):
    learner.send("/api/today", {"goal": "school"}, method="PATCH")
    assert preferences.exported(learner.learner)[0]["goal"] == "school"
