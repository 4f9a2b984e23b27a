"""Lists come page by page, and a conversation's messages have a separate list."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from audio.encoding import from_pcm
from audio.tests.sounds import tone
from conversations import lookup, serializers, views
from conversations.tests.shapes import START, conversation, data_url, said
from core.cloud import LOCAL
from core.cursors import CursorPosition, cursor, place_at
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half

pytestmark = pytest.mark.django_db(databases=DATABASES)
URL = "/api/conversations"
ONE = f"{URL}/{conversation()['id']}"
MESSAGES = f"{ONE}/messages"
SOUND = from_pcm(tone(1)).data
BROKEN = ["x", "!", "é", "AAAA", "A" * 10_000, "_" * 38, "\0"]


def pages(client: LearnerClient, url: str, name: str, limit: int) -> list[list[str]]:
    """Return the ids on each page, up to the last page."""
    found, at = [], ""
    while True:
        page = client.get(url, {"limit": str(limit), "cursor": at}).json()
        found.append([each["id"] for each in page[name]])
        at = page["next"]
        if at is None:
            return found


def keep(client: LearnerClient, *days: int) -> None:
    for day in days:
        client.send(URL, conversation(f"conv-{day}", timestamp=f"2024-05-0{day}T00:00:00Z"))


def in_turn(client: LearnerClient, url: str, name: str, limit: int) -> list[str]:
    return [each for page in pages(client, url, name, limit) for each in page]


# The cursor


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2024, 5, 1, 1, 2, 3, 456_789, UTC)])
def test_a_cursor_names_its_place(moment: datetime) -> None:
    place = CursorPosition(moment, 7, uuid.uuid4())
    assert place_at(cursor(place)) == place


def test_a_cursor_needs_no_escaping_in_an_address() -> None:
    text = cursor(CursorPosition(datetime(2024, 5, 1, tzinfo=UTC), 0, uuid.UUID(int=2**128 - 1)))
    assert text.replace("-", "").replace("_", "").isalnum()


# Conversations


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_make_the_list(owner: LearnerClient, limit: int) -> None:
    keep(owner, 3, 1, 5, 2, 4)
    assert in_turn(owner, URL, "conversations", limit) == ["conv-5", "conv-4", "conv-3", "conv-2", "conv-1"]


def test_a_page_is_as_long_as_asked(owner: LearnerClient) -> None:
    keep(owner, 1, 2, 3)
    assert [len(page) for page in pages(owner, URL, "conversations", 2)] == [2, 1]


def test_a_list_that_fits_has_no_next(owner: LearnerClient) -> None:
    keep(owner, 1, 2)
    assert owner.get(URL, {"limit": 2}).json()["next"] is None


def test_conversations_of_one_moment_are_each_listed_once(owner: LearnerClient) -> None:
    for number in range(7):
        owner.send(URL, conversation(f"conv-{number}"))
    found = in_turn(owner, URL, "conversations", 2)
    assert sorted(found) == [f"conv-{number}" for number in range(7)]


def test_what_comes_and_goes_meanwhile_moves_no_page(owner: LearnerClient) -> None:
    keep(owner, 1, 2, 3, 4)
    first = owner.get(URL, {"limit": 2}).json()
    keep(owner, 5)
    owner.delete(f"{URL}/conv-3")
    second = owner.get(URL, {"limit": 2, "cursor": first["next"]}).json()
    assert [each["id"] for each in second["conversations"]] == ["conv-2", "conv-1"]


def test_a_cursor_shows_nobody_elses(owner: LearnerClient, outsider: LearnerClient) -> None:
    keep(owner, 1, 2, 3)
    keep(outsider, 2)
    at = owner.get(URL, {"limit": 1}).json()["next"]
    assert [each["id"] for each in outsider.get(URL, {"cursor": at}).json()["conversations"]] == ["conv-2"]


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_cursor_is_400(owner: LearnerClient, text: str) -> None:
    response = owner.get(URL, {"cursor": text})
    assert (response.status_code, response.json()["error"][:8]) == (400, "cursor: ")


def test_an_empty_cursor_is_none(owner: LearnerClient) -> None:
    keep(owner, 1)
    assert len(owner.get(f"{URL}?cursor=").json()["conversations"]) == 1


def test_pages_of_what_lies_in_two_databases(owner: LearnerClient, database: Half) -> None:
    keep(owner, 1, 3, 5)
    with database.outage():
        keep(owner, 2, 4)
    assert in_turn(owner, URL, "conversations", 2) == ["conv-5", "conv-4", "conv-3", "conv-2", "conv-1"]


def test_any_page_costs_as_many_queries(owner: LearnerClient) -> None:
    keep(owner, *range(1, 9))
    costs, at = set(), ""
    while at is not None:
        with CaptureQueriesContext(connections["local"]) as captured:
            at = owner.get(URL, {"limit": "2", "cursor": at}).json()["next"]
        costs.add(len(captured))
    assert len(costs) == 1
    assert max(costs) <= 4


def test_the_newest_are_read_in_the_order_of_an_index() -> None:
    """Otherwise a list would take longer, the more conversations the learner has."""
    plan = lookup.alive(LOCAL, uuid.uuid4())[:50].explain()
    assert "USING INDEX conversation_newest" in plan
    # It would be "USE TEMP B-TREE FOR ORDER BY".
    assert "ORDER BY" not in plan


# Messages


def test_messages_come_oldest_first(owner: LearnerClient) -> None:
    owner.send(URL, conversation(messages=[said(str(n), at=START + n * 1000) for n in (3, 1, 2)]))
    assert [each["content"] for each in owner.get(MESSAGES).json()["messages"]] == ["1", "2", "3"]


@pytest.mark.parametrize("limit", [1, 3, 20])
def test_pages_make_the_conversation(owner: LearnerClient, limit: int) -> None:
    messages = [{"id": f"m-{n}", "role": "user", "content": "x", "timestamp": START} for n in range(10)]
    owner.send(URL, conversation(messages=messages))
    assert in_turn(owner, MESSAGES, "messages", limit) == [f"m-{n}" for n in range(10)]


def test_a_page_has_a_hundred_messages_unless_asked(owner: LearnerClient) -> None:
    owner.send(URL, conversation(messages=[said("x", at=START + n) for n in range(101)]))
    assert len(owner.get(MESSAGES).json()["messages"]) == 100


def test_messages_carry_links_to_their_sound(owner: LearnerClient) -> None:
    owner.send(URL, conversation(messages=[said("Hello.", audioData=data_url(SOUND))]))
    link = owner.get(MESSAGES).json()["messages"][0]["audioUrl"]
    assert owner.get(link).status_code == 200


def test_messages_say_where_they_lie(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    assert owner.get(MESSAGES).json()["storage"] == "local"


@pytest.mark.parametrize("text", ["x", "A" * 10_000])
def test_a_broken_cursor_among_messages_is_400(owner: LearnerClient, text: str) -> None:
    owner.send(URL, conversation())
    response = owner.get(MESSAGES, {"cursor": text})
    assert (response.status_code, response.json()["error"][:8]) == (400, "cursor: ")


def test_an_outsider_gets_no_messages(owner: LearnerClient, outsider: LearnerClient) -> None:
    owner.send(URL, conversation())
    assert outsider.get(MESSAGES).status_code == 404


# Adding a message


def fetched(client: LearnerClient) -> list[dict[str, Any]]:
    return list(client.get(ONE).json()["conversation"]["messages"])


def test_a_message_is_added(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    response = owner.send(MESSAGES, said("And I like it.", at=START + 9_000))
    assert (response.status_code, response.json()["success"]) == (201, True)
    assert [each["content"] for each in fetched(owner)] == [
        "Where are you from?",
        "I come from Hanoi.",
        "And I like it.",
    ]


def test_what_is_answered_is_what_is_kept(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    correction = {"said": "has went", "better": "has gone", "why": "…", "category": "grammar", "start": 3, "end": 11}
    sent = said("He has went.", at=START + 9_000, corrections=[correction], interrupted=True)
    assert owner.send(MESSAGES, sent).json()["message"] == sent == fetched(owner)[-1]


def test_its_sound_is_kept(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    answered = owner.send(MESSAGES, said("Hello.", audioData=data_url(SOUND))).json()["message"]
    assert owner.get(answered["audioUrl"]).status_code == 200


def test_without_an_id_and_a_time_it_gets_them(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    answered = owner.send(MESSAGES, {"role": "user", "content": "Yes."}).json()["message"]
    assert answered["id"].startswith("user-")
    assert fetched(owner)[-1] == answered


def test_the_same_again_is_200_and_adds_nothing(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    owner.send(MESSAGES, said("Yes.", at=START + 9_000))
    assert owner.send(MESSAGES, said("Yes.", at=START + 9_000)).status_code == 200
    assert len(fetched(owner)) == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "robot", "content": "x"}, "role"),
        ({"role": "user"}, "content"),
        ({"role": "user", "content": "a\0b"}, "content"),
        ({"role": "user", "content": "x", "timestamp": "yesterday"}, "timestamp"),
        ({"role": "user", "content": "x", "audioData": "data:audio/webm;base64,AAAA"}, "audioData"),
        ({"role": "user", "content": "x", "id": "x" * 201}, "id"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_kept(owner: LearnerClient, body: dict[str, Any], field: str) -> None:
    owner.send(URL, conversation())
    response = owner.send(MESSAGES, body)
    assert (response.status_code, response.json()["error"].split(":")[0]) == (400, field)
    assert len(fetched(owner)) == 2


@pytest.mark.parametrize("body", [[], "x", None, 3])
def test_what_is_no_object_is_400(owner: LearnerClient, body: Any) -> None:
    owner.send(URL, conversation())
    assert owner.send(MESSAGES, body).status_code == 400


def test_an_outsider_adds_nothing(owner: LearnerClient, outsider: LearnerClient) -> None:
    owner.send(URL, conversation())
    assert outsider.send(MESSAGES, said("Me, too.")).status_code == 404
    assert outsider.get(URL).json()["conversations"] == []
    assert len(fetched(owner)) == 2


def test_a_conversation_that_was_deleted_is_not_brought_back(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    owner.delete(ONE)
    assert owner.send(MESSAGES, said("Hello?")).status_code == 404
    assert owner.get(URL).json()["conversations"] == []


@pytest.mark.parametrize("wire_id", ["x" * 201, "a%00b", "x" * 5_000])
def test_an_id_that_cannot_be_is_404(owner: LearnerClient, wire_id: str) -> None:
    assert owner.send(f"{URL}/{wire_id}/messages", said("x")).status_code == 404


def test_a_full_conversation_takes_no_more(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAX_MESSAGES", 2)
    owner.send(URL, conversation())
    response = owner.send(MESSAGES, said("One more.", at=START + 9_000))
    assert response.status_code == 400
    assert f"{serializers.MAX_MESSAGES:,}" in response.json()["error"]


def test_with_the_database_down_it_is_kept_here_and_joins_the_others(owner: LearnerClient, database: Half) -> None:
    owner.send(URL, conversation())
    with database.outage():
        response = owner.send(MESSAGES, said("Still here.", at=START + 9_000))
        assert (response.status_code, response.json()["storage"], response.json()["degraded"]) == (201, "local", True)
    assert [each["content"] for each in fetched(owner)][-1] == "Still here."
    assert len(fetched(owner)) == 3


def test_with_the_database_down_messages_out_of_reach_are_503(owner: LearnerClient, database: Half) -> None:
    owner.send(URL, conversation())
    with database.outage():
        response = owner.get(MESSAGES)
        assert (response.status_code, response.json()["degraded"]) == (503, True)


def test_a_deletion_with_the_database_down_wins_over_a_message(owner: LearnerClient, database: Half) -> None:
    owner.send(URL, conversation())
    with database.outage():
        owner.delete(ONE)
        assert owner.send(MESSAGES, said("Hello?")).status_code in (404, 410)
