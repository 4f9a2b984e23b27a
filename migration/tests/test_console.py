"""The operators' pages about storage need permission, and work while a server is down."""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from conversations import store
from conversations.models import Conversation
from migration import runs
from migration.models import Run
from migration.permissions import PERMISSION
from tests.clouds import DATABASES, Half, wait_for
from tests.servers import AgentServer, PostgresServer

# Seconds: 3, and the stalls of a loaded machine.
ANSWERS_WITHIN = 30.0
FORM = {"source": "local", "destination": "cloud", "workers": "4"}
KEY = uuid.UUID(int=7)

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)


def signed_in(*, staff: bool = True, may: bool = True) -> Client:
    user = get_user_model().objects.create(username="somebody", is_staff=staff)
    if may:
        app, codename = PERMISSION.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    return signed_in()


@pytest.fixture
def settled() -> Iterator[None]:
    """Wait for runs in the background to end before the databases are emptied."""
    yield
    wait_for(lambda: not Run.objects.using("default").filter(state="running").exists())


def made(**columns: Any) -> Run:
    return Run.objects.using("default").create(source="local", destination="cloud", holder="a:1", **columns)


def page(client: Client, name: str = "storage", *args: Any) -> str:
    return client.get(reverse(f"admin:{name}", args=args)).content.decode()


PAGES = [("storage", []), ("storage_cost", []), ("storage_migrate", []), ("storage_run", [KEY])]
ACTIONS = [("storage_verify", []), ("storage_test", []), ("storage_migrate", []), ("storage_run_stop", [KEY])]


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_without_the_permission_a_page_is_refused(name: str, args: list[Any]) -> None:
    answer = signed_in(may=False).get(reverse(f"admin:{name}", args=args))
    assert answer.status_code == 403
    assert "Can add run" in answer.content.decode()


@pytest.mark.parametrize(("name", "args"), ACTIONS)
def test_without_the_permission_nothing_is_done(name: str, args: list[Any]) -> None:
    assert signed_in(may=False).post(reverse(f"admin:{name}", args=args), FORM).status_code == 403
    assert not Run.objects.using("default").exists()


@pytest.mark.parametrize(("name", "args"), [*PAGES, ("storage_run_state", [KEY])])
def test_other_accounts_are_asked_to_sign_in(name: str, args: list[Any]) -> None:
    answer = signed_in(staff=False).get(reverse(f"admin:{name}", args=args))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(("name", "args"), [*ACTIONS, ("storage_run_resume", [KEY])])
def test_a_form_of_another_site_is_refused(name: str, args: list[Any], operator: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    assert strict.post(reverse(f"admin:{name}", args=args), FORM).status_code == 403


def test_the_first_page_says_that_the_cloud_is_off(operator: Client) -> None:
    said = page(operator, "index")
    assert "Cloud storage is off: everything is kept on this machine." in said
    assert f'href="{reverse("admin:storage")}"' in said


def test_the_first_page_has_no_link_without_the_permission() -> None:
    said = page(signed_in(may=False), "index")
    assert "Cloud storage is off" in said
    assert reverse("admin:storage") not in said


def test_the_first_page_says_that_all_is_well(operator: Client, database: Half, bucket: Half) -> None:
    said = page(operator, "index")
    assert "Cloud storage is on: the database is up; the audio bucket is up. Nothing waits on this machine." in said


def test_the_first_page_says_which_half_is_down_and_what_waits(operator: Client, database: Half) -> None:
    with database.outage():
        store.save(uuid.uuid4(), "conv-1", columns={"title": "Kept here"}, messages=[])
        said = page(operator, "index")
    assert f"degraded: the database is down since {timezone.now():%Y-%m-%d} " in said
    assert "(the connection is refused). Waiting on this machine: 1 conversation and 0 recordings" in said


def test_the_page_shows_the_servers_message(operator: Client, database: Half) -> None:
    with database.outage():
        assert "<code>connection refused.</code>" in page(operator)


def test_nothing_to_move_to_is_explained(operator: Client) -> None:
    assert "There is one store only" in page(operator)


def test_the_plan_is_shown_first_and_begins_nothing(operator: Client, database: Half) -> None:
    with database.outage():
        store.save(uuid.uuid4(), "conv-1", columns={"title": "Kept here"}, messages=[])
    answer = operator.get(reverse("admin:storage_migrate"), FORM)
    assert "<dt>Conversations there</dt><dd>1</dd>" in answer.content.decode()
    assert not Run.objects.using("default").exists()


def test_confirmed_it_copies_in_the_background(operator: Client, database: Half, settled: None) -> None:
    with database.outage():
        store.save(uuid.uuid4(), "conv-1", columns={"title": "Kept here"}, messages=[])
    answer = operator.post(reverse("admin:storage_migrate"), FORM)
    run = Run.objects.using("default").get()
    assert answer["Location"] == reverse("admin:storage_run", args=[run.pk])
    wait_for(lambda: Run.objects.using("default").get().state == Run.State.DONE)
    assert Conversation.objects.using("cloud").get().title == "Kept here"
    assert "Everything that was wanted is there, and verified." in page(operator, "storage_run", run.pk)


def test_a_dry_run_writes_nothing(operator: Client, database: Half, settled: None) -> None:
    with database.outage():
        store.save(uuid.uuid4(), "conv-1", columns={"title": "Kept here"}, messages=[])
    operator.post(reverse("admin:storage_migrate"), {**FORM, "dry_run": "on"})
    wait_for(lambda: Run.objects.using("default").get().state == Run.State.DONE)
    assert Run.objects.using("default").get().counts["conversations"] == 1
    assert not Conversation.objects.using("cloud").exists()


def test_options_are_those_of_the_command(operator: Client, database: Half, settled: None) -> None:
    given = {**FORM, "learner": str(KEY), "since": "2026-01-31", "reads_back": "on", "dry_run": "on"}
    operator.post(reverse("admin:storage_migrate"), given)
    assert Run.objects.using("default").get().options == {
        "learner": str(KEY),
        "since": "2026-01-31",
        "workers": 4,
        "reads_back": True,
        "dry_run": True,
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"destination": "local"}, "local and local are the same."),
        ({"destination": "elsewhere"}, "is not one of the available choices"),
        ({"workers": "0"}, "greater than or equal to 1"),
        ({"learner": "somebody"}, "Enter a valid UUID."),
        ({"since": "yesterday"}, "Enter a valid date."),
    ],
)
def test_invalid_input_is_shown_in_the_form(given: dict[str, str], said: str, operator: Client, database: Half) -> None:
    for answer in (
        operator.get(reverse("admin:storage_migrate"), FORM | given),
        operator.post(reverse("admin:storage_migrate"), FORM | given),
    ):
        assert answer.status_code == 400
        assert said in answer.content.decode()
    assert not Run.objects.using("default").exists()


def test_a_second_run_is_refused_and_names_the_first(operator: Client, database: Half) -> None:
    first = runs.begin("local", "cloud")
    answer = operator.post(reverse("admin:storage_migrate"), FORM)
    assert answer.status_code == 400
    assert first.holder in answer.content.decode()


def test_one_thread_does_not_begin_two(database: Half) -> None:
    runs.begin("local", "cloud")
    with pytest.raises(runs.RunInProgress):
        runs.begin("local", "cloud")


def test_a_run_whose_process_is_gone_is_shown_as_interrupted(operator: Client, database: Half, settled: None) -> None:
    run = made(seen_at=timezone.now() - timedelta(minutes=1))
    assert "Its process has gone" in page(operator, "storage_run", run.pk)
    assert '<span class="badge interrupted">interrupted</span>' in page(operator)
    operator.post(reverse("admin:storage_run_resume", args=[run.pk]))
    wait_for(lambda: Run.objects.using("default").get().state == Run.State.DONE)


def test_stop_is_requested_from_the_process_of_the_run(operator: Client, database: Half) -> None:
    run = made()
    operator.post(reverse("admin:storage_run_stop", args=[run.pk]))
    assert Run.objects.using("default").get().stop_requested
    assert operator.get(reverse("admin:storage_run_state", args=[run.pk])).json()["word"] == "stopping"


def test_a_run_that_the_page_stopped_is_resumed_by_the_command(operator: Client, database: Half) -> None:
    run = runs.begin("local", "cloud")
    operator.post(reverse("admin:storage_run_stop", args=[run.pk]))
    run.stop_requested = True
    runs.work(run, lambda run: None)
    assert runs.work(runs.resume(run.pk)).state == Run.State.DONE


def test_a_run_is_not_resumed_while_another_one_runs(operator: Client, database: Half) -> None:
    runs.begin("local", "cloud")
    stopped = made(state=Run.State.STOPPED)
    answer = operator.post(reverse("admin:storage_run_resume", args=[stopped.pk]))
    assert answer.status_code == 409
    assert "already" in answer.content.decode()


def test_failures_are_named_and_counted(operator: Client, database: Half) -> None:
    failed = {f"key-{number}": "its file is missing" for number in range(120)}
    run = made(state=Run.State.FAILED, failed=failed, counts={"failures": 5000})
    said = page(operator, "storage_run", run.pk)
    assert "<code>key-99</code> its file is missing" in said
    assert "… and 4900 more." in said


def test_a_recordings_key_cannot_write_into_the_page(operator: Client, database: Half) -> None:
    run = made(state=Run.State.FAILED, failed={"<script>x</script>": "</script><b>"}, counts={"failures": 1})
    said = page(operator, "storage_run", run.pk)
    assert "<script>x" not in said
    assert "</script><b>" not in said


def test_an_unknown_run_is_not_found(operator: Client) -> None:
    assert operator.get(reverse("admin:storage_run", args=[KEY])).status_code == 404


def test_the_list_has_pages(operator: Client, database: Half) -> None:
    for _ in range(16):
        made(state=Run.State.DONE)
    assert "Page 1 of 2" in page(operator)
    assert operator.get(reverse("admin:storage") + "?page=2").content.decode().count('class="badge done"') == 1


def test_the_cost_page_has_numbers_and_a_chart(operator: Client, database: Half) -> None:
    said = page(operator, "storage_cost")
    assert "A month costs about $7.00 to $20.00" in said
    assert said.count('class="added"') == 12


def test_the_cost_page_says_what_it_cannot_see(operator: Client, database: Half) -> None:
    with database.outage():
        assert "The database is down: what it has is not in these figures." in page(operator, "storage_cost")


@pytest.mark.parametrize("name", ["storage", "storage_cost", "index"])
def test_no_page_has_a_style_or_a_script_inside(name: str, operator: Client, database: Half) -> None:
    said = page(operator, name)
    assert " style=" not in said
    assert "<style" not in said


async def lines(name: str) -> list[dict[str, Any]]:
    client = AsyncClient()
    await client.aforce_login(await get_user_model().objects.acreate(username="root", is_staff=True, is_superuser=True))
    answer: Any = await client.post(reverse(f"admin:{name}"))
    assert answer["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for chunk in [each async for each in answer] for line in chunk.decode().splitlines()]


async def test_verify_streams_each_result_and_then_a_summary() -> None:
    first, *results, last = await lines("storage_verify")
    assert first["total"] == len(results) > 5
    assert {"group", "name", "word", "found", "advice"} <= set(results[0])
    assert last["said"].startswith(f"{len(results)} checks: ")


async def test_test_streams_each_step_and_removes_what_it_saved() -> None:
    *steps, last = await lines("storage_test")
    assert [step["name"] for step in steps][-1] == "remove"
    assert last == {"done": True, "said": "The storage works.", "well": True}
    assert not await Conversation.objects.using("local").aexists()


@pytest.fixture
def agent(own_postgres: PostgresServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AgentServer]:
    agent = AgentServer(tmp_path / "agent", own_postgres.env, USE_CLOUD_STORAGE=request.param)
    agent.set_up()
    agent.start()
    yield agent
    agent.kill()


def asked(agent: AgentServer) -> tuple[int, str, float]:
    """Return the status, the page's text and the seconds that it took."""
    began = time.monotonic()
    try:
        with urllib.request.urlopen(f"{agent.url}/admin/login/", timeout=120) as answer:
            return answer.status, answer.read().decode(), time.monotonic() - began
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), time.monotonic() - began


@pytest.mark.parametrize("agent", ["true", "false"], indirect=True)
def test_without_the_accounts_the_admin_names_the_command(agent: AgentServer, own_postgres: PostgresServer) -> None:
    assert asked(agent)[0] == 200
    own_postgres.freeze()
    for _ in range(2):
        status, said, seconds = asked(agent)
        assert (status, seconds < ANSWERS_WITHIN) == (503, True)
        assert "it does not answer" in said
    own_postgres.thaw()
    own_postgres.kill()
    for _ in range(2):
        status, said, seconds = asked(agent)
        assert (status, seconds < ANSWERS_WITHIN) == (503, True)
        assert "manage.py storage verify" in said
    own_postgres.start()
    wait_for(lambda: asked(agent)[0] == 200)
