"""Calls with unusual headers or methods, and answers that UTF-8 cannot encode."""

import json
from typing import Any

import pytest
from django.test import Client

from simulators.openai import Provider
from talk.tests.speaking.callers import TALK, Caller
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])
CHAT = json.dumps({"messages": TALK})


@pytest.mark.parametrize("content_type", ["application/json", "text/plain;charset=UTF-8", "x"])
async def test_json_is_read_whatever_its_type(local: None, caller: Caller, content_type: str):
    answer = await caller.generic("POST", "/api/chat", CHAT, content_type=content_type)
    assert answer.json()["engine"] == "local"


@pytest.mark.parametrize("accept", ["audio/mpeg", "text/event-stream", "text/html"])
async def test_errors_are_json_whatever_a_client_accepts(local: None, caller: Caller, accept: str):
    for path in ("chat", "text-to-speech", "conversations/c/turns"):
        answer = await caller.generic(
            "POST", f"/api/{path}", "{}", content_type="application/json", headers={"Accept": accept}
        )
        assert (answer.status_code, list(answer.json())) == (400, ["error"])


async def test_a_lone_surrogate_from_a_model_is_returned(pipeline: Provider, caller: Caller):
    pipeline.configure(replies=["How \ud800 lovely!"])
    assert (await caller.call("chat", {"messages": TALK})).json()["message"] == "How \ud800 lovely!"


def test_another_method_is_not_counted(settings: Any):
    settings.CALLS_PER_MINUTE = 1
    client = LearnerClient()
    assert {client.get("/api/chat").status_code for _ in range(20)} == {405}
    assert client.send("/api/chat", {}).status_code == 400
    assert Client().get("/api/chat")["Allow"] == "POST"
