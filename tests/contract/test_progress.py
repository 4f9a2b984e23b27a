"""Progress and the plan for today are the same on every store."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from conversations.tests.shapes import conversation, said
from tests.talking import SPEECH

WORK = {"said": "work", "better": "works", "why": "After he, the verb takes -s.", "category": "agreement"}


def talk(learner: httpx.Client, number: int, days_ago: int) -> None:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    message = said("He work in a sustainable environment.", corrections=[WORK | {"start": 3, "end": 7}])
    message |= {"id": f"user-{number}", "timestamp": round(at.timestamp() * 1000)}
    sent = conversation(id=f"progress-{number}", messages=[message], timestamp=at.isoformat())
    sent["config"] = {"scenario": "travel", "level": "B1"}
    assert learner.post("/api/conversations", json=sent).is_success


def test_talks_are_counted_and_a_due_mistake_is_todays_review(learner: httpx.Client):
    for number in range(3):
        talk(learner, number, days_ago=2 * number + 2)
    found = learner.get("/api/progress", params={"zone": "Europe/Berlin"}).json()
    assert (found["talks"], found["turns"], found["unread"]) == (3, 3, 0)
    assert sum(day["practised"] for day in found["days"]) == 3
    assert found["mistakes"]["learning"] == 1
    above = next(each for each in found["measures"] if each["name"] == "wordsAboveA2")
    assert above["latest"]["value"] == pytest.approx(100 * 2 / 6, abs=0.001)
    plan = learner.patch("/api/today", params={"level": "B1"}, json={"goal": "travel"}).json()
    assert plan["review"]["due"] == 1
    # The other talks that suit the goal come first.
    assert plan["talk"]["scenario"] != "travel"
    assert learner.get("/api/today").json()["goal"] == "travel"


def test_a_spoken_turn_is_measured(learner: httpx.Client):
    audio = {"audio": ("turn.wav", (SPEECH / "learner_canada.wav").read_bytes())}
    answer = learner.post("/api/conversations/spoken/turns", data={"level": "B1"}, files=audio, timeout=60)
    assert answer.is_success, answer.text
    measures = {each["name"]: each for each in learner.get("/api/progress").json()["measures"]}
    assert measures["articulationRate"]["talks"] == 1
    assert measures["articulationRate"]["unmeasured"].startswith("This takes 3 talks")


def test_another_learners_talks_do_not_count(learner: httpx.Client, outsider: httpx.Client):
    talk(learner, 9, days_ago=0)
    assert outsider.get("/api/progress").json()["talks"] == 0
    assert outsider.get("/api/conversations/progress-9/placement").status_code == 404
    assert learner.get("/api/conversations/progress-9/placement").json()["level"] is None
