"""Each call of `/api/conversations` works, as existing clients make it and in its REST form."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from conversations.tests.shapes import START, conversation, data_url, said
from tests.contract.calls import ID, URL, WEBM, contents, fetched, lasting, listed, save, spoken
from tests.contract.places import Place

WORDS = ("id", "role", "content", "timestamp")
ANALYSIS = {
    "componentScores": {"fluency": 61, "pronunciation": 70, "grammar": 55, "vocabulary": 64, "contentRichness": 48},
    "baseScore": 60,
    "lengthBonus": 2.5,
    "rawScore": 62.5,
    "finalScore": 63,
    "expectationScore": 6,
    "metExpectations": True,
    "speakingMetrics": {"totalWords": 120, "estimatedSeconds": 48.5, "idealSeconds": 60, "speakingRatio": 0.81},
    "strengths": ["clear", "kept going"],
    "improvements": [],
    "feedback": "Good: mind the past tense. 👏",
    "suggestions": [
        {
            "type": "grammar",
            "original": "He has went",
            "alternative": "He has gone",
            "explanation": "…",
            "category": "tense",
        }
    ],
}


# POST


def test_a_new_conversation_is_answered_201(place: Place, learner: httpx.Client):
    sent = conversation()
    response = learner.post(URL, json=sent)
    answer = response.json()
    assert (response.status_code, answer["success"], answer["storage"]) == (201, True, place.storage)
    assert {name: answer["conversation"][name] for name in sent} == sent
    assert "degraded" not in answer


def test_saving_again_is_answered_200_and_adds_nothing(place: Place, learner: httpx.Client):
    sent = spoken()
    before = place.census()
    assert learner.post(URL, json=sent).status_code == 201
    kept = place.census()
    assert kept == before.plus(conversations=1, messages=2, voices=1)
    assert [learner.post(URL, json=sent).status_code for _ in range(2)] == [200, 200]
    assert place.census() == kept


def test_saving_the_answer_again_adds_nothing(place: Place, learner: httpx.Client):
    answered = save(learner, spoken())
    kept = place.census()
    assert lasting(save(learner, answered)) == lasting(answered)
    assert place.census() == kept


def test_saving_again_replaces(learner: httpx.Client):
    save(learner, conversation())
    save(learner, conversation(duration=3.5, callEnded=False, messages=[said("I come from Hue.", at=START + 5_000)]))
    now = fetched(learner)
    assert (contents(now), now["duration"], now["callEnded"]) == (["I come from Hue."], 3.5, False)


def test_a_removed_message_returns_when_it_is_sent_again(learner: httpx.Client):
    save(learner, conversation())
    save(learner, conversation(messages=[]))
    assert fetched(learner)["messages"] == []
    save(learner, conversation())
    assert fetched(learner)["messages"] == conversation()["messages"]


@pytest.mark.parametrize("body", [{}, {"messages": []}, conversation(None), conversation("")])  # type: ignore[arg-type]
def test_saving_without_an_id_is_answered_400(place: Place, learner: httpx.Client, body: dict[str, Any]):
    before = place.census()
    response = learner.post(URL, json=body)
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert response.json()["error"].startswith("id: ")
    assert place.census() == before


def test_a_conversation_needs_only_an_id(learner: httpx.Client):
    answered = save(learner, {"id": "conv_1714521600000_abcdefghi"})
    assert (answered["id"], answered["messages"]) == ("conv_1714521600000_abcdefghi", [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timestamp", "2023-11-14T22:13:20.123Z"),
        ("callEnded", True),
        ("callEnded", False),
        ("timeRemaining", 12.5),
        ("startTime", START + 1),
        ("endTime", START + 59_999),
        ("duration", 1.6833333333333333),
        ("analysis", ANALYSIS),
        ("config", conversation()["config"] | {"mode": "interview", "language": "vi", "timeLimit": 10}),
        ("config", conversation()["config"] | {"prompt": "Be kind. 👋", "a.b": {"$c": [1, None, True, 0.5, {}]}}),
    ],
)
def test_a_field_is_returned_unchanged(learner: httpx.Client, field: str, value: Any):
    assert save(learner, conversation(**{field: value}))[field] == value
    assert fetched(learner)[field] == value
    assert listed(learner)[0][field] == value


@pytest.mark.parametrize("field", ["endTime", "analysis", "duration"])
def test_omitted_fields_are_empty(learner: httpx.Client, field: str):
    save(learner, {name: value for name, value in conversation().items() if name != field})
    assert fetched(learner).get(field) is None


def test_a_saved_time_is_exact_to_the_millisecond(learner: httpx.Client):
    save(learner, conversation(messages=[said("Now.", at=START + 1), said("Then.", at=START + 999)]))
    assert [message["timestamp"] for message in fetched(learner)["messages"]] == [START + 1, START + 999]


@pytest.mark.parametrize(
    "text",
    [
        "Tôi đến từ Hà Nội. 👩‍👩‍👧 ﷽ \u200fמרחבא 漢字",
        "  two spaces,\n\ta tab,\r\nlines  ",
        "\\u0000 \\ud800 a\\ %s %% {x} $x .x",
        "\x7f\x1b\u2028\ufeff\uffff",
        "word 👋 " * 2_000,
        "' OR 1=1; --",
        "",
    ],
    ids=["unicode", "whitespace", "escapes", "control", "long", "quotes", "empty"],
)
def test_text_is_stored_unchanged(learner: httpx.Client, text: str):
    save(learner, conversation(messages=[said(text)]))
    assert contents(fetched(learner)) == [text]
    assert contents(listed(learner)[0]) == [text]


def test_two_hundred_messages_come_back_in_order(place: Place, learner: httpx.Client):
    before = place.census()
    turns = [said(f"Turn {n}.", by=("user", "assistant")[n % 2], at=START + n * 1000) for n in range(200)]
    save(learner, conversation(messages=turns))
    assert fetched(learner)["messages"] == turns
    assert place.census() == before.plus(conversations=1, messages=200)


def test_messages_of_the_same_time_keep_their_order(learner: httpx.Client):
    turns = [said(str(n), at=START) | {"id": f"user-{START}-{n}"} for n in (3, 1, 2)]
    save(learner, conversation(messages=turns))
    assert contents(fetched(learner)) == ["3", "1", "2"]


def test_messages_of_two_conversations_may_have_the_same_ids(learner: httpx.Client):
    save(learner, conversation("conv-1", messages=[said("One.")]))
    save(learner, conversation("conv-2", messages=[said("Two.")]))
    assert [contents(fetched(learner, wire_id)) for wire_id in ("conv-1", "conv-2")] == [["One."], ["Two."]]


@pytest.mark.parametrize("wire_id", ["ü 👋", "...", "?&#%", "$where", "a.b", "x" * 200])
def test_a_conversation_is_found_by_any_valid_id(learner: httpx.Client, wire_id: str):
    save(learner, conversation(wire_id))
    assert fetched(learner, wire_id)["id"] == wire_id


# GET


def test_a_new_learner_has_no_conversations(place: Place, learner: httpx.Client):
    answer = learner.get(URL).json()
    assert (answer["conversations"], answer["storage"]) == ([], place.storage)


def test_a_list_has_complete_conversations_without_links(place: Place, learner: httpx.Client):
    sent = spoken()
    save(learner, sent)
    [found] = listed(learner)
    voiced, silent = found["messages"]
    assert {name: found[name] for name in sent} | {"messages": ()} == sent | {"messages": ()}
    assert {name: voiced[name] for name in WORDS} == {name: sent["messages"][0][name] for name in WORDS}
    assert voiced["audioS3Key"] in place.audio.all_keys()
    assert not {"audioUrl", "audioData"} & set(voiced)
    assert silent == sent["messages"][1]


def test_lists_are_newest_first(learner: httpx.Client):
    for day in (2, 3, 1):
        save(learner, conversation(f"conv-{day}", timestamp=f"2024-05-0{day}T00:00:00.000Z"))
    assert [each["id"] for each in listed(learner)] == ["conv-3", "conv-2", "conv-1"]


def test_a_list_has_fifty_entries_by_default(learner: httpx.Client):
    first = datetime(2024, 5, 1, tzinfo=UTC)
    for number in range(51):
        moment = (first + timedelta(minutes=number)).isoformat()
        save(learner, {"id": f"conv-{number}", "timestamp": moment})
    assert [each["id"] for each in listed(learner)] == [f"conv-{number}" for number in range(50, 0, -1)]
    assert [each["id"] for each in listed(learner, limit=2)] == ["conv-50", "conv-49"]
    assert len(listed(learner, limit=100)) == 51


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1e2"])
def test_an_invalid_limit_is_answered_400(learner: httpx.Client, limit: str):
    response = learner.get(URL, params={"limit": limit})
    assert response.status_code == 400
    assert response.json()["error"].startswith("limit: ")


@pytest.mark.parametrize("address", [f"{URL}?id={ID}", f"{URL}/{ID}"])
def test_a_single_conversation_is_complete_with_links(place: Place, learner: httpx.Client, address: str):
    sent = spoken()
    save(learner, sent)
    answer = learner.get(address).json()
    voiced, silent = answer["conversation"]["messages"]
    assert place.fetch(voiced["audioUrl"]).content == WEBM
    assert voiced["audioDuration"] == pytest.approx(0.5, abs=0.02)
    assert "audioData" not in voiced
    assert silent == sent["messages"][1]
    assert answer["storage"] == answer["conversation"]["storage"] == place.storage


@pytest.mark.parametrize("address", [f"{URL}?id=none", f"{URL}/none"])
def test_an_unknown_conversation_is_answered_404(learner: httpx.Client, address: str):
    response = learner.get(address)
    assert (response.status_code, list(response.json())) == (404, ["error"])


# DELETE


@pytest.mark.parametrize("address", [f"{URL}?id={ID}", f"{URL}/{ID}"])
def test_deleting_a_conversation_twice_is_no_error(place: Place, learner: httpx.Client, address: str):
    save(learner, conversation())
    for _ in range(2):
        response = learner.delete(address)
        answer = response.json()
        assert (response.status_code, answer["success"], type(answer["message"])) == (200, True, str)
    assert learner.get(URL, params={"id": ID}).status_code == 404
    assert listed(learner) == []


def test_deleting_one_leaves_the_others(learner: httpx.Client):
    save(learner, conversation("conv-1"))
    save(learner, conversation("conv-2"))
    learner.delete(URL, params={"id": "conv-1"})
    assert [each["id"] for each in listed(learner)] == ["conv-2"]


def test_clear_all_deletes_all(learner: httpx.Client):
    for number in range(3):
        save(learner, conversation(f"conv-{number}"))
    response = learner.delete(URL, params={"clearAll": "true"})
    answer = response.json()
    assert (response.status_code, answer["success"], type(answer["message"])) == (200, True, str)
    assert listed(learner) == []


@pytest.mark.parametrize("query", ["", "?clearAll=false", "?clearAll=", "?id="])
def test_deleting_without_an_id_is_answered_400(learner: httpx.Client, query: str):
    save(learner, conversation())
    response = learner.delete(f"{URL}{query}")
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert len(listed(learner)) == 1


def test_a_deleted_conversation_can_be_saved_anew(learner: httpx.Client):
    save(learner, conversation())
    learner.delete(URL, params={"id": ID})
    assert save(learner, conversation())["messages"] == conversation()["messages"]
    assert len(listed(learner)) == 1


# Restore and rename


@pytest.mark.parametrize("query", [f"?id={ID}", "?clearAll=true"])
def test_a_deletion_can_be_undone_with_its_audio(place: Place, learner: httpx.Client, query: str):
    before = save(learner, spoken())
    kept = place.census()
    learner.delete(f"{URL}{query}")
    response = learner.post(f"{URL}/{ID}/restore")
    restored = response.json()["conversation"]
    assert (response.status_code, lasting(restored)) == (200, lasting(before))
    assert place.fetch(restored["messages"][0]["audioUrl"]).content == WEBM
    assert place.census() == kept


def test_restoring_an_existing_conversation_changes_nothing(learner: httpx.Client):
    before = save(learner, conversation())
    assert learner.post(f"{URL}/{ID}/restore").json()["conversation"] == before


def test_an_unknown_conversation_cannot_be_restored(learner: httpx.Client):
    response = learner.post(f"{URL}/none/restore")
    assert (response.status_code, list(response.json())) == (404, ["error"])


def test_a_new_title_is_kept(place: Place, learner: httpx.Client):
    save(learner, conversation())
    kept = place.census()
    answer = learner.patch(f"{URL}/{ID}", json={"title": "Chuyến đi 🚂"}).json()
    assert (answer["success"], answer["conversation"]["title"]) == (True, "Chuyến đi 🚂")
    assert fetched(learner)["title"] == "Chuyến đi 🚂"
    assert fetched(learner)["messages"] == conversation()["messages"]
    assert place.census() == kept


def test_an_unknown_conversation_cannot_be_renamed(learner: httpx.Client):
    response = learner.patch(f"{URL}/none", json={"title": "x"})
    assert (response.status_code, list(response.json())) == (404, ["error"])


# Outsiders


@pytest.mark.parametrize("address", [f"{URL}?id={ID}", f"{URL}/{ID}"])
def test_an_outsider_sees_nothing(learner: httpx.Client, outsider: httpx.Client, address: str):
    save(learner, conversation())
    response = outsider.get(address)
    assert (response.status_code, list(response.json())) == (404, ["error"])
    assert listed(outsider) == []


def test_the_same_ids_of_another_learner_are_another_conversation(
    place: Place, learner: httpx.Client, outsider: httpx.Client
):
    before = place.census()
    save(learner, conversation(messages=[said("Mine.", audioData=data_url(WEBM))]))
    response = outsider.post(URL, json=conversation(messages=[said("Theirs.", audioData=data_url(WEBM))]))
    assert response.status_code == 201
    assert (contents(fetched(learner)), contents(fetched(outsider))) == (["Mine."], ["Theirs."])
    assert place.census() == before.plus(conversations=2, messages=2, voices=2)


@pytest.mark.parametrize("query", [f"?id={ID}", "?clearAll=true", f"/{ID}"])
def test_an_outsider_deletes_nothing(learner: httpx.Client, outsider: httpx.Client, query: str):
    save(learner, conversation())
    assert outsider.delete(f"{URL}{query}").status_code == 200
    assert len(listed(learner)) == 1


def test_an_outsider_renames_nothing(learner: httpx.Client, outsider: httpx.Client):
    save(learner, conversation())
    assert outsider.patch(f"{URL}/{ID}", json={"title": "Theirs"}).status_code == 404
    assert fetched(learner)["title"] == "Travel"


def test_an_outsider_restores_nothing(learner: httpx.Client, outsider: httpx.Client):
    save(learner, conversation())
    learner.delete(URL, params={"id": ID})
    assert outsider.post(f"{URL}/{ID}/restore").status_code == 404
    assert listed(learner) == []


# The caller


def test_the_cookie_of_the_first_answer_identifies_the_learner(place: Place, learner: httpx.Client):
    save(learner, conversation())
    assert len(listed(learner)) == 1
    learner.cookies.clear()
    assert listed(learner) == []


def test_a_request_from_another_site_is_refused(learner: httpx.Client):
    save(learner, conversation())
    headers = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    response = learner.delete(URL, params={"clearAll": "true"}, headers=headers)
    assert (response.status_code, list(response.json())) == (403, ["error"])
    assert len(listed(learner)) == 1
