"""`POST /api/migration` answers operators, and refuses all others."""

import time
import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from conversations import store
from conversations.models import Conversation
from migration.checks import variables
from migration.copying import Copying
from migration.models import Run, claim
from migration.permissions import PERMISSION
from migration.runs import LOST_AFTER
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
    assert answer.json()["isValid"] is True
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


def test_migrate_moves_local_data_and_counts_it(operator: LearnerClient, database: Half) -> None:
    learner = uuid.uuid4()
    with database.outage():
        store.save(learner, "conv-1", columns={"title": "Kept here"}, messages=[])
    answer = operator.send(ADDRESS, {"action": "migrate"})
    assert (answer.status_code, answer.json()) == (200, {"success": True, "migratedCount": 1, "errors": []})
    assert Conversation.objects.using("cloud").get().learner == learner


def followed(operator: LearnerClient, url: str) -> dict[str, Any]:
    """Return the run at this address when it has ended."""
    deadline = time.monotonic() + 60
    while (answer := operator.get(url)).json()["state"] == "running":
        assert answer.status_code == 200
        assert answer.json()["success"] is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return dict(answer.json())


def test_migrate_can_run_without_waiting(operator: LearnerClient, database: Half) -> None:
    with database.outage():
        store.save(uuid.uuid4(), "conv-1", columns={"title": "Kept here"}, messages=[])
    answer = operator.send(ADDRESS, {"action": "migrate", "wait": False})
    assert answer.status_code == 202
    begun = answer.json()
    assert begun["url"] == answer["Location"] == f"http://testserver{ADDRESS}/runs/{begun['id']}"
    assert (begun["state"], begun["success"], begun["finishedAt"]) == ("running", None, None)
    ended = followed(operator, answer["Location"])
    assert (ended["state"], ended["success"], ended["migratedCount"], ended["errors"]) == ("done", True, 1, [])
    assert ended["total"]["conversations"] == ended["seen"] == 1
    assert ended["finishedAt"] >= ended["startedAt"]


def test_a_run_that_fails_says_why(operator: LearnerClient, database: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(self: Copying) -> None:
        raise OSError("The disk is gone.")

    monkeypatch.setattr(Copying, "plan", plan)
    ended = followed(operator, operator.send(ADDRESS, {"action": "migrate", "wait": False})["Location"])
    assert (ended["state"], ended["success"], ended["errors"]) == ("failed", False, ["The disk is gone."])


def test_a_run_whose_process_is_gone_is_interrupted(operator: LearnerClient) -> None:
    long_ago = timezone.now() - 2 * LOST_AFTER
    run = Run.objects.create(source="local", destination="cloud", holder="gone", seen_at=long_ago)
    shape = operator.get(f"{ADDRESS}/runs/{run.pk}").json()
    assert (shape["state"], shape["success"]) == ("interrupted", False)


def test_a_run_that_cannot_begin_is_reported_at_once(operator: LearnerClient, database: Half) -> None:
    assert claim("into cloud", "somebody else", using="default")
    assert operator.send(ADDRESS, {"action": "migrate", "wait": False}).status_code == 409


def test_without_a_cloud_nothing_begins(operator: LearnerClient) -> None:
    answer = operator.send(ADDRESS, {"action": "migrate", "wait": False})
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert not Run.objects.exists()


@pytest.mark.parametrize("wait", ["false", 0, None, [], {}])
@pytest.mark.parametrize("action", ACTIONS)
def test_wait_is_true_or_false(operator: LearnerClient, action: str, wait: Any) -> None:
    answer = operator.send(ADDRESS, {"action": action, "wait": wait})
    assert answer.status_code == 400
    assert "`wait`" in answer.json()["error"]


@pytest.mark.parametrize("action", ["verify", "test"])
def test_only_migrate_accepts_wait_false(operator: LearnerClient, action: str) -> None:
    answer = operator.send(ADDRESS, {"action": action, "wait": False})
    assert answer.status_code == 400
    assert "`wait`" in answer.json()["error"]


@pytest.mark.parametrize("key", ["4f079a89-85d7-483f-886a-8fbd1b086e0e", "1", "x"])
def test_an_unknown_run_is_not_found(operator: LearnerClient, key: str) -> None:
    answer = operator.get(f"{ADDRESS}/runs/{key}")
    assert (answer.status_code, set(answer.json())) == (404, {"error"})


def test_runs_are_for_operators(owner: LearnerClient) -> None:
    run = Run.objects.create(source="local", destination="cloud", holder="somebody")
    assert owner.get(f"{ADDRESS}/runs/{run.pk}").status_code == 401
    assert signed_in(may=False).get(f"{ADDRESS}/runs/{run.pk}").status_code == 403


def test_migrate_without_a_cloud_says_so(operator: LearnerClient) -> None:
    answer = operator.send(ADDRESS, {"action": "migrate"})
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert "cloud" in answer.json()["errors"][0]


def test_migrate_is_refused_while_another_run_migrates(operator: LearnerClient, database: Half) -> None:
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
def test_a_learner_is_asked_to_sign_in(owner: LearnerClient, action: str) -> None:
    answer = owner.send(ADDRESS, {"action": action})
    assert answer.status_code == 401
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize("action", [*ACTIONS, "drop"])
@pytest.mark.parametrize("who", [{"staff": False}, {"may": False}, {"staff": False, "may": False}])
def test_an_account_without_the_permission_is_refused(who: dict[str, bool], action: str) -> None:
    answer = signed_in(**who).send(ADDRESS, {"action": action})
    assert answer.status_code == 403
    assert set(answer.json()) == {"error"}


def test_a_closed_account_is_not_signed_in() -> None:
    assert signed_in(active=False).send(ADDRESS, {"action": "verify"}).status_code == 401


def test_a_request_from_another_site_is_refused(operator: LearnerClient) -> None:
    answer = operator.send(ADDRESS, {"action": "test"}, **{"Origin": "https://elsewhere.example.org"})
    assert answer.status_code == 403


def test_get_is_not_allowed(operator: LearnerClient) -> None:
    answer = operator.get(ADDRESS)
    assert answer.status_code == 405
    assert set(answer.json()) == {"error"}


def test_a_body_that_is_not_json_is_an_error(operator: LearnerClient) -> None:
    answer = operator.generic("POST", ADDRESS, "{", content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}


def test_an_unreachable_accounts_database_is_reported(settings: Any, owner: LearnerClient, database: Half) -> None:
    settings.CLOUD_DATABASE = "default"
    database.goes_down()
    answer = owner.send(ADDRESS, {"action": "verify"})
    assert answer.status_code == 503
    assert "manage.py storage verify" in answer.json()["error"]
