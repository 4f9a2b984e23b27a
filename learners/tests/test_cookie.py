import uuid
from http.cookies import Morsel
from typing import Any

import pytest
from django.core import signing
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from learners import cookie
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(databases=["default", "local"])


def given(client: Client, path: str = "/", **extra: Any) -> "Morsel[str] | None":
    """Return the learner cookie that this answer sets, or None."""
    return client.get(path, **extra).cookies.get(cookie.NAME)


def known_as(client: Client) -> uuid.UUID | None:
    return cookie.unseal(client.cookies[cookie.NAME].value)


@pytest.mark.parametrize("path", ["/", "/history", "/api/conversations"])
def test_the_first_response_sets_the_cookie(path: str) -> None:
    assert given(Client(), path)


@pytest.mark.parametrize("path", ["/favicon.ico", "/admin/login/", "/nowhere"])
def test_responses_that_are_not_for_learners_set_no_cookie(path: str) -> None:
    assert given(Client(), path) is None


def test_the_cookie_is_httponly() -> None:
    morsel = given(Client())
    assert morsel
    assert morsel["httponly"]


def test_the_cookie_is_samesite() -> None:
    morsel = given(Client())
    assert morsel
    assert morsel["samesite"] == "Lax"


def test_over_https_the_cookie_is_secure(settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    morsel = given(Client())
    assert morsel
    assert morsel["secure"]


def test_the_cookie_works_over_plain_http() -> None:
    morsel = given(Client())
    assert morsel
    assert not morsel["secure"]


def test_the_cookie_lasts_for_more_than_a_year() -> None:
    morsel = given(Client())
    assert morsel
    assert int(morsel["max-age"]) > 365 * 24 * 3600


def test_a_response_with_the_cookie_is_not_cached_publicly() -> None:
    assert "private" in Client().get("/")["Cache-Control"]


def test_a_returning_learner_is_recognised() -> None:
    client = Client()
    client.get("/")
    first = known_as(client)
    client.get("/")
    assert known_as(client) == first is not None


def test_pages_renew_the_cookie(owner: LearnerClient) -> None:
    assert given(owner)


def test_the_api_sets_the_cookie_only_once(owner: LearnerClient) -> None:
    assert given(owner, "/api/conversations") is None


def test_two_browsers_are_two_learners() -> None:
    one, two = Client(), Client()
    one.get("/")
    two.get("/")
    assert known_as(one) != known_as(two)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        uuid.UUID(int=1).hex,
        f"{uuid.UUID(int=1).hex}:",
        f"{uuid.UUID(int=1).hex}:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        signing.Signer(salt="another").sign(uuid.UUID(int=1).hex),
        signing.Signer(salt="learners.cookie").sign("not a uuid"),
        "ü:ü",
        "x" * 10_000,
    ],
    ids=["empty", "letter", "unsigned", "unsigned:", "forged", "of another", "no uuid", "not ascii", "long"],
)
def test_a_tampered_cookie_is_a_new_learner(value: str) -> None:
    client = Client()
    client.cookies[cookie.NAME] = value
    morsel = given(client, "/api/conversations")
    assert morsel
    assert cookie.unseal(morsel.value) not in (None, uuid.UUID(int=1))


def test_the_cookie_cannot_name_another_learner(owner: LearnerClient, outsider: LearnerClient) -> None:
    signature = owner.cookies[cookie.NAME].value.split(":")[1]
    assert cookie.unseal(f"{outsider.learner.hex}:{signature}") is None


def test_a_cookie_signed_with_another_key_is_ignored() -> None:
    foreign = signing.Signer(key="another", salt="learners.cookie").sign(uuid.uuid4().hex)
    assert cookie.unseal(foreign) is None


def test_recognising_a_learner_again_reads_no_database(owner: LearnerClient) -> None:
    """The first request asks whether the learner belongs to an account. The answer is kept for a minute."""
    owner.get("/")
    with (
        CaptureQueriesContext(connections["default"]) as accounts,
        CaptureQueriesContext(connections["local"]) as local,
    ):
        owner.get("/")
    assert (len(accounts), len(local)) == (0, 0)


def test_a_second_browser_does_not_see_the_firsts_conversations(owner: LearnerClient, outsider: LearnerClient) -> None:
    owner.send("/api/conversations", {"id": "conv-1", "messages": [{"role": "user", "content": "Hello"}]})
    assert outsider.get("/api/conversations").json()["conversations"] == []
