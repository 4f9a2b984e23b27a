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
def test_the_first_answer_sets_it(path: str) -> None:
    assert given(Client(), path)


@pytest.mark.parametrize("path", ["/favicon.ico", "/admin/login/", "/nowhere"])
def test_what_is_not_for_learners_sets_none(path: str) -> None:
    assert given(Client(), path) is None


def test_it_is_kept_from_scripts() -> None:
    morsel = given(Client())
    assert morsel
    assert morsel["httponly"]


def test_it_is_not_sent_along_from_other_sites() -> None:
    morsel = given(Client())
    assert morsel
    assert morsel["samesite"] == "Lax"


def test_over_https_it_is_never_sent_in_the_clear(settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    morsel = given(Client())
    assert morsel
    assert morsel["secure"]


def test_over_plain_http_it_works() -> None:
    morsel = given(Client())
    assert morsel
    assert not morsel["secure"]


def test_it_lasts_for_more_than_a_year() -> None:
    morsel = given(Client())
    assert morsel
    assert int(morsel["max-age"]) > 365 * 24 * 3600


def test_an_answer_with_it_is_nobody_elses() -> None:
    assert "private" in Client().get("/")["Cache-Control"]


def test_who_comes_back_is_known() -> None:
    client = Client()
    client.get("/")
    first = known_as(client)
    client.get("/")
    assert known_as(client) == first is not None


def test_pages_renew_it(owner: LearnerClient) -> None:
    assert given(owner)


def test_the_api_sets_it_only_once(owner: LearnerClient) -> None:
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
def test_a_tampered_one_is_a_new_learner(value: str) -> None:
    client = Client()
    client.cookies[cookie.NAME] = value
    morsel = given(client, "/api/conversations")
    assert morsel
    assert cookie.unseal(morsel.value) not in (None, uuid.UUID(int=1))


def test_another_learner_cannot_be_written_into_it(owner: LearnerClient, outsider: LearnerClient) -> None:
    signature = owner.cookies[cookie.NAME].value.split(":")[1]
    assert cookie.unseal(f"{outsider.learner.hex}:{signature}") is None


def test_one_signed_with_another_key_is_not_ours() -> None:
    foreign = signing.Signer(key="another", salt="learners.cookie").sign(uuid.uuid4().hex)
    assert cookie.unseal(foreign) is None


def test_to_know_a_learner_reads_no_database(owner: LearnerClient) -> None:
    with (
        CaptureQueriesContext(connections["default"]) as accounts,
        CaptureQueriesContext(connections["local"]) as local,
    ):
        owner.get("/")
    assert (len(accounts), len(local)) == (0, 0)


def test_a_second_browser_sees_nothing_of_the_first_ones(owner: LearnerClient, outsider: LearnerClient) -> None:
    owner.send("/api/conversations", {"id": "conv-1", "messages": [{"role": "user", "content": "Hello"}]})
    assert outsider.get("/api/conversations").json()["conversations"] == []
