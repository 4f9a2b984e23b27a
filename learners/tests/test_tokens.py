"""Programs identify their learner by an API token."""

import hashlib
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.utils import timezone

from learners import cookie, erased, tokens
from learners.models import Account, ApiToken
from learners.tests.test_authentication import accounts_down
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(databases=["default", "local"], transaction=True)
ME = "/api/me"
ELSEWHERE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def secret(owner: LearnerClient) -> str:
    answer = owner.send("/api/me/tokens", {"name": "My script"})
    assert answer.status_code == 201
    return str(answer.json()["secret"])


def asked(secret: str, path: str = ME, client: Client | None = None, **headers: str) -> Any:
    return (client or Client()).get(path, headers={"Authorization": f"Bearer {secret}", **headers})


def test_a_token_stands_for_its_learner(owner: LearnerClient, secret: str) -> None:
    answer = asked(secret)
    assert answer.json()["learner"] == str(owner.learner)
    assert cookie.NAME not in answer.cookies


def test_only_the_hash_is_stored(secret: str) -> None:
    row = ApiToken.objects.using("default").get()
    assert row.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(vars(row))


def test_the_list_has_no_secret(owner: LearnerClient, secret: str) -> None:
    asked(secret)
    answer = owner.get("/api/me/tokens")
    assert secret not in answer.content.decode()
    (shown,) = answer.json()["tokens"]
    assert shown["name"] == "My script"
    assert shown["usedAt"]


def test_the_token_wins_over_a_cookie(outsider: LearnerClient, owner: LearnerClient, secret: str) -> None:
    assert asked(secret, client=outsider).json()["learner"] == str(owner.learner)


def test_a_site_that_requires_accounts_accepts_only_their_tokens(
    owner: LearnerClient, secret: str, settings: Any
) -> None:
    settings.SIGNUP = "required"
    assert asked(secret).status_code == 401
    Account.objects.create(user=User.objects.create(username="anna"), learner=owner.learner)
    assert asked(secret).status_code == 200


@pytest.mark.parametrize("wrong", ["ta_", "ta_short", "ta_" + "x" * 43, "ta_" + "é" * 43])
def test_a_wrong_token_is_refused_whatever_the_cookie(owner: LearnerClient, wrong: str) -> None:
    answer = asked(wrong, client=owner)
    assert (answer.status_code, answer.json()) == (401, {"error": tokens.INVALID})
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_wrong_token_is_refused_by_asynchronous_views() -> None:
    answer = await AsyncClient().post("/api/chat", headers={"Authorization": "Bearer ta_" + "x" * 43})
    assert answer.status_code == 401


def test_an_expired_token_is_refused_also_if_it_is_known(owner: LearnerClient) -> None:
    soon = timezone.now() + timedelta(hours=1)
    token, secret = tokens.create(owner.learner, "short", soon)
    assert asked(secret).status_code == 200
    tokens.forget()
    ApiToken.objects.using("default").filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert asked(secret).status_code == 401
    assert asked(secret).status_code == 401


def test_a_revoked_token_is_refused_at_once(owner: LearnerClient, secret: str) -> None:
    assert asked(secret).status_code == 200
    key = owner.get("/api/me/tokens").json()["tokens"][0]["id"]
    assert owner.delete(f"/api/me/tokens/{key}").status_code == 200
    assert asked(secret).status_code == 401


def test_another_learner_cannot_revoke_it(owner: LearnerClient, outsider: LearnerClient, secret: str) -> None:
    key = owner.get("/api/me/tokens").json()["tokens"][0]["id"]
    assert outsider.delete(f"/api/me/tokens/{key}").status_code == 404
    assert owner.delete("/api/me/tokens/rubbish").status_code == 404
    assert asked(secret).status_code == 200


def test_the_token_of_an_erased_learner_is_refused(owner: LearnerClient, secret: str) -> None:
    erased.add([owner.learner])
    assert asked(secret).status_code == 401


def test_a_lookup_is_cached(secret: str, django_assert_num_queries: Any) -> None:
    asked(secret, "/api/scenarios")
    with django_assert_num_queries(0, using="default"):
        asked(secret, "/api/scenarios")


def test_with_the_accounts_down_known_tokens_work_and_others_wait(
    owner: LearnerClient, secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, unknown = tokens.create(owner.learner, "not used yet")
    asked(secret)
    # It has to be looked up again.
    monkeypatch.setattr(tokens, "CACHED", 0)
    with accounts_down(tmp_path):
        assert asked(secret).status_code == 200
        answer = asked(unknown)
        assert (answer.status_code, answer.json()) == (503, {"error": tokens.UNREACHABLE})
    tokens.forget()
    assert asked(unknown).status_code == 200


def test_a_request_with_a_token_may_come_from_anywhere(owner: LearnerClient, secret: str) -> None:
    path = "/api/conversations?clearAll=true"
    headers = {"Authorization": f"Bearer {secret}", **ELSEWHERE}
    assert Client(enforce_csrf_checks=True).delete(path, headers=headers).status_code == 200
    assert owner.delete(path, headers=ELSEWHERE).status_code == 403


@pytest.mark.parametrize("path", ["/api/me/tokens", "/api/me/erasure"])
def test_a_token_creates_no_tokens_and_erases_nothing(secret: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    body = {"name": "another", "confirm": "erase everything"}
    assert Client().post(path, body, content_type="application/json", headers=headers).status_code == 403


def test_a_token_does_not_carry_the_rights_of_a_session(operator: Client, secret: str) -> None:
    path = "/api/migration/runs/" + str(uuid.uuid4())
    assert operator.get(path).status_code == 404
    assert asked(secret, path, client=operator).status_code == 401


def test_the_number_of_tokens_is_limited(owner: LearnerClient) -> None:
    for number in range(tokens.MOST):
        assert owner.send("/api/me/tokens", {"name": str(number)}).status_code == 201
    answer = owner.send("/api/me/tokens", {"name": "one more"})
    assert (answer.status_code, answer.json()) == (409, {"error": tokens.TOO_MANY})


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": 3}, {"name": "x" * 101}, {"name": "x", "expiresInDays": 0}, [], {"name": "\x00"}],
)
def test_bad_input_creates_no_token(owner: LearnerClient, body: Any) -> None:
    answer = owner.send("/api/me/tokens", body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not ApiToken.objects.using("default").exists()
