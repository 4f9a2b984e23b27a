"""Every call enforces one rule for the ids that clients choose. Older stored ids still work."""

import json
import uuid
from typing import Any
from urllib.parse import quote

import pytest
import websockets
from django.utils import timezone

from conversations import store
from conversations.drafts import Draft
from conversations.ids import is_wire_id
from conversations.models import Conversation
from conversations.tests.shapes import conversation, said
from tests.clients import LearnerClient
from tests.servers import AgentServer
from tests.talking import new_learner

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])
URL = "/api/conversations"
UNNAMEABLE = [
    *("a/b", "/", ".", "..", " a", "a ", " "),
    *("a\u202eb", "\u2066a", "a\u200bb", "\ufeffa", "a\u00adb", "a\u2028b"),
    *("a\nb", "a\tb", "a\x7fb", "a\u0085b", "a\ue000b", "a\u00a0b", "a\ufffdb"),
]
NAMEABLE = [
    "conv-1700000000000-abc1234",
    "a b",
    "100%",
    "a%2Fb",
    "%2e%2e",
    "a?b#c&d=e+f;g",
    "a\\b",
    "...",
    "Gespräch",
    "日本",
    "🙂",
]


def id_of(response: Any) -> str:
    return str(response.json()["conversation"]["id"])


@pytest.mark.parametrize("id", UNNAMEABLE)
def test_an_id_that_no_address_can_name_is_refused(owner: LearnerClient, id: str) -> None:
    refused = [
        owner.send(URL, conversation(id)),
        owner.send(URL, conversation(messages=[said("Hello.", id=id)])),
        owner.send("/api/text-to-speech", {"text": "Hello.", "conversationId": id, "messageId": "m"}),
        owner.send("/api/text-to-speech", {"text": "Hello.", "conversationId": "c", "messageId": id}),
    ]
    if "/" not in id:
        refused.append(owner.send(f"{URL}/{quote(id)}/turns", {"text": "Hello.", "reply": False}))
    for response in refused:
        assert response.status_code == 400, response.content
        assert "printable characters" in response.json()["error"]
    # The error names the field as it was sent.
    fields = [response.json()["error"].partition(":")[0] for response in refused]
    assert fields[:4] == ["id", "messages[0].id", "conversationId", "messageId"]
    assert not Conversation.objects.using("local").exists()


@pytest.mark.parametrize("id", UNNAMEABLE)
def test_a_message_of_such_an_id_is_refused(owner: LearnerClient, id: str) -> None:
    owner.send(URL, conversation("talk"))
    refused = owner.send(f"{URL}/talk/messages", said("Hello.", id=id))
    assert (refused.status_code, refused.json()["error"][:3]) == (400, "id:")


@pytest.mark.parametrize("id", NAMEABLE)
def test_every_other_id_can_be_named_by_an_address(owner: LearnerClient, id: str) -> None:
    address = f"{URL}/{quote(id, safe='')}"
    assert owner.send(URL, conversation(id, messages=[said("Hello.", id=id)])).status_code == 201
    assert id_of(owner.get(address)) == id
    assert id_of(owner.get(URL, {"id": id})) == id
    assert id_of(owner.send(address, {"title": "Renamed"}, method="PATCH")) == id
    replaced = owner.send(f"{address}/messages/{quote(id, safe='')}", {"content": "Hullo."}, method="PATCH")
    assert replaced.json()["message"]["content"] == "Hullo."
    assert owner.delete(address).status_code == 200
    assert id_of(owner.post(f"{address}/restore")) == id


@pytest.mark.parametrize("id", ["a/b", "a\u202eb", ".."])
def test_what_is_stored_under_such_an_id_goes_on_working(owner: LearnerClient, id: str) -> None:
    old = Draft(id, "user", "Hello.", timezone.now())
    store.save(owner.learner, id, columns={}, messages=[old])
    again = conversation(id, messages=[said("Hello.", id=id), said("And you?", by="assistant", id="new")])
    assert owner.send(URL, again).status_code == 200
    assert [each["id"] for each in owner.get(URL, {"id": id}).json()["conversation"]["messages"]] == [id, "new"]
    another = again | {"messages": [*again["messages"], said("Well.", id="x/y")]}
    assert owner.send(URL, another).status_code == 400
    assert owner.delete(f"{URL}?id={quote(id, safe='')}").status_code == 200
    assert store.is_deleted(owner.learner, id)


@pytest.mark.parametrize("id", ["a\0b", "x" * 201, "x" * 5_000])
def test_a_deletion_of_what_no_database_could_hold_leaves_nothing(owner: LearnerClient, id: str) -> None:
    assert owner.delete(f"{URL}/{quote(id, safe='')}").status_code == 200
    assert not Conversation.objects.using("local").exists()


async def answered(server: AgentServer, named: str, cookie: str) -> dict[str, Any]:
    url = f"{server.url.replace('http', 'ws')}/v1/realtime?conversation={named}"
    async with websockets.connect(url, additional_headers={"Cookie": cookie}) as socket:
        return dict(json.loads(await socket.recv()))


@pytest.mark.parametrize("named", [*map(quote, UNNAMEABLE), "a/b", "%FF", "a%E2%80b", "", "x" * 201])
async def test_a_socket_refuses_the_same(server: AgentServer, named: str) -> None:
    error = (await answered(server, named, new_learner(server.url)))["error"]
    assert (error["code"], "printable" in error["message"]) == ("invalid_conversation", True)


@pytest.mark.parametrize("id", NAMEABLE)
async def test_a_socket_can_name_every_other(server: AgentServer, id: str) -> None:
    created = await answered(server, quote(id, safe=""), new_learner(server.url))
    assert created["session"]["id"] == f"sess_{id}"


def test_the_rule_knows_its_bounds() -> None:
    assert is_wire_id("x" * 200)
    assert is_wire_id(str(uuid.uuid4()))
    assert not is_wire_id("x" * 201)
    assert not is_wire_id("")
