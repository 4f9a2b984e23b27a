"""The self test reports the real state of the storage, and leaves no data behind."""

import _thread
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from audio.models import Recording
from conversations.models import Conversation, Message
from core import cloud
from migration import self_test
from migration.self_test import Step
from tests.clouds import DATABASES, Half, wait_for
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server
from tests.servers.s3 import BUCKET

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)


@pytest.fixture
def s3_bucket(settings: Any, own_s3: S3Server, fast_breakers: None) -> S3Server:
    """Turn the cloud on with a real bucket."""
    options = {
        "bucket_name": BUCKET,
        "access_key": own_s3.env["AWS_ACCESS_KEY_ID"],
        "secret_key": own_s3.env["AWS_SECRET_ACCESS_KEY"],
        "region_name": own_s3.env["AWS_REGION"],
        "endpoint_url": own_s3.endpoint,
        "querystring_expire": 60,
    }
    settings.STORAGES = settings.STORAGES | {"audio_cloud": {"BACKEND": "audio.s3.S3AudioStorage", "OPTIONS": options}}
    settings.CLOUD_AUDIO = True
    cloud.bucket.check()
    return own_s3


@pytest.fixture
def whole_cloud(database: Half, s3_bucket: S3Server) -> S3Server:
    return s3_bucket


def rows_left() -> int:
    tables = (Conversation, Message, Recording)
    return sum(table.objects.using(alias).count() for table in tables for alias in ("local", "cloud"))


def files_left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def nothing_left(recordings_folder: Path) -> Iterator[None]:
    """Check afterwards that none of the test's data is left."""
    yield
    assert rows_left() == 0
    assert files_left(recordings_folder) == []


def run(after: str = "", do: Callable[[], Any] = lambda: None) -> list[Step]:
    """Run the self-test, and do something when the step `after` has ended."""
    steps = []
    with closing(self_test.run()) as running:
        for step in running:
            steps.append(step)
            if step.name == after:
                do()
    return steps


def failed(steps: list[Step]) -> dict[str, str]:
    return {step.name: f"{step.found} {step.advice}" for step in steps if not step.ok}


# Success


def test_without_a_cloud_local_storage_is_tested(nothing_left: None) -> None:
    steps = run()
    assert self_test.report(steps)["success"]
    assert "local storage" in steps[1].found


def test_with_a_cloud_the_cloud_is_tested(whole_cloud: S3Server, nothing_left: None) -> None:
    steps = run()
    assert failed(steps) == {}
    assert steps[1].found == "The conversation is in the cloud, its recording in the cloud."
    assert whole_cloud.objects() == {}


def test_a_recording_in_the_bucket_is_also_moved(whole_cloud: S3Server) -> None:
    assert [step.name for step in run()][-2:] == ["move", "remove"]


def test_the_test_saves_to_the_real_stores(whole_cloud: S3Server) -> None:
    seen: list[tuple[int, int]] = []

    def look() -> None:
        seen.append((Conversation.objects.using("cloud").count(), len(whole_cloud.objects())))

    run(self_test.SAVE, look)
    assert seen == [(1, 1)]


def test_steps_come_one_by_one_with_their_time() -> None:
    began = time.monotonic()
    steps = run()
    took = time.monotonic() - began
    assert [step.name for step in steps] == ["make", "save", "read back", "sign", "fetch and compare", "remove"]
    # Each is rounded.
    assert 0 < sum(step.seconds for step in steps) <= took + 0.01


def test_the_report_has_the_contracts_fields() -> None:
    report = self_test.report(self_test.run())
    assert report["success"] is True
    assert "error" not in report
    assert set(report["steps"][0]) == {"name", "ok", "found", "advice", "seconds"}


def test_a_cloud_of_a_bucket_alone_is_tested(s3_bucket: S3Server, nothing_left: None) -> None:
    steps = run()
    assert failed(steps) == {}
    assert "is off" in steps[1].found


# Failure


def test_a_database_that_is_down_is_reported_despite_the_shelter(
    database: Half, s3_bucket: S3Server, nothing_left: None
) -> None:
    with database.outage():
        steps = run()
        assert "kept on this machine" in self_test.report(steps)["error"]
        assert set(failed(steps)) == {"save"}
        assert rows_left() == 0
    assert s3_bucket.objects() == {}


def test_a_bucket_that_is_down_is_reported_despite_the_shelter(whole_cloud: S3Server, recordings_folder: Path) -> None:
    whole_cloud.kill()
    steps = run()
    left, files = rows_left(), files_left(recordings_folder)
    whole_cloud.start()
    wait_for(lambda: cloud.bucket.up)
    assert set(failed(steps)) == {"save"}
    assert "audio bucket is down" in failed(steps)["save"]
    assert (left, files) == (0, [])
    assert whole_cloud.objects() == {}


def test_a_bucket_that_hangs_leaves_a_tombstone(whole_cloud: S3Server) -> None:
    whole_cloud.freeze()
    steps = run()
    whole_cloud.thaw()
    wait_for(lambda: cloud.bucket.up)
    assert set(failed(steps)) == {"save", "remove"}
    assert "does not answer" in failed(steps)["save"]
    assert "the server erases it" in failed(steps)["remove"]
    assert Conversation.objects.using("cloud").get().deleted_at


def test_wrong_credentials_are_reported_without_the_secret(
    settings: Any, whole_cloud: S3Server, nothing_left: None
) -> None:
    with whole_cloud.wrong_credentials():
        steps = run()
        assert "credentials are refused" in self_test.report(steps)["error"]
        assert whole_cloud.env["AWS_SECRET_ACCESS_KEY"] not in str(steps)
    wait_for(lambda: cloud.bucket.up)


def test_a_changed_recording_fails(whole_cloud: S3Server, nothing_left: None) -> None:
    def change() -> None:
        [key] = whole_cloud.objects()
        whole_cloud.client().put_object(Bucket=BUCKET, Key=key, Body=b"something else")

    steps = run(self_test.SAVE, change)
    assert set(failed(steps)) == {"fetch and compare"}
    assert whole_cloud.objects() == {}


def test_a_missing_recording_fails(whole_cloud: S3Server, nothing_left: None) -> None:
    steps = run(self_test.SAVE, whole_cloud.empty)
    assert "404" in failed(steps)["fetch and compare"]


def test_a_missing_conversation_fails(nothing_left: None) -> None:
    steps = run(self_test.SAVE, lambda: Message.objects.using("local").all().delete())
    assert set(failed(steps)) == {"read back"}


def test_a_refused_link_fails(whole_cloud: S3Server, nothing_left: None) -> None:
    def deny() -> None:
        resource = f"arn:aws:s3:::{BUCKET}/*"
        denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
        whole_cloud.client().put_bucket_policy(Bucket=BUCKET, Policy=document)

    try:
        steps = run(self_test.SIGN, deny)
        found = failed(steps)["fetch and compare"]
        assert "refused the signed link (403). The server says: “Access Denied" in found
    finally:
        whole_cloud.client().delete_bucket_policy(Bucket=BUCKET)
    wait_for(lambda: cloud.bucket.up)
    assert whole_cloud.objects() == {}


def test_a_missing_local_file_fails(recordings_folder: Path, nothing_left: None) -> None:
    def lose() -> None:
        for path in files_left(recordings_folder):
            path.unlink()

    assert "404" in failed(run(self_test.SAVE, lose))["fetch and compare"]


# Interruptions


@pytest.mark.parametrize(
    "name", [self_test.MAKE, self_test.SAVE, self_test.READ, self_test.SIGN, self_test.FETCH, self_test.MOVE]
)
def test_an_interruption_between_two_steps_leaves_nothing(whole_cloud: S3Server, nothing_left: None, name: str) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(name, interrupt)
    assert whole_cloud.objects() == {}


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C interrupt. A shell ignores it in background processes, and the tests may be one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("after", [0.001, 0.01, 0.03])
def test_an_interruption_in_the_middle_of_saving_leaves_nothing(
    whole_cloud: S3Server, nothing_left: None, after: float, ctrl_c: None
) -> None:
    def interrupt_soon() -> None:
        threading.Timer(after, _thread.interrupt_main).start()

    # `run` may end before the interruption.
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        run(self_test.MAKE, interrupt_soon)
        # A single long sleep would not be interrupted.
        for _ in range(6000):
            time.sleep(0.01)
    assert whole_cloud.objects() == {}


# The command


def conversations_in(server: PostgresServer | MongoServer) -> int:
    if isinstance(server, PostgresServer):
        return int(server.execute("SELECT count(*) FROM conversations_conversation")[0][0])
    return server.database()["conversations_conversation"].count_documents({})


@pytest.mark.parametrize("kind", ["postgres", "mongo"])
def test_the_command_on_real_servers(kind: str, s3: S3Server, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: PostgresServer | MongoServer = request.getfixturevalue(kind)
    agent = AgentServer(tmp_path / "agent", server.env, s3.env, SECRET_KEY="k" * 50)
    agent.manage("migrate", "-v0")
    before = s3.objects().keys(), conversations_in(server)
    report = json.loads(agent.manage("storage", "test", "--json"))
    assert report["success"]
    assert (s3.objects().keys(), conversations_in(server)) == before


def test_the_command_fails_when_the_cloud_does(s3: S3Server, tmp_path: Path) -> None:
    agent = AgentServer(tmp_path / "agent", s3.env_with_wrong_secret, SECRET_KEY="k" * 50)
    agent.manage("migrate", "-v0")
    with pytest.raises(subprocess.CalledProcessError) as error:
        agent.manage("storage", "test")
    assert error.value.returncode == 1
    assert "✗ failed  save" in error.value.stdout
    assert "✓ ok      remove" in error.value.stdout
