"""`POST /api/migration`: what it answers to operators, and that it answers nobody else."""

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from conversations import store
from conversations.models import Conversation
from migration.api import PERMISSION
from migration.models import claim
from migration.probes import variables
from tests.clients import LearnerClient
from tests.clouds import DATABASES, Half

ADDRESS = "/api/migration"
ACTIONS = ("verify", "test", "migrate")

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)


def signed_in(*, staff: bool = True, may: bool = True, active: bool = True) -> LearnerClient:
    user = get_user_model().objects.create(username="somebody", is_staff=staff, is_active=active)
    if may:
        app, codename = PERMISSION.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = LearnerClient()
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> LearnerClient:
    return signed_in()


def test_verify_answers_with_the_contracts_fields(operator: LearnerClient) -> None:
    answer = operator.send(ADDRESS, {"action": "verify"})
    assert answer.status_code == 200
    assert answer.json()["isValid"] is False
    assert answer.json()["missing"] == list(variables.REQUIRED)
    assert {"group", "name", "state", "found", "advice", "seconds"} == set(answer.json()["checks"][0])


def test_test_answers_with_the_contracts_fields(operator: LearnerClient) -> None:
    answer = operator.send(ADDRESS, {"action": "test"})
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert answer.json()["steps"][-1]["name"] == "remove"
    assert not Conversation.objects.using("local").exists()


def test_test_says_what_is_wrong(operator: LearnerClient, database: Half) -> None:
    with database.outage():
        answer = operator.send(ADDRESS, {"action": "test"})
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert "kept on this machine" in answer.json()["error"]


def test_migrate_moves_what_is_here_and_counts_it(operator: LearnerClient, database: Half) -> None:
    learner = uuid.uuid4()
    with database.outage():
        store.save(learner, "conv-1", columns={"title": "Kept here"}, messages=[])
    answer = operator.send(ADDRESS, {"action": "migrate"})
    assert (answer.status_code, answer.json()) == (200, {"success": True, "migratedCount": 1, "errors": []})
    assert Conversation.objects.using("cloud").get().learner == learner


def test_migrate_without_a_cloud_says_so(operator: LearnerClient) -> None:
    answer = operator.send(ADDRESS, {"action": "migrate"})
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert "cloud" in answer.json()["errors"][0]


def test_migrate_while_another_migrates_is_told_so(operator: LearnerClient, database: Half) -> None:
    assert claim("into cloud", "somebody else", using="default")
    answer = operator.send(ADDRESS, {"action": "migrate"})
    assert answer.status_code == 409
    assert "already" in answer.json()["error"]


def test_a_superuser_may(db: None) -> None:
    client = LearnerClient()
    client.force_login(get_user_model().objects.create_superuser("root"))
    assert client.send(ADDRESS, {"action": "test"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"action": "drop"},
        {"action": None},
        {"action": ["verify"]},
        {"action": {}},
        {"Action": "verify"},
        {},
        [],
        "verify",
    ],
)
def test_any_other_action_is_invalid(operator: LearnerClient, body: Any) -> None:
    answer = operator.send(ADDRESS, body)
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid action"})


@pytest.mark.parametrize("action", [*ACTIONS, "drop"])
def test_a_learner_is_told_to_sign_in(owner: LearnerClient, action: str) -> None:
    answer = owner.send(ADDRESS, {"action": action})
    assert answer.status_code == 401
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize("action", [*ACTIONS, "drop"])
@pytest.mark.parametrize("who", [{"staff": False}, {"may": False}, {"staff": False, "may": False}])
def test_an_account_that_may_not_is_refused(who: dict[str, bool], action: str) -> None:
    answer = signed_in(**who).send(ADDRESS, {"action": action})
    assert answer.status_code == 403
    assert set(answer.json()) == {"error"}


def test_an_account_that_was_closed_is_nobody() -> None:
    assert signed_in(active=False).send(ADDRESS, {"action": "verify"}).status_code == 401


def test_another_site_cannot_make_an_operators_browser_do_it(operator: LearnerClient) -> None:
    answer = operator.send(ADDRESS, {"action": "test"}, **{"Origin": "https://elsewhere.example.org"})
    assert answer.status_code == 403


def test_it_is_not_for_reading(operator: LearnerClient) -> None:
    answer = operator.get(ADDRESS)
    assert answer.status_code == 405
    assert set(answer.json()) == {"error"}


def test_what_is_no_json_is_an_error_in_words(operator: LearnerClient) -> None:
    answer = operator.generic("POST", ADDRESS, "{", content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}


def test_with_the_accounts_out_of_reach_it_says_so(settings: Any, owner: LearnerClient, database: Half) -> None:
    settings.CLOUD_DATABASE = "default"
    database.goes_down()
    answer = owner.send(ADDRESS, {"action": "verify"})
    assert answer.status_code == 503
    assert "manage.py storage verify" in answer.json()["error"]
