"""The progress of a learner, from stored talks to the answer of the API."""

from datetime import datetime, timedelta
from xml.etree import ElementTree as Xml

import pytest
from django.test import Client
from django.utils import timezone

from conversations import store
from conversations.drafts import Draft
from core.json_types import Json
from learning.kinds import kind_of
from learning.models import ProjectedConversation
from learning.tests.talks import WORK, attempt, talk, turn, uptake
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)

SAID = "Yesterday I went to the market with my brother and we bought some apples."


def spoken(
    content: str = SAID, *, speech_ms: int = 4000, pauses_ms: tuple[int, ...] = (400, 600), **more: object
) -> Json:
    return {
        "content": content,
        "measured": {"engine": "local", "speech_ms": speech_ms, "pauses_ms": list(pauses_ms), **more},
    }


def draft(at: datetime, of: Json, role: str = "user") -> Draft:
    return Draft(f"{role}-{at.timestamp():.3f}", role, of["content"], at, measured=of.get("measured"))


def save(learner: LearnerClient, name: str, at: datetime, *turns: Json, minutes: float = 5.0) -> None:
    drafts = [draft(at + timedelta(seconds=20 * number), each) for number, each in enumerate(turns)]
    columns = {"topic": "Food", "config": {"scenario": "food"}, "duration": minutes, "timestamp": at}
    store.save(learner.learner, name, columns=columns, messages=drafts, replace=False)


def progress(learner: LearnerClient, zone: str = "") -> Json:
    answer = learner.get("/api/progress", {"zone": zone} if zone else {})
    assert answer.status_code == 200, answer.content
    return answer.json()


def measure(found: Json, name: str) -> Json:
    return next(each for each in found["measures"] if each["name"] == name)


@pytest.fixture
def learner() -> LearnerClient:
    return LearnerClient()


def test_three_spoken_talks_give_a_pace_with_its_interval(learner: LearnerClient):
    now = timezone.now()
    for number in range(3):
        save(learner, f"talk-{number}", now - timedelta(days=number), spoken(speech_ms=4000 + 200 * number))
    found = progress(learner)
    assert (found["talks"], found["turns"], found["minutes"]) == (3, 3, 15)
    pace = measure(found, "articulationRate")["latest"]
    # 18 syllables in 4.2 s, on average.
    assert pace["value"] == pytest.approx(18 / 4.2, rel=0.1)
    assert pace["low"] < pace["value"] < pace["high"]
    # 14 words in three runs.
    assert measure(found, "meanLengthOfRun")["latest"]["value"] == pytest.approx(14 / 3, abs=0.01)
    assert measure(found, "pauseLength")["latest"]["value"] == pytest.approx(0.5)


def test_typed_and_doubtful_turns_say_nothing_of_fluency(learner: LearnerClient):
    for number in range(3):
        at = timezone.now() - timedelta(days=number)
        save(learner, f"talk-{number}", at, {"content": SAID}, spoken(doubt="words", confidence=-0.9, unsure=[[0, 9]]))
    found = progress(learner)
    for name in ("articulationRate", "meanLengthOfRun", "pausesPerMinute", "pauseLength"):
        assert measure(found, name)["latest"] is None
        assert measure(found, name)["svg"] == ""
        assert "So far there are none." in measure(found, name)["unmeasured"]
    assert measure(found, "wordsAboveA2")["talks"] == 3


def test_words_in_doubt_count_nowhere(learner: LearnerClient):
    at = timezone.now()
    save(learner, "heard", at, {"content": "I like apples."})
    before = progress(learner)
    save(learner, "misheard", at, spoken("Negotiate sustainable environments.", doubt="misheard", unsure=[[0, 36]]))
    after = progress(learner)
    assert {name: after[name] for name in ("talks", "turns", "levels")} == {
        name: before[name] for name in ("talks", "turns", "levels")
    }


def test_words_are_counted_by_level(learner: LearnerClient):
    at = timezone.now()
    turns = [
        draft(at, {"content": "I like the environment."}),
        draft(at, {"content": "Do you like cats?"}, "assistant"),
    ]
    store.save(learner.learner, "talk", columns={"timestamp": at}, messages=turns, replace=False)
    levels = {each["level"]: each for each in progress(learner)["levels"]}
    assert levels["B2"]["used"] == 1
    assert levels["A1"]["met"] >= 3


def test_a_chart_is_readable_as_text_and_well_formed(learner: LearnerClient):
    for number in range(5):
        save(learner, f"talk-{number}", timezone.now() - timedelta(days=number), spoken(speech_ms=4000 + 300 * number))
    found = progress(learner)
    charts = [each["svg"] for each in found["measures"] if each["svg"]] + [found["weeksSvg"]]
    ids: list[str] = []
    for svg in charts:
        root = Xml.fromstring(svg)
        assert root.get("role") == "img"
        names = str(root.get("aria-labelledby")).split()
        texts = {each.get("id"): each.text for each in root.iter() if each.get("id")}
        assert [bool(texts[name]) for name in names] == [True, True]
        ids += names
    assert len(ids) == len(set(ids))


def test_a_mistake_that_was_learned_is_gone_and_may_come_back(learner: LearnerClient):
    work = kind_of("work", "works").card(learner.learner)
    talk(learner.learner, "one", turn("He work.", WORK))
    assert progress(learner)["mistakes"] == {"learning": 1, "gone": 0, "returned": 0}
    talk(learner.learner, "review", attempt(work, "right", days=1), config={"kind": "review"})
    talk(learner.learner, "two", uptake(work, days=8))
    talk(learner.learner, "three", uptake(work, days=60))
    assert progress(learner)["mistakes"] == {"learning": 0, "gone": 1, "returned": 0}
    talk(learner.learner, "four", turn("He work.", WORK, days=200))
    assert progress(learner)["mistakes"] == {"learning": 1, "gone": 0, "returned": 1}


def test_a_review_is_practice_but_no_talk(learner: LearnerClient):
    at = timezone.now()
    columns = {"config": {"kind": "review"}, "timestamp": at}
    store.save(
        learner.learner, "review", columns=columns, messages=[draft(at, {"content": "He works."})], replace=False
    )
    found = progress(learner)
    assert found["talks"] == 0
    assert [day["practised"] for day in found["days"]] == [False] * 6 + [True]


def test_days_are_those_of_the_learners_zone(learner: LearnerClient):
    # The same moment is today in one zone and yesterday in the other, all day long.
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        days = progress(learner, zone)["days"]
        assert len({day["date"] for day in days}) == 7
    east, west = (progress(learner, zone)["days"][-1]["date"] for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"))
    assert east > west


def test_a_deleted_talk_is_not_counted_and_comes_back_with_undo(learner: LearnerClient):
    save(learner, "talk", timezone.now(), spoken())
    assert progress(learner)["talks"] == 1
    store.delete(learner.learner, "talk")
    assert progress(learner)["talks"] == 0
    store.restore(learner.learner, "talk")
    assert progress(learner)["talks"] == 1


def test_a_new_visitor_has_no_progress_and_nothing_is_stored():
    found = Client().get("/api/progress").json()
    assert (found["talks"], found["days"][-1]["practised"]) == (0, False)
    assert not ProjectedConversation.objects.using("local").exists()


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "x" * 1000])
def test_an_unknown_zone_is_refused(learner: LearnerClient, zone: str):
    answer = learner.get("/api/progress", {"zone": zone})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("zone:")


def test_hostile_measurements_are_ignored(learner: LearnerClient):
    hostile = [
        {"speech_ms": "long", "pauses_ms": []},
        {"speech_ms": -1, "pauses_ms": []},
        {"speech_ms": 1000, "pauses_ms": {"a": 1}},
        {"speech_ms": 1e300, "pauses_ms": [float(10**12), None, "x"]},
        {"speech_ms": True, "pauses_ms": [True]},
    ]
    for number, measured in enumerate(hostile):
        save(learner, f"talk-{number}", timezone.now(), {"content": SAID, "measured": measured})
    assert progress(learner)["talks"] == len(hostile)


def test_while_the_database_is_down_the_answer_says_so(learner: LearnerClient, database: Half):
    save(learner, "talk", timezone.now(), spoken())
    database.goes_down()
    answer = learner.get("/api/progress")
    assert answer.status_code == 503
    assert "Nothing is lost" in answer.json()["error"]
    database.comes_back()
    assert progress(learner)["talks"] == 1
