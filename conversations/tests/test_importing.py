"""`POST /api/import` adds missing data once, keeps existing data, and names unusable data."""

import base64
import json
from typing import Any

import pytest

from audio.models import Recording
from conversations import store
from conversations.importing import Import, bring_in
from conversations.models import Conversation, Message
from conversations.tests.browsers import flat, nested, oldest, sound
from conversations.tests.shapes import START, said
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(databases=["default", "local"])
URL = "/api/import"
BROKEN = "data:audio/webm;base64," + base64.b64encode(b"no sound at all").decode()


def bring(client: LearnerClient, *entries: Any, **options: bool) -> list[dict[str, Any]]:
    answer = client.send(URL, {"entries": entries, **options})
    assert answer.status_code == 200, answer.content[:500]
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def kept(client: LearnerClient, wire_id: str) -> dict[str, Any]:
    shape: dict[str, Any] = client.get(f"/api/conversations/{wire_id}").json()["conversation"]
    return shape


def counts() -> tuple[int, int, int]:
    rows = (Conversation, Message, Recording)
    return tuple(model._default_manager.using("local").count() for model in rows)  # type: ignore[return-value]


@pytest.mark.parametrize("make", [nested, flat, oldest])
def test_each_shape_comes_in_whole(owner: LearnerClient, make: Any):
    (result,) = bring(owner, make())
    assert (result["state"], result["messages"]) == ("imported", 2)
    conversation = kept(owner, make()["id"])
    assert [each["role"] for each in conversation["messages"]] == ["assistant", "user"]
    assert conversation["config"]["topic"] == result["title"]


@pytest.mark.parametrize("make", [nested, flat, oldest])
def test_a_second_time_adds_nothing(owner: LearnerClient, make: Any):
    bring(owner, make())
    before = counts()
    (result,) = bring(owner, make())
    assert (result["state"], result["added"]) == ("unchanged", {"messages": 0, "recordings": 0})
    assert counts() == before


def test_a_second_time_without_ids_adds_nothing(owner: LearnerClient):
    raw = {"topic": "Cats", "messages": [{"role": "user", "content": "I have a cat."}]}
    assert [bring(owner, raw)[0]["state"], bring(owner, raw)[0]["state"]] == ["imported", "unchanged"]


def test_a_recording_is_kept_and_a_dead_one_named(owner: LearnerClient):
    (result,) = bring(owner, nested())
    assert result["recordings"] == 1
    assert [(each["message"], each["text"]) for each in result["lost"]] == [(f"ai-{START}", "Where are you from?")]
    message = kept(owner, result["id"])["messages"][1]
    assert message["audioDuration"] == pytest.approx(0.2, abs=0.05)
    assert b"".join(owner.get(message["audioUrl"])).startswith(b"\x1a\x45\xdf\xa3")


def test_a_broken_recording_does_not_cost_its_conversation(owner: LearnerClient):
    raw = nested(messages=[said("Hello.", audioData=BROKEN), said("Bye.", at=START + 1, audioData=sound())])
    (result,) = bring(owner, raw)
    assert (result["state"], result["messages"], result["recordings"]) == ("imported", 2, 1)
    assert [each["text"] for each in result["lost"]] == ["Hello."]
    assert len(kept(owner, raw["id"])["messages"]) == 2


def test_recordings_may_come_later(owner: LearnerClient):
    whole = nested()
    whole["messages"][1]["content"] = ""
    first = nested(messages=[whole["messages"][0], whole["messages"][1] | {"audioData": "later"}])
    (result,) = bring(owner, first)
    assert (result["messages"], [each["text"] for each in result["lost"]]) == (2, ["Where are you from?"])
    (result,) = bring(owner, whole)
    assert (result["state"], result["added"]) == ("updated", {"messages": 0, "recordings": 1})
    assert "audioS3Key" in kept(owner, whole["id"])["messages"][1]


def test_what_was_gone_on_with_here_stays(owner: LearnerClient):
    raw = nested()
    newer = said("A newer turn.", at=START + 999_000)
    owner.send(
        "/api/conversations",
        {**raw, "title": "Renamed", "messages": [raw["messages"][1] | {"content": "Replaced."}, newer]},
    )
    (result,) = bring(owner, raw)
    assert (result["state"], result["added"]["messages"]) == ("updated", 1)
    conversation = kept(owner, raw["id"])
    assert conversation["title"] == "Renamed"
    assert [each["content"] for each in conversation["messages"]] == [
        "Where are you from?",
        "Replaced.",
        "A newer turn.",
    ]


def test_a_message_that_was_taken_back_stays_so(owner: LearnerClient):
    raw = nested()
    bring(owner, raw)
    store.drop_message(owner.learner, raw["id"], raw["messages"][0]["id"])
    assert bring(owner, raw)[0]["state"] == "unchanged"
    assert len(kept(owner, raw["id"])["messages"]) == 1


def test_a_deleted_conversation_comes_back_only_if_asked(owner: LearnerClient):
    raw = nested()
    bring(owner, raw)
    owner.delete(f"/api/conversations/{raw['id']}")
    assert bring(owner, raw)[0]["state"] == "deleted"
    assert owner.get(f"/api/conversations/{raw['id']}").status_code == 404
    assert bring(owner, raw, bring_back=True)[0]["state"] == "imported"
    assert len(kept(owner, raw["id"])["messages"]) == 2


def test_one_that_was_erased_comes_back_with_all_that_was_said(owner: LearnerClient):
    raw = nested()
    bring(owner, raw)
    owner.delete(f"/api/conversations/{raw['id']}")
    store.erase_deleted(before=store.now_after())
    bring(owner, raw, bring_back=True)
    conversation = kept(owner, raw["id"])
    assert conversation["config"]["topic"] == "Travel"
    assert [each["content"] for each in conversation["messages"]] == [each["content"] for each in raw["messages"]]
    assert "audioUrl" in conversation["messages"][1]


def test_a_dry_run_says_the_same_and_keeps_nothing(owner: LearnerClient):
    entries = [nested(), flat(1), {"messages": []}]
    tried = bring(owner, *entries, dry_run=True)
    assert counts() == (0, 0, 0)
    assert bring(owner, *entries) == tried


def test_what_cannot_be_used_is_named_among_the_others(owner: LearnerClient):
    results = bring(owner, nested(), "junk", {"id": "x", "topic": "Empty", "messages": []}, flat(1))
    assert [each["state"] for each in results] == ["imported", "unusable", "unusable", "imported"]
    assert results[2]["title"] == "Empty"
    assert all(each["error"] for each in results if each["state"] == "unusable")


def test_an_outsider_is_neither_reached_nor_seen(owner: LearnerClient, outsider: LearnerClient):
    bring(owner, nested())
    assert bring(outsider, nested(messages=[said("Not yours.")]))[0]["state"] == "imported"
    assert len(kept(owner, nested()["id"])["messages"]) == 2
    assert [each["content"] for each in kept(outsider, nested()["id"])["messages"]] == ["Not yours."]


def test_sound_past_the_limit_waits_and_comes_when_sent_again(owner: LearnerClient):
    raw = nested(messages=[said(f"{n}", at=START + n, audioData=sound(hertz=300 + n)) for n in range(3)])
    (result,) = bring_in([raw], Import(owner.learner, seconds=0.3))
    assert (result["recordings"], len(result["waiting"])) == (2, 1)
    (result,) = bring_in([raw], Import(owner.learner, seconds=0.3))
    assert (result["state"], result["recordings"], result["waiting"]) == ("updated", 3, [])


@pytest.mark.parametrize(
    "body", [{}, [], None, "x", {"entries": None}, {"entries": "x"}, {"entries": []}, {"entries": [{}] * 201}]
)
def test_what_is_no_import_is_refused(owner: LearnerClient, body: Any):
    answer = owner.send(URL, body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_deep_nesting_is_refused(owner: LearnerClient):
    body = '{"entries": [' + '{"messages":' * 300 + "1" + "}" * 300 + "]}"
    assert owner.post(URL, body, content_type="application/json").status_code == 400


def test_half_a_character_and_nul_are_survived(owner: LearnerClient):
    raw = nested(title="a\0", messages=[said("b\ud800", audioData="data:audio/webm;base64,\0")])
    (result,) = bring(owner, json.loads(json.dumps(raw)))
    assert result["state"] == "imported"
    assert kept(owner, raw["id"])["messages"][0]["content"] == "b\ufffd"


def test_an_import_is_refused_from_another_site(owner: LearnerClient):
    answer = owner.send(URL, {"entries": [nested()]}, **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert counts() == (0, 0, 0)
