"""The OpenAPI description names every call and matches every answer."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.drainage import reset_generator_stats
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from audio.encoding import from_pcm
from audio.tests.sounds import tone
from conversations.tests.shapes import conversation, data_url, said
from tests.browser.chromium import chromium
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half
from tests.servers import AgentServer
from tests.test_docs import routes

pytestmark = pytest.mark.django_db(databases=DATABASES)
ONE = f"/api/conversations/{conversation()['id']}"
OURS = ("/api/schema", "/api/docs")
CORRECTION = {"said": "has went", "better": "has gone", "why": "…", "category": "grammar", "start": 3, "end": 11}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return dict(Client().get("/api/schema?format=json").json())


def strict(node: Any) -> Any:
    """Return the schema without additional properties, so that an answer with an undescribed field fails."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    closed = {"additionalProperties": False} if "properties" in node and "additionalProperties" not in node else {}
    return {name: strict(each) for name, each in node.items()} | closed


def check(schema: dict[str, Any], response: Any, method: str, path: str) -> dict[str, Any]:
    """Check the answer against its description, and return it."""
    described = schema["paths"][path][method]["responses"]
    content = described[str(response.status_code)]["content"]["application/json"]["schema"]
    whole = strict(content) | {"components": strict(schema["components"])}
    Draft202012Validator(whole).validate(response.json())
    return dict(response.json())


# The description itself


def test_it_is_valid_and_without_a_warning() -> None:
    # Drop what the generator collected earlier in this process.
    reset_generator_stats()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def calls() -> Iterator[str]:
    for route in routes(get_resolver().url_patterns):
        if route.startswith("/api/") and route not in OURS:
            yield route


@pytest.mark.parametrize("route", sorted(set(calls())))
def test_every_call_is_in_it(schema: dict[str, Any], route: str) -> None:
    assert route in {starred(path) for path in schema["paths"]}


def test_it_has_no_call_that_there_is_not(schema: dict[str, Any]) -> None:
    assert {starred(path) for path in schema["paths"]} <= set(calls())


def starred(path: str) -> str:
    return "/".join("*" if part.startswith("{") else part for part in path.split("/"))


def test_it_has_the_methods_that_are_allowed(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        allowed = Client().generic("BREW", path.replace("{", "").replace("}", ""))["Allow"].lower().split(", ")
        assert set(allowed) - {"head", "options"} == set(operations), path


def test_every_call_says_what_an_error_looks_like(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if path != "/api/scenarios":
                assert any(code >= "400" for code in operation["responses"]), (method, path)


def test_names_of_calls_are_told_apart(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for operations in schema["paths"].values() for operation in operations.values()]
    assert len(set(names)) == len(names)


# Addresses of the schema


def test_it_comes_as_yaml() -> None:
    response = Client().get("/api/schema")
    assert yaml.safe_load(response.content)["openapi"] == "3.1.0"


@pytest.mark.parametrize("accept", ["application/json", "application/vnd.oai.openapi+json"])
def test_it_comes_as_json_for_who_accepts_that(accept: str) -> None:
    assert json.loads(Client().get("/api/schema", headers={"Accept": accept}).content)["openapi"] == "3.1.0"


def test_the_page_has_nothing_that_its_policy_forbids() -> None:
    response = Client().get("/api/docs")
    assert "style" not in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert "<style" not in response.text
    assert "https://" not in response.text


def test_the_script_of_the_page_is_a_script() -> None:
    response = Client().get("/api/docs?script=")
    assert response["Content-Type"].startswith("application/javascript")
    assert "SwaggerUIBundle" in response.text


# Answers match their description


@pytest.fixture
def saved(owner: LearnerClient) -> dict[str, Any]:
    voice = data_url(from_pcm(tone(1)).data)
    turn = said("He has went.", audioData=voice, corrections=[CORRECTION], interrupted=True)
    sent = conversation(messages=[turn, said("Has he?", by="assistant")], analysis={"finalScore": 7})
    return dict(owner.send("/api/conversations", sent).json()["conversation"])


def test_saving(schema: dict[str, Any], owner: LearnerClient) -> None:
    for _ in (201, 200):
        check(schema, owner.send("/api/conversations", conversation()), "post", "/api/conversations")


def test_a_refusal(schema: dict[str, Any], owner: LearnerClient) -> None:
    check(schema, owner.send("/api/conversations", {}), "post", "/api/conversations")


def test_the_list(schema: dict[str, Any], owner: LearnerClient, saved: dict[str, Any]) -> None:
    answer = check(schema, owner.get("/api/conversations"), "get", "/api/conversations")
    assert len(answer["conversations"][0]["messages"]) == 2


def test_one_by_the_contracts_address(schema: dict[str, Any], owner: LearnerClient, saved: dict[str, Any]) -> None:
    check(schema, owner.get("/api/conversations", {"id": saved["id"]}), "get", "/api/conversations")


def test_one_conversation(schema: dict[str, Any], owner: LearnerClient, saved: dict[str, Any]) -> None:
    answer = check(schema, owner.get(ONE), "get", "/api/conversations/{id}")
    assert answer["conversation"]["messages"][0]["audioUrl"]


def test_renaming_deleting_restoring(schema: dict[str, Any], owner: LearnerClient, saved: dict[str, Any]) -> None:
    check(schema, owner.send(ONE, {"title": "Her"}, method="PATCH"), "patch", "/api/conversations/{id}")
    check(schema, owner.delete(ONE), "delete", "/api/conversations/{id}")
    check(schema, owner.post(f"{ONE}/restore"), "post", "/api/conversations/{id}/restore")
    check(schema, owner.delete("/api/conversations?clearAll=true"), "delete", "/api/conversations")
    check(schema, owner.get(ONE), "get", "/api/conversations/{id}")


def test_messages(schema: dict[str, Any], owner: LearnerClient, saved: dict[str, Any]) -> None:
    answer = check(schema, owner.get(f"{ONE}/messages?limit=1"), "get", "/api/conversations/{id}/messages")
    assert answer["next"]
    for _ in (201, 200):
        check(schema, owner.send(f"{ONE}/messages", said("x")), "post", "/api/conversations/{id}/messages")


def test_a_link(schema: dict[str, Any], owner: LearnerClient, saved: dict[str, Any]) -> None:
    key = saved["messages"][0]["audioS3Key"]
    check(schema, owner.get("/api/audio", {"key": key}), "get", "/api/audio")
    check(schema, owner.get("/api/audio", {"key": "none"}), "get", "/api/audio")
    check(schema, owner.get("/api/audio"), "get", "/api/audio")


def test_the_scenarios(schema: dict[str, Any], owner: LearnerClient) -> None:
    check(schema, owner.get("/api/scenarios"), "get", "/api/scenarios")


def test_a_refused_turn(schema: dict[str, Any], owner: LearnerClient) -> None:
    check(schema, owner.send(f"{ONE}/turns", {}), "post", "/api/conversations/{id}/turns")


def test_what_is_answered_while_the_database_is_down(
    schema: dict[str, Any], owner: LearnerClient, database: Half, saved: dict[str, Any]
) -> None:
    with database.outage():
        check(schema, owner.get("/api/conversations"), "get", "/api/conversations")
        out_of_reach = owner.get(ONE)
        check(schema, out_of_reach, "get", "/api/conversations/{id}")
        check(schema, owner.send(f"{ONE}/messages", said("x")), "post", "/api/conversations/{id}/messages")
        check(schema, owner.get("/api/audio", {"key": "x"}), "get", "/api/audio")
    assert out_of_reach.status_code == 503


# The page, on the real server


def test_the_page_shows_every_call_and_nothing_is_refused(server: AgentServer, schema: dict[str, Any]) -> None:
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
        page.goto(f"{server.url}/api/docs")
        page.wait_for_selector(".opblock")
        page.locator("#operations-conversations-listConversations button").first.click()
        page.wait_for_selector(".responses-table")
        shown = page.locator(".opblock").count()
    assert shown == sum(len(operations) for operations in schema["paths"].values())
    assert complaints == []
