"""Each call that existing clients make works."""

from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from conversations import store
from conversations.models import Conversation
from conversations.tests.shapes import START, conversation, said
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(databases=["default", "local"])
URL = "/api/conversations"


def listed(client: LearnerClient, **asked: Any) -> list[dict[str, Any]]:
    return list(client.get(URL, asked).json()["conversations"])


def fetched(client: LearnerClient, wire_id: str = conversation()["id"]) -> dict[str, Any]:
    return dict(client.get(URL, {"id": wire_id}).json()["conversation"])


# POST


def test_a_new_conversation_is_201(owner: LearnerClient) -> None:
    response = owner.send(URL, conversation())
    assert (response.status_code, response.json()["success"]) == (201, True)


def test_a_saved_conversation_comes_back_whole(owner: LearnerClient) -> None:
    sent = conversation(analysis={"finalScore": 71, "strengths": ["clear"]})
    answered = owner.send(URL, sent).json()["conversation"]
    assert {name: answered[name] for name in sent} == sent


def test_without_an_id_it_is_400(owner: LearnerClient) -> None:
    response = owner.send(URL, {"messages": []})
    assert (response.status_code, response.json()) == (400, {"error": "id: This field is required."})


def test_an_id_is_all_it_takes(owner: LearnerClient) -> None:
    assert owner.send(URL, {"id": "conv_1714521600000_abcdefghi"}).status_code == 201


def test_saving_again_is_200_and_adds_nothing(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    assert owner.send(URL, conversation()).status_code == 200
    assert len(listed(owner)) == 1


def test_saving_the_answer_again_changes_nothing(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    first = fetched(owner)
    owner.send(URL, first)
    assert fetched(owner) == first


def test_saving_again_replaces(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    owner.send(URL, conversation(duration=3.5, messages=[said("I come from Hue.", at=START + 5_000)]))
    now = fetched(owner)
    assert now["duration"] == 3.5
    assert [message["content"] for message in now["messages"]] == ["I come from Hue."]


def test_a_message_that_is_sent_again_comes_back(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    owner.send(URL, conversation(messages=[]))
    owner.send(URL, conversation())
    assert len(fetched(owner)["messages"]) == 2


def test_fields_of_config_that_we_do_not_know_are_kept(owner: LearnerClient) -> None:
    config = conversation()["config"] | {"prompt": "Be kind. 👋", "nested": {"a": [1, None, True, 0.5]}}
    owner.send(URL, conversation(config=config))
    assert fetched(owner)["config"] == config


def test_messages_come_in_the_order_of_their_time(owner: LearnerClient) -> None:
    messages = [said(str(second), at=START + second * 1000) for second in (3, 1, 2)]
    owner.send(URL, conversation(messages=messages))
    assert [message["content"] for message in fetched(owner)["messages"]] == ["1", "2", "3"]


def test_messages_without_a_time_come_in_the_order_they_were_sent(owner: LearnerClient) -> None:
    messages = [{"id": f"m-{n}", "role": "user", "content": str(n)} for n in range(20)]
    owner.send(URL, conversation(messages=messages))
    assert [message["content"] for message in fetched(owner)["messages"]] == [str(n) for n in range(20)]


def test_messages_without_an_id_are_told_apart(owner: LearnerClient) -> None:
    owner.send(URL, conversation(messages=[{"role": "user", "content": "a"}, {"role": "user", "content": "a"}]))
    assert len({message["id"] for message in fetched(owner)["messages"]}) == 2


def test_corrections_are_kept(owner: LearnerClient) -> None:
    correction = {"said": "has went", "better": "has gone", "why": "…", "category": "grammar", "start": 3, "end": 11}
    owner.send(URL, conversation(messages=[said("He has went.", corrections=[correction])]))
    assert fetched(owner)["messages"][0]["corrections"] == [correction]


def test_content_keeps_its_spaces(owner: LearnerClient) -> None:
    owner.send(URL, conversation(messages=[said("  well …\n\nyes  ")]))
    assert fetched(owner)["messages"][0]["content"] == "  well …\n\nyes  "


# GET


def test_somebody_new_has_none(owner: LearnerClient) -> None:
    assert owner.get(URL).json()["conversations"] == []


def test_lists_are_newest_first(owner: LearnerClient) -> None:
    for day in (2, 3, 1):
        owner.send(URL, conversation(f"conv-{day}", timestamp=f"2024-05-0{day}T00:00:00Z"))
    assert [each["id"] for each in listed(owner)] == ["conv-3", "conv-2", "conv-1"]


def test_a_list_has_whole_conversations(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    assert len(listed(owner)[0]["messages"]) == 2


def test_a_list_is_as_long_as_asked(owner: LearnerClient) -> None:
    for number in range(3):
        owner.send(URL, conversation(f"conv-{number}"))
    assert len(listed(owner, limit=2)) == 2


def test_a_list_has_fifty_unless_asked(owner: LearnerClient) -> None:
    for number in range(51):
        owner.send(URL, {"id": f"conv-{number}"})
    assert len(listed(owner)) == 50


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "1e2", "9" * 5000])
def test_a_bad_limit_is_400(owner: LearnerClient, limit: str) -> None:
    response = owner.get(URL, {"limit": limit})
    assert response.status_code == 400
    assert response.json()["error"].startswith("limit: ")


@pytest.mark.parametrize("limit", ["200", "201", "100000", "9" * 100])
def test_a_limit_of_more_than_a_page_is_a_page(owner: LearnerClient, limit: str) -> None:
    for number in range(201):
        store.save(owner.learner, f"conv-{number}", columns={}, messages=[])
    answer = owner.get(URL, {"limit": limit}).json()
    assert len(answer["conversations"]) == 200
    assert answer["next"]


@pytest.mark.parametrize("name", ["offset", "page", "skip"])
def test_paging_by_number_is_refused_and_the_cursor_named(owner: LearnerClient, name: str) -> None:
    response = owner.get(URL, {name: "2"})
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"{name}: ")
    assert "cursor" in response.json()["error"]


def test_one_conversation_by_its_path(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    assert owner.get(f"{URL}/{conversation()['id']}").json()["conversation"]["id"] == conversation()["id"]


@pytest.mark.parametrize("path", [f"{URL}?id=none", f"{URL}/none", f"{URL}?id=a/b", f"{URL}/%00"])
def test_an_unknown_one_is_404(owner: LearnerClient, path: str) -> None:
    response = owner.get(path)
    assert (response.status_code, list(response.json())) == (404, ["error"])


@pytest.mark.parametrize("wire_id", ["ü 👋", "...", "?&#%", "x" * 200])
def test_any_id_can_be_found_again(owner: LearnerClient, wire_id: str) -> None:
    owner.send(URL, conversation(wire_id))
    assert fetched(owner, wire_id)["id"] == wire_id


def test_answers_say_where_it_lies(owner: LearnerClient) -> None:
    assert owner.send(URL, conversation()).json()["storage"] == "local"
    assert owner.get(URL).json()["storage"] == "local"


# DELETE


def test_a_deleted_conversation_is_gone(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    response = owner.delete(f"{URL}?id={conversation()['id']}")
    assert (response.status_code, response.json()["success"]) == (200, True)
    assert owner.get(URL, {"id": conversation()["id"]}).status_code == 404
    assert listed(owner) == []


def test_deleting_twice_is_no_error(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    owner.delete(f"{URL}?id={conversation()['id']}")
    response = owner.delete(f"{URL}?id={conversation()['id']}")
    assert (response.status_code, response.json()["success"]) == (200, True)


def test_deleting_by_path_is_the_same(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    owner.delete(f"{URL}/{conversation()['id']}")
    assert listed(owner) == []


def test_clear_all_deletes_all(owner: LearnerClient) -> None:
    for number in range(3):
        owner.send(URL, conversation(f"conv-{number}"))
    assert owner.delete(f"{URL}?clearAll=true").json()["success"] is True
    assert listed(owner) == []


def test_deleting_one_and_all_at_once_is_refused(owner: LearnerClient) -> None:
    for number in range(2):
        owner.send(URL, conversation(f"conv-{number}"))
    answer = owner.delete(f"{URL}?clearAll=true&id=conv-1")
    assert answer.status_code == 400
    assert "not both" in answer.json()["error"]
    assert len(listed(owner)) == 2


@pytest.mark.parametrize("query", ["", "?clearAll=false", "?clearAll=", "?id="])
def test_deleting_nothing_in_particular_is_400(owner: LearnerClient, query: str) -> None:
    owner.send(URL, conversation())
    assert owner.delete(f"{URL}{query}").status_code == 400
    assert len(listed(owner)) == 1


def test_a_deleted_conversation_can_be_saved_anew(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    owner.delete(f"{URL}?id={conversation()['id']}")
    owner.send(URL, conversation())
    assert len(fetched(owner)["messages"]) == 2


# Restore and rename


def test_a_deletion_can_be_undone(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    before = fetched(owner)
    owner.delete(f"{URL}/{before['id']}")
    response = owner.send(f"{URL}/{before['id']}/restore", {})
    assert (response.status_code, response.json()["conversation"]) == (200, before)


def test_what_was_never_there_cannot_be_restored(owner: LearnerClient) -> None:
    assert owner.send(f"{URL}/none/restore", {}).status_code == 404


def test_a_new_title_is_kept(owner: LearnerClient) -> None:
    owner.send(URL, conversation())
    response = owner.send(f"{URL}/{conversation()['id']}", {"title": "My trip"}, method="PATCH")
    assert response.json()["success"] is True
    assert fetched(owner)["title"] == "My trip"


def test_without_a_title_it_is_called_by_its_topic(owner: LearnerClient) -> None:
    owner.send(URL, conversation(title="My trip"))
    owner.send(f"{URL}/{conversation()['id']}", {"title": ""}, method="PATCH")
    assert fetched(owner)["title"] == "Travel"


@pytest.mark.parametrize("body", [{}, {"title": None}, {"title": "x" * 201}, {"title": ["x"]}, {"title": "\x00"}])
def test_a_bad_title_is_400(owner: LearnerClient, body: dict[str, Any]) -> None:
    owner.send(URL, conversation())
    response = owner.send(f"{URL}/{conversation()['id']}", body, method="PATCH")
    assert response.status_code == 400
    assert response.json()["error"].startswith("title: ")


def test_a_talk_can_be_ended(owner: LearnerClient) -> None:
    owner.send(URL, conversation(title="My trip", callEnded=False))
    response = owner.send(f"{URL}/{conversation()['id']}", {"callEnded": True}, method="PATCH")
    assert response.json()["conversation"] == fetched(owner)
    assert (fetched(owner)["callEnded"], fetched(owner)["title"]) == (True, "My trip")


def test_an_unknown_one_cannot_be_renamed(owner: LearnerClient) -> None:
    assert owner.send(f"{URL}/none", {"title": "x"}, method="PATCH").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_wrong_method_is_answered_in_json(owner: LearnerClient, method: str) -> None:
    response = owner.send(URL, {}, method=method)
    assert (response.status_code, list(response.json())) == (405, ["error"])


# Outsiders


def test_an_outsider_does_not_see_it(owner: LearnerClient, outsider: LearnerClient) -> None:
    owner.send(URL, conversation())
    assert listed(outsider) == []


@pytest.mark.parametrize("path", [f"{URL}?id={conversation()['id']}", f"{URL}/{conversation()['id']}"])
def test_an_outsider_cannot_read_it(owner: LearnerClient, outsider: LearnerClient, path: str) -> None:
    owner.send(URL, conversation())
    assert outsider.get(path).status_code == 404


def test_an_outsider_cannot_overwrite_it(owner: LearnerClient, outsider: LearnerClient) -> None:
    owner.send(URL, conversation())
    assert outsider.send(URL, conversation(messages=[said("Mine.")])).status_code == 201
    assert len(fetched(owner)["messages"]) == 2
    assert [message["content"] for message in fetched(outsider)["messages"]] == ["Mine."]


@pytest.mark.parametrize("query", [f"?id={conversation()['id']}", "?clearAll=true", f"/{conversation()['id']}"])
def test_an_outsider_cannot_delete_it(owner: LearnerClient, outsider: LearnerClient, query: str) -> None:
    owner.send(URL, conversation())
    assert outsider.delete(f"{URL}{query}").status_code == 200
    assert len(listed(owner)) == 1


def test_an_outsider_cannot_rename_it(owner: LearnerClient, outsider: LearnerClient) -> None:
    owner.send(URL, conversation())
    response = outsider.send(f"{URL}/{conversation()['id']}", {"title": "Mine"}, method="PATCH")
    assert response.status_code == 404
    assert fetched(owner)["title"] == "Travel"


def test_an_outsider_cannot_restore_it(owner: LearnerClient, outsider: LearnerClient) -> None:
    owner.send(URL, conversation())
    owner.delete(f"{URL}/{conversation()['id']}")
    assert outsider.send(f"{URL}/{conversation()['id']}/restore", {}).status_code == 404
    assert listed(owner) == []


def test_an_outsiders_read_makes_no_row(outsider: LearnerClient) -> None:
    outsider.get(URL, {"id": "x"})
    outsider.delete(f"{URL}?clearAll=true")
    assert not Conversation.objects.using("local").exists()


# Number of queries


def queries(client: LearnerClient, conversations: int, messages: int) -> int:
    for number in range(conversations):
        turns = [said("x", at=START + turn) for turn in range(messages)]
        client.send(URL, conversation(f"conv-{number}", messages=turns))
    with CaptureQueriesContext(connections["local"]) as captured:
        assert len(listed(client)) == conversations
    return len(captured)


def test_a_list_costs_as_many_queries_however_long(owner: LearnerClient, outsider: LearnerClient) -> None:
    assert queries(owner, 2, 2) == queries(outsider, 30, 20) <= 4


def test_saving_a_hundred_messages_costs_few_queries(owner: LearnerClient) -> None:
    sent = conversation(messages=[said("x", at=START + turn) for turn in range(100)])
    owner.send(URL, sent)
    with CaptureQueriesContext(connections["local"]) as captured:
        owner.send(URL, sent)
    assert len(captured) <= 15
