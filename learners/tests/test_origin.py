import re
from typing import Any

import pytest
from django.test import Client

from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(databases=["default", "local"])
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def clear(client: LearnerClient, **headers: str) -> Any:
    return client.delete("/api/conversations?clearAll=true", headers=headers)


def test_a_client_that_is_no_browser_needs_no_token(owner: LearnerClient) -> None:
    assert clear(owner).status_code == 200


@pytest.mark.parametrize("origin", ["http://testserver", "https://testserver", "http://localhost:8000"])
def test_our_own_pages_need_no_token(owner: LearnerClient, origin: str) -> None:
    assert clear(owner, Origin=origin).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://testserver.evil.example",
        "http://testserver:81",
        "http://localhost:8001",
        "null",
        "",
        "http://[",
        "x",
    ],
)
def test_another_origin_is_refused(owner: LearnerClient, origin: str) -> None:
    assert clear(owner, Origin=origin).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_cross_site_request_is_refused(owner: LearnerClient, site: str) -> None:
    assert clear(owner, **{"Sec-Fetch-Site": site}).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_same_origin_request_is_accepted(owner: LearnerClient, site: str) -> None:
    assert clear(owner, **{"Sec-Fetch-Site": site}).status_code == 200


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("path", ["/api/conversations", "/api/conversations/x", "/api/conversations/x/turns", "/api/x"])
def test_every_unsafe_method_is_checked(owner: LearnerClient, method: str, path: str) -> None:
    assert owner.generic(method, path, headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_refusal_is_json(owner: LearnerClient) -> None:
    assert "another site" in clear(owner, Origin="https://evil.example").json()["error"]


def test_a_refusal_changes_nothing(owner: LearnerClient) -> None:
    owner.send("/api/conversations", {"id": "conv-1"})
    clear(owner, Origin="https://evil.example")
    assert len(owner.get("/api/conversations").json()["conversations"]) == 1


def test_a_refusal_creates_no_learner() -> None:
    response = Client().post("/api/conversations", headers={"Origin": "https://evil.example"})
    assert "learner" not in response.cookies


def test_reading_is_not_checked(owner: LearnerClient) -> None:
    assert owner.get("/api/conversations", headers={"Origin": "https://evil.example"}).status_code == 200


def test_a_staff_session_is_checked_alike(staff: LearnerClient) -> None:
    assert clear(staff, Origin="https://evil.example").status_code == 403


def test_signing_in_requires_a_token() -> None:
    response = Client(enforce_csrf_checks=True).post("/account/login/", {"login": "a", "password": "b"})
    assert response.status_code == 403


def test_signing_in_accepts_its_token() -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get("/account/login/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    form = {"login": "a", "password": "b", "csrfmiddlewaretoken": token[1]}
    assert client.post("/account/login/", form).status_code == 200


def test_signing_in_refuses_another_origin_even_with_the_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/account/login/")
    form = {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    assert client.post("/account/login/", form, headers={"Origin": "https://evil.example"}).status_code == 403
