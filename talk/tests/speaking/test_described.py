"""The answers of the speaking calls match `/api/schema`."""

from typing import Any

import pytest
from django.test import Client

from conversations.tests.shapes import conversation, said
from conversations.tests.test_schema import check
from simulators.openai import Provider
from talk.tests.speaking.callers import Caller
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

ID = conversation()["id"]
TURN = f"/api/conversations/{ID}/messages"
TALK = [{"role": "user", "content": "He have went home."}]
HELLO = {"text": "Hello.", "targetLanguage": "vi"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return dict(Client().get("/api/schema?format=json").json())


@pytest.fixture(autouse=True)
def _local(settings: Any) -> None:
    settings.TUTOR_ENGINE = "local"


@pytest.fixture
def pipeline(openai_configured: Provider, settings: Any) -> None:
    settings.TUTOR_ENGINE = "openai_pipeline"
    openai_configured.configure(structured={"translation": [{"translation": "Xin chào."}]})


def test_kept_speech(schema: dict[str, Any], owner: LearnerClient):
    ids = {"conversationId": ID, "messageId": "ai-1"}
    check(schema, owner.send("/api/text-to-speech", {"text": "Hello.", **ids}), "post", "/api/text-to-speech")


def test_a_line(schema: dict[str, Any], owner: LearnerClient):
    check(schema, owner.send("/api/chat", {"messages": TALK}), "post", "/api/chat")


def test_an_analysis(schema: dict[str, Any], owner: LearnerClient):
    path = "/api/analyze-conversation"
    check(schema, owner.send(path, {"conversation": TALK, "timeLimit": 5}), "post", path)
    check(schema, owner.send(path, {"conversation": []}), "post", path)


def test_an_analysis_of_a_stored_conversation(schema: dict[str, Any], owner: LearnerClient):
    owner.send("/api/conversations", conversation())
    path = "/api/conversations/{id}/analysis"
    check(schema, owner.post(path.replace("{id}", ID)), "post", path)
    check(schema, owner.post(path.replace("{id}", "none")), "post", path)


async def test_a_translation(schema: dict[str, Any], kept: Caller, pipeline: None):
    check(schema, await kept.call("translate", HELLO), "post", "/api/translate")
    path = "/api/conversations/{id}/messages/{message_id}/translation"
    for message in (said("", by="assistant")["id"], "none"):
        answer = await kept.call(f"conversations/{ID}/messages/{message}/translation", HELLO)
        check(schema, answer, "post", path)


@pytest.mark.parametrize("call", ["text-to-speech", "speech-to-text", "translate", "chat", "analyze-conversation"])
def test_a_refusal(schema: dict[str, Any], owner: LearnerClient, call: str):
    check(schema, owner.send(f"/api/{call}", {}), "post", f"/api/{call}")


def test_an_unsupported_call(schema: dict[str, Any], owner: LearnerClient):
    check(schema, owner.send("/api/translate", HELLO), "post", "/api/translate")


def test_replacing_words(schema: dict[str, Any], owner: LearnerClient):
    owner.send("/api/conversations", conversation())
    message = conversation()["messages"][1]["id"]
    answer = owner.send(f"{TURN}/{message}", {"content": "I has a dog."}, method="PATCH")
    check(schema, answer, "patch", "/api/conversations/{id}/messages/{message_id}")
