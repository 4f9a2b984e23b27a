import logging
import re
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from talking_agent.urls import handler400, handler404, handler500
from tests.clients import LearnerClient, staff_with

pytestmark = pytest.mark.django_db(databases=["default", "local"])
__all__ = ["handler400", "handler404", "handler500"]


def break_down(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret detail")


urlpatterns = [path("api/broken", break_down), path("broken", break_down), path("", include("talking_agent.urls"))]


@pytest.fixture
def broken(settings: Any, caplog: pytest.LogCaptureFixture) -> Client:
    settings.ROOT_URLCONF = __name__
    caplog.set_level(logging.CRITICAL)
    return Client(raise_request_exception=False)


def test_an_unknown_path_of_the_api_is_answered_in_json(owner: LearnerClient) -> None:
    response = owner.get("/api/nothing")
    assert (response.status_code, list(response.json())) == (404, ["error"])


def test_an_unknown_page_is_answered_with_a_page(owner: LearnerClient) -> None:
    response = owner.get("/nothing")
    assert (response.status_code, response["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_slash_too_many_is_404(owner: LearnerClient) -> None:
    assert owner.get("/api/conversations/").status_code == 404


def test_an_error_of_the_api_is_answered_in_json_without_details(broken: Client) -> None:
    response = broken.get("/api/broken")
    assert (response.status_code, list(response.json())) == (500, ["error"])
    assert b"secret" not in response.content
    assert b"Traceback" not in response.content


def test_an_error_of_a_page_is_answered_with_a_page_without_details(broken: Client) -> None:
    response = broken.get("/broken")
    assert (response.status_code, response["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert b"secret" not in response.content
    assert b"Traceback" not in response.content


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "a b"])
def test_a_host_that_is_not_ours_is_refused(owner: LearnerClient, host: str) -> None:
    response = owner.get("/api/conversations", headers={"Host": host})
    assert (response.status_code, list(response.json())) == (400, ["error"])


def test_a_host_that_is_not_allowed_is_answered_with_a_page(owner: LearnerClient) -> None:
    response = owner.get("/", headers={"Host": "evil.example"})
    assert (response.status_code, response["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert "ALLOWED_HOSTS" in response.text


@pytest.mark.parametrize("address", ["/", "/history", "/history/conv-1", "/import", "/service-worker.js"])
def test_a_page_takes_no_form(owner: LearnerClient, address: str) -> None:
    assert owner.post(address).status_code == 405


def test_a_form_without_its_token_is_refused_in_plain_words(owner: LearnerClient) -> None:
    response = owner.post("/account/login/", {"login": "x", "password": "y"})
    assert response.status_code == 403
    assert "Go back, reload the page, and send the form again." in response.text
    assert "DEBUG" not in response.text


def test_operators_get_their_own_page_for_an_unknown_address(db: None) -> None:
    response = staff_with().get("/admin/nothing/")
    assert (response.status_code, response.templates[0].name) == (404, "admin/404.html")


@pytest.mark.parametrize("address", ["/", "/history", "/account/login/", "/api/conversations", "/nothing"])
def test_nothing_foreign_may_run_in_an_answer(owner: LearnerClient, address: str) -> None:
    policy = owner.get(address)["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "object-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ],
)
def test_a_page_says_what_it_allows(owner: LearnerClient, header: str, value: str) -> None:
    assert owner.get("/")[header] == value


def test_a_page_may_use_the_microphone_and_little_else(owner: LearnerClient) -> None:
    allowed = owner.get("/")["Permissions-Policy"].split(", ")
    assert [each for each in allowed if not each.endswith("=()")] == ["microphone=(self)"]
    assert {"camera=()", "geolocation=()", "usb=()", "payment=()"} <= set(allowed)


@pytest.mark.parametrize("page", sorted(Path("templates").glob("*.html")), ids=lambda page: page.name)
def test_pages_load_nothing_from_elsewhere(page: Path) -> None:
    """A link that a learner may follow loads nothing."""
    text = page.read_text()
    for attribute in ('src="http', "<script>", "<style", "onclick="):
        assert attribute not in text
    assert not re.search(r'<link[^>]*href="http', text)
