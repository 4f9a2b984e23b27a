"""Every event that a talk knows does for each principal what table.toml says."""

import ast
import asyncio
import inspect
import json
import textwrap
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from core.threads import in_thread
from talk import consumers
from talk.live_talk import REFUSED_EVENTS, LiveTalk
from tests.access.access_table import AccessTable
from tests.access.principals import PRINCIPALS, Principal
from tests.access.world import ID, World
from tests.scripted import ScriptedEngine, answer

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

TABLE = AccessTable()
PATIENT = 60.0  # seconds
NO_LEARNER = 4401
# The row of opening a talk, without an event.
CONNECT = "connect"


def known_events() -> set[str]:
    """Return the types of events that `LiveTalk.receive` matches."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(LiveTalk.receive)))
    patterns = [node.value for node in ast.walk(tree) if isinstance(node, ast.MatchValue)]
    return {str(ast.literal_eval(each)) for each in patterns} | set(REFUSED_EVENTS)


def test_each_event_is_in_the_table() -> None:
    assert "session.update" in known_events()
    assert set(TABLE.events) == {CONNECT, *known_events()}


async def made(world: World, sent_headers: dict[str, str], kind: str) -> str:
    """Open the owner's conversation, send one event, and leave. Return the word of the table for the answer to it."""
    headers = [(name.lower().encode(), value.encode()) for name, value in sent_headers.items()]
    query = f"conversation={ID}".encode()
    scope = {"type": "websocket", "headers": headers, "subprotocols": [], "query_string": query}
    served = ApplicationCommunicator(consumers.TalkConsumer.as_asgi(), scope)
    await served.send_input({"type": "websocket.connect"})
    event = {"type": kind, **json.loads(TABLE.bodies.get(kind, "{}"))}
    events = [event, {"type": "the last", "event_id": "the last"}][kind == CONNECT :]
    for each in events:
        await served.send_input({"type": "websocket.receive", "text": json.dumps(each)})
    said, code = list[dict[str, Any]](), None
    # Errors name the event that they are about. A reply is heard to its end.
    waits_for = {"the last", "response.done"} if kind == "response.create" else {"the last"}
    while code is None and waits_for:
        sent = await served.receive_output(PATIENT)
        code = sent.get("code")
        if sent["type"] == "websocket.send":
            said.append(json.loads(sent["text"]))
            waits_for -= {said[-1]["type"], said[-1].get("error", {}).get("event_id")}
    await served.send_input({"type": "websocket.disconnect", "code": 1000})
    await served.wait(PATIENT)
    assert code in (None, NO_LEARNER)
    if code:
        return "refused"
    answers = json.dumps([each for each in said if kind == CONNECT or each["type"] != "session.created"])
    after = await in_thread(world.snapshot)
    word = "changes" if world.has_changed(world.at_first, after) else world.shows(answers.encode()) or "open"
    await in_thread(world.restore, after)
    return word


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    # The agent's answers take no time, and voice activity detection needs no model.
    monkeypatch.setattr(
        consumers, "engines", lambda: [ScriptedEngine("local", [answer("Hello.", "Hi!")] * 2, detects_turns=True)]
    )
    return World()


@pytest.fixture(params=PRINCIPALS)
def principal(request: pytest.FixtureRequest, world: World) -> tuple[str, Principal]:
    return request.param, PRINCIPALS[request.param](world)


@pytest.fixture
def headers(principal: tuple[str, Principal]) -> dict[str, str]:
    """Return what a browser of the principal sends with the handshake."""
    cookies = principal[1].client().cookies.values()
    cookie = "; ".join(f"{each.key}={each.value}" for each in cookies)
    return {"Host": "testserver", "Cookie": cookie, **principal[1].headers}


async def test_each_event_does_what_the_table_says(
    world: World, principal: tuple[str, Principal], headers: dict[str, str]
) -> None:
    found = {kind: await asyncio.wait_for(made(world, headers, kind), PATIENT) for kind in TABLE.events}
    assert {kind: word for kind, word in found.items() if word != TABLE.events[kind][principal[0]]} == {}
