"""/metrics counts events, and only authorised clients can read it."""

import asyncio
import ipaddress
import socket
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import OperationalError
from django.test import AsyncClient, Client
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from audio import recordings
from audio.encoding import Clip
from core import cloud
from migration import sync_worker
from migration.drain import Report
from tests.clients import LearnerClient, staff_with
from tests.clouds import DATABASES, Half
from tests.servers import AgentServer
from tests.servers.agent import METRICS_TOKEN
from tests.talking import new_learner, spoken, talking

pytestmark = pytest.mark.django_db(databases=DATABASES)
FAR = "203.0.113.7"
SAID = Clip(bytes(range(100)), "audio/webm", 1.5)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"talking_agent_{name}", labels) or 0.0


def requests(route: str, method: str = "GET", status: int = 200) -> float:
    return value("request_seconds_count", route=route, method=method, status=str(status))


def operations(backend: str, outcome: str) -> float:
    return value("store_operation_seconds_count", backend=backend, outcome=outcome)


def refuse() -> None:
    raise OperationalError("connection refused")


def keep_a_voice() -> None:
    recordings.keep(recordings.Owner(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), "user"), SAID)


# Access


LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1")]


@pytest.fixture
def this_machine_may(settings: Any) -> None:
    settings.METRICS_ALLOW = LOOPBACK


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_read_the_metrics_if_metrics_allow_names_it(
    client: Client, address: str, this_machine_may: None
) -> None:
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "203.0.113.7", "::ffff:203.0.113.7", "10.0.0.1", "", "unix:"])
def test_an_address_that_is_not_named_is_refused(client: Client, address: str) -> None:
    response = client.get("/metrics", REMOTE_ADDR=address)
    assert (response.status_code, list(response.json())) == (403, ["error"])


def test_an_address_of_a_named_network_may_read_the_metrics(client: Client, settings: Any) -> None:
    settings.METRICS_ALLOW, settings.TRUST_PROXY = [ipaddress.ip_network("10.1.0.0/16")], True
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.2.2.3").status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_is_refused(client: Client, header: str, this_machine_may: None) -> None:
    assert client.get("/metrics", headers={header: ""}).status_code == 403


def test_behind_a_proxy_this_machine_is_refused(client: Client, settings: Any, this_machine_may: None) -> None:
    settings.TRUST_PROXY = True
    assert client.get("/metrics").status_code == 403


def test_a_forwarded_address_gives_no_access(client: Client, settings: Any) -> None:
    settings.METRICS_ALLOW, settings.TRUST_PROXY = [ipaddress.ip_network("10.1.0.0/16")], True
    assert client.get("/metrics", headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 403


@contextmanager
def bare_proxy(port: int) -> Iterator[str]:
    """Run a proxy that adds no headers. Yield its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


@pytest.mark.parametrize("trust_proxy", ["on", "off"])
def test_a_proxy_that_adds_no_header_needs_the_token(
    tmp_path_factory: pytest.TempPathFactory, trust_proxy: str
) -> None:
    server = AgentServer(tmp_path_factory.mktemp("metrics"), TRUST_PROXY=trust_proxy, METRICS_TOKEN="open-sesame")
    server.set_up()
    server.start()
    try:
        with bare_proxy(server.port) as url:
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}/metrics")
            assert refused.value.code == 403
            wanted = urllib.request.Request(f"{url}/metrics", headers={"Authorization": "Bearer open-sesame"})
            assert b"talking_agent_talks_open" in urllib.request.urlopen(wanted).read()
    finally:
        server.kill()


@pytest.mark.parametrize(("permission", "status"), [("view_spending", 200), ("view_message", 403)])
@pytest.mark.django_db
def test_staff_who_may_see_the_usage_read_the_metrics(permission: str, status: int) -> None:
    assert staff_with(permission).get("/metrics", REMOTE_ADDR=FAR).status_code == status


def test_a_learner_is_refused(owner: LearnerClient) -> None:
    assert owner.get("/metrics", REMOTE_ADDR=FAR).status_code == 403


def test_an_account_that_is_not_staff_is_refused(client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create(username="somebody"))
    assert client.get("/metrics", REMOTE_ADDR=FAR).status_code == 403


@pytest.mark.parametrize(
    ("token", "sent", "status"),
    [
        ("open-sesame", "Bearer open-sesame", 200),
        ("open-sesame", "bearer open-sesame", 200),
        ("open-sesame", "Bearer open-sesam", 403),
        ("open-sesame", "Bearer \xff", 403),
        ("open-sesame", "Basic open-sesame", 403),
        ("open-sesame", "", 403),
        ("", "Bearer ", 403),
        ("", "Bearer", 403),
    ],
)
def test_the_bearer_token_gives_access(client: Client, settings: Any, token: str, sent: str, status: int) -> None:
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", headers={"Authorization": sent}, REMOTE_ADDR=FAR).status_code == status


@pytest.mark.usefixtures("this_machine_may")
def test_metrics_are_not_redirected_to_https(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/metrics").status_code == 200


# The format


@pytest.mark.usefixtures("this_machine_may")
def test_prometheus_can_read_it(client: Client) -> None:
    families = {family.name for family in text_string_to_metric_families(client.get("/metrics").text)}
    assert {"talking_agent_request_seconds", "talking_agent_talks_open", "talking_agent_cloud_up"} <= families
    assert {"talking_agent_pending", "talking_agent_pending_bytes", "process_resident_memory_bytes"} <= families


@pytest.mark.usefixtures("this_machine_may")
def test_openmetrics_is_served_on_request(client: Client) -> None:
    response = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert response["Content-Type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")


# Requests


def test_a_request_is_counted_by_the_pattern_of_its_url(owner: LearnerClient) -> None:
    before = requests("/api/conversations/<str:id>", status=404)
    owner.get("/api/conversations/conv-of-somebody")
    assert requests("/api/conversations/<str:id>", status=404) == before + 1


def test_a_request_to_an_async_view_is_counted(owner: LearnerClient) -> None:
    route = "/api/conversations/<str:id>/messages/<str:message_id>"
    before = requests(route, "PATCH", 400)
    owner.send("/api/conversations/x/messages/y", [], method="PATCH")
    assert requests(route, "PATCH", 400) == before + 1


async def test_a_request_over_asgi_is_counted() -> None:
    before = requests("/favicon.ico", status=302)
    await AsyncClient().get("/favicon.ico")
    assert requests("/favicon.ico", status=302) == before + 1


def test_unknown_paths_are_counted_as_one_route(client: Client) -> None:
    before = requests("other", status=404)
    client.get("/no/such/page")
    client.get("/nor/this")
    assert requests("other", status=404) == before + 2


def test_unknown_methods_are_counted_as_one_method(client: Client) -> None:
    before = requests("/api/conversations", "other", 405)
    client.generic("BREW", "/api/conversations")
    assert requests("/api/conversations", "other", 405) == before + 1


@pytest.mark.usefixtures("this_machine_may")
def test_no_path_of_a_request_is_shown(owner: LearnerClient) -> None:
    owner.get("/api/conversations/conv-secret?id=query-secret")
    owner.get("/secret")
    shown = owner.get("/metrics").text
    assert "secret" not in shown
    assert owner.learner.hex not in shown


# The stores


def test_a_write_to_the_shelter_is_counted(owner: LearnerClient) -> None:
    before = operations("shelter", "ok")
    owner.send("/api/conversations", {"id": "x"})
    assert operations("shelter", "ok") == before + 1


def test_a_recording_in_the_shelter_counts_its_bytes_and_its_row() -> None:
    before = operations("shelter", "ok")
    keep_a_voice()
    assert operations("shelter", "ok") == before + 2


def test_a_write_to_the_shelter_that_fails_is_counted(owner: LearnerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr("conversations.rows.write", full)
    before = operations("shelter", "failed")
    assert owner.send("/api/conversations", {"id": "x"}).status_code == 503
    assert operations("shelter", "failed") == before + 1


def test_a_cloud_that_is_off_is_not_counted(owner: LearnerClient) -> None:
    before = [operations(backend, "skipped") for backend in ("database", "audio bucket")]
    keep_a_voice()
    assert [operations(backend, "skipped") for backend in ("database", "audio bucket")] == before


def test_an_operation_on_the_database_is_counted(owner: LearnerClient, database: Half) -> None:
    before = operations("database", "ok")
    owner.get("/api/conversations")
    assert operations("database", "ok") > before


def test_an_operation_that_fails_is_counted_once_and_those_after_it_as_skipped(
    owner: LearnerClient, database: Half
) -> None:
    failed, skipped = operations("database", "failed"), operations("database", "skipped")
    database.breaker.probe = refuse
    with pytest.raises(cloud.Unavailable), database.breaker.use():
        refuse()
    owner.get("/api/conversations")
    assert operations("database", "failed") == failed + 1
    assert operations("database", "skipped") > skipped


def test_an_operation_on_the_bucket_is_counted(bucket: Half) -> None:
    before = operations("audio bucket", "ok")
    keep_a_voice()
    assert operations("audio bucket", "ok") == before + 1


# The cloud, measured on reading


def test_a_half_that_is_off_has_no_state() -> None:
    assert REGISTRY.get_sample_value("talking_agent_cloud_up", {"backend": "database"}) is None


def test_a_half_that_is_up_is_1(database: Half) -> None:
    assert value("cloud_up", backend="database") == 1


@pytest.mark.usefixtures("this_machine_may")
def test_a_half_that_is_down_is_0_and_it_can_still_be_read(client: Client, database: Half) -> None:
    with database.outage():
        assert 'talking_agent_cloud_up{backend="database"} 0.0' in client.get("/metrics").text


def test_waiting_rows_and_recordings_are_counted(owner: LearnerClient, database: Half, bucket: Half) -> None:
    with database.outage(), bucket.outage():
        owner.send("/api/conversations", {"id": "x"})
        keep_a_voice()
        assert value("pending", what="conversations") == 1
        assert value("pending", what="recordings") == 1
        assert value("pending_bytes") == len(SAID.data)


def test_nothing_waits_without_a_cloud(owner: LearnerClient) -> None:
    owner.send("/api/conversations", {"id": "x"})
    assert REGISTRY.get_sample_value("talking_agent_pending", {"what": "conversations"}) == 0


@pytest.mark.usefixtures("this_machine_may")
def test_an_unreadable_shelter_leaves_out_only_its_own_figures(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OperationalError("disk I/O error")

    monkeypatch.setattr("migration.waiting.counts", broken)
    shown = client.get("/metrics").text
    assert "talking_agent_request_seconds" in shown
    assert "talking_agent_pending" not in shown


@pytest.mark.usefixtures("this_machine_may")
def test_an_allowed_address_needs_no_database(client: Client, django_assert_num_queries: Any, database: Half) -> None:
    with django_assert_num_queries(0, using="default"), django_assert_num_queries(0, using="cloud"):
        assert client.get("/metrics").status_code == 200


# The sync worker


async def test_moved_rows_and_failures_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [Report(1, 0, 0, {"a key": "why"}), Report(3, 2, 100, {"a key": "why"})]
    monkeypatch.setattr(sync_worker, "EVERY", 0)
    monkeypatch.setattr(sync_worker, "reconcile", reports.pop)
    moved = {what: value("reconciled_total", what=what) for what in ("conversations", "recordings")}
    size, failed = value("reconciled_bytes_total"), value("reconcile_failures_total")
    # There is no third report.
    with pytest.raises(IndexError):
        await sync_worker.run()
    assert value("reconciled_total", what="conversations") == moved["conversations"] + 4
    assert value("reconciled_total", what="recordings") == moved["recordings"] + 2
    assert value("reconciled_bytes_total") == size + 100
    assert value("reconcile_failures_total") == failed + 1


# Talks, on the real server


def shown_by(server: AgentServer, name: str, **labels: str) -> float:
    wanted = urllib.request.Request(f"{server.url}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    with urllib.request.urlopen(wanted) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    found = (sample for family in families for sample in family.samples if sample.name == f"talking_agent_{name}")
    return next((sample.value for sample in found if sample.labels == labels), 0.0)


async def shows(server: AgentServer, what: Callable[[], bool]) -> None:
    """Wait until the condition is true, because an event may be sent just before it is counted."""
    async with asyncio.timeout(60):
        while not what():
            await asyncio.sleep(0.05)


async def test_a_talk_is_counted_while_it_is_open(server: AgentServer) -> None:
    # Wait for the talks of earlier tests to end.
    await shows(server, lambda: shown_by(server, "talks_open") == 0)
    async with talking(server.url, "counted", new_learner(server.url)):
        assert shown_by(server, "talks_open") == 1
    await shows(server, lambda: shown_by(server, "talks_open") == 0)


async def test_the_stages_of_a_turn_are_measured(server: AgentServer) -> None:
    stages = ("heard", "thought", "first audio", "saved")
    counts = [shown_by(server, "turn_seconds_count", engine="local", stage=stage) for stage in stages]
    times = [shown_by(server, "turn_seconds_sum", engine="local", stage=stage) for stage in stages]
    async with talking(server.url, "measured", new_learner(server.url)) as talker:
        await talker.set_up()
        await talker.turn(spoken("learner_london"))
        timing = talker.events("talk.timing")[0]

    def now() -> list[float]:
        return [shown_by(server, "turn_seconds_count", engine="local", stage=stage) for stage in stages]

    await shows(server, lambda: now() == [count + 1 for count in counts])
    took = [shown_by(server, "turn_seconds_sum", engine="local", stage=stage) for stage in stages]
    assert took[2] - times[2] == pytest.approx(timing["total_ms"] / 1000)
    assert took[0] - times[0] <= took[1] - times[1] <= took[2] - times[2]


async def test_the_agents_opening_is_not_counted_as_a_turn(server: AgentServer) -> None:
    before = shown_by(server, "turn_seconds_count", engine="local", stage="saved")
    async with talking(server.url, "opened", new_learner(server.url)) as talker:
        await talker.set_up()
        await talker.send("response.create")
        await talker.wait_for("talk.saved")
    assert shown_by(server, "turn_seconds_count", engine="local", stage="saved") == before
