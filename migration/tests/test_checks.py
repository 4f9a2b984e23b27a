"""Verify checks real servers, healthy ones and ones with each problem."""

import json
import shutil
import socketserver
import sqlite3
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.auth
import pytest
from django.db import OperationalError, connections
from django.db.utils import ConnectionHandler
from django.test import override_settings

from audio.s3 import PROBES, S3AudioStorage
from conversations import store
from core import cloud, database_urls
from core.findings import CheckFailed, CheckState, NotConfigured, NotSupported, Probe, Warned
from migration import checks
from migration.actions import verify as action
from migration.checks import bucket, database, local, runner, variables
from migration.checks.runner import Result
from tests.clouds import Half
from tests.fixtures import served
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder
from tests.servers.s3 import ADMIN_KEY, ADMIN_SECRET, BUCKET

ORIGIN = "https://talk.example.org"
SECRET = "a-secret-that-nobody-may-read"
Asked = Callable[[list[Probe]], dict[str, Result]]


def asked(these: list[Probe]) -> dict[str, Result]:
    """Run the checks with a minute for each, because only the findings matter here."""
    return {result.name: result for result in runner.run([replace(each, timeout=60) for each in these], within=60)}


def asked_in_time(these: list[Probe]) -> dict[str, Result]:
    """Run the checks with the limits that operators have."""
    return {result.name: result for result in runner.run(these)}


def states(results: dict[str, Result], state: CheckState) -> set[str]:
    return {name for name, result in results.items() if result.state == state}


def failed(results: dict[str, Result]) -> set[str]:
    return states(results, CheckState.FAILED)


# The runner


def raising(finding: Exception) -> Callable[[], str]:
    def run() -> str:
        raise finding

    return run


@pytest.mark.parametrize(
    ("finding", "state"),
    [
        (CheckFailed("what", "do"), "failed"),
        (Warned("what", "do"), "warning"),
        (NotSupported("what"), "not supported by this server"),
        (NotConfigured("what"), "not configured"),
    ],
)
def test_an_exception_determines_the_state(finding: Exception, state: str) -> None:
    assert asked([Probe("group", "line", raising(finding))])["line"].state.value == state


def test_the_returned_text_is_the_finding() -> None:
    assert asked([Probe("group", "line", lambda: "All is well.")])["line"].found == "All is well."


def test_an_unexpected_error_fails_one_check_and_shows_no_secret() -> None:
    results = asked([Probe("group", "broken", raising(RuntimeError(SECRET))), Probe("group", "sound", lambda: "Well.")])
    assert failed(results) == {"broken"}
    assert SECRET not in str(results)


def test_probes_run_side_by_side() -> None:
    meeting = threading.Barrier(10)
    everybody = [Probe("group", str(number), lambda: str(meeting.wait())) for number in range(10)]
    assert states(asked(everybody), CheckState.OK) == set(map(str, range(10)))


def test_all_checks_end_in_five_seconds_even_if_all_hang() -> None:
    began = time.monotonic()
    results = asked_in_time(
        [Probe("group", str(number), threading.Event().wait, timeout=60) for number in range(40)]  # type: ignore[arg-type]
    )
    assert len(failed(results)) == 40
    assert runner.IN_ALL < 5
    # The check itself would take 60 s. A loaded machine needs some seconds.
    assert time.monotonic() - began < 30


def test_results_are_yielded_as_they_arrive() -> None:
    release = threading.Event()
    slow = Probe("group", "slow", lambda: str(release.wait()), timeout=60)
    results = runner.run([slow, Probe("group", "quick", lambda: "Done.", timeout=60)], within=60)
    assert next(results).name == "quick"
    release.set()
    assert next(results).name == "slow"


def test_each_probe_has_a_time_limit_of_its_own() -> None:
    hangs = Probe("group", "short", threading.Event().wait, timeout=0.1)  # type: ignore[arg-type]
    (short,) = runner.run([hangs], within=60)
    assert short.state is CheckState.FAILED
    # The check itself would take 60 s. A loaded machine needs some seconds.
    assert short.seconds < 30


# Variables


@pytest.fixture
def everything_set(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set all variables. This machine has no role."""
    settings.USE_CLOUD_STORAGE, settings.DATABASE_TYPE, settings.S3_BUCKET_NAME = True, "", "bucket"
    settings.GIVEN = {"MONGODB_URI", *variables.KEYS, "AWS_REGION", "S3_BUCKET_NAME", "USE_CLOUD_STORAGE"}
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return settings


def missing_of(results: dict[str, Result]) -> list[str]:
    return variables.missing(results.values())


def test_nothing_is_missing_where_everything_is_set(everything_set: Any) -> None:
    results = asked(variables.probes())
    assert missing_of(results) == []
    assert states(results, CheckState.OK) == {"USE_CLOUD_STORAGE", *variables.REQUIRED}


@pytest.mark.parametrize("name", [*variables.KEYS, "S3_BUCKET_NAME"])
def test_a_variable_that_is_not_set_is_missing_and_has_failed(everything_set: Any, name: str) -> None:
    everything_set.GIVEN -= {name}
    results = asked(variables.probes())
    assert (missing_of(results), failed(results)) == ([name], {name})


def test_a_region_has_a_default(everything_set: Any) -> None:
    everything_set.GIVEN -= {"AWS_REGION"}
    results = asked(variables.probes())
    assert (missing_of(results), failed(results)) == ([], set())
    assert "us-east-1" in results["AWS_REGION"].found


def test_one_database_is_enough(everything_set: Any) -> None:
    everything_set.GIVEN = everything_set.GIVEN - {"MONGODB_URI"}
    assert missing_of(asked(variables.probes())) == ["MONGODB_URI or DATABASE_URL"]
    everything_set.GIVEN |= {"DATABASE_URL"}
    assert missing_of(asked(variables.probes())) == []


def test_without_a_bucket_the_variables_that_are_missing_fail(everything_set: Any) -> None:
    everything_set.GIVEN, everything_set.S3_BUCKET_NAME = {"USE_CLOUD_STORAGE"}, ""
    results = asked(variables.probes())
    assert failed(results) == set(missing_of(results)) == set(variables.REQUIRED) - {"AWS_REGION"}


def test_two_databases_without_a_choice_fail(everything_set: Any) -> None:
    everything_set.GIVEN |= {"DATABASE_URL"}
    assert failed(asked(variables.probes())) == {variables.DATABASE}


def test_a_cloud_that_is_configured_and_off_is_a_warning(everything_set: Any) -> None:
    everything_set.USE_CLOUD_STORAGE = False
    assert states(asked(variables.probes()), CheckState.WARNING) == {"USE_CLOUD_STORAGE"}


def test_a_cloud_without_any_setting_is_not_configured(settings: Any) -> None:
    settings.GIVEN, settings.USE_CLOUD_STORAGE = set(), False
    assert states(asked(variables.probes()), CheckState.NOT_CONFIGURED) == {"USE_CLOUD_STORAGE", *variables.REQUIRED}


# The bucket


def storage_options(server: S3Server, **changed: str) -> dict[str, Any]:
    return {
        "bucket_name": BUCKET,
        "access_key": server.env["AWS_ACCESS_KEY_ID"],
        "secret_key": server.env["AWS_SECRET_ACCESS_KEY"],
        "region_name": server.env["AWS_REGION"],
        "endpoint_url": server.endpoint,
        **changed,
    }


def look_at(server: S3Server, *, ask: Asked = asked, **changed: str) -> dict[str, Result]:
    options = storage_options(server, **changed)
    entry = {"BACKEND": "audio.s3.S3AudioStorage", "OPTIONS": options}
    return ask(bucket.probes_of(S3AudioStorage(**options), entry, ORIGIN))


def as_administrator(server: S3Server) -> dict[str, Result]:
    return look_at(server, access_key=ADMIN_KEY, secret_key=ADMIN_SECRET)


@contextmanager
def policy(server: S3Server, effect: str, action: str) -> Iterator[None]:
    resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    statement = {"Effect": effect, "Principal": "*", "Action": action, "Resource": resources}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    server.client().put_bucket_policy(Bucket=BUCKET, Policy=document)
    try:
        yield
    finally:
        server.client().delete_bucket_policy(Bucket=BUCKET)


@contextmanager
def cors(server: S3Server, origin: str) -> Iterator[None]:
    rules = {"CORSRules": [{"AllowedOrigins": [origin], "AllowedMethods": ["GET"], "AllowedHeaders": ["*"]}]}
    server.client().put_bucket_cors(Bucket=BUCKET, CORSConfiguration=rules)
    try:
        yield
    finally:
        server.client().delete_bucket_cors(Bucket=BUCKET)


def test_nothing_fails_in_a_bucket_that_is_right(s3: S3Server) -> None:
    results = look_at(s3)
    assert failed(results) == set()
    assert {"credentials", "private", "right to write", "right to delete", "CORS", "clock"} <= states(
        results, CheckState.OK
    )


def test_nothing_is_left_in_the_bucket(s3: S3Server) -> None:
    look_at(s3)
    assert not [key for key in s3.objects() if key.startswith(PROBES)]


@pytest.mark.parametrize("wrong", [{"secret_key": SECRET}, {"access_key": "AKIANOBODY"}])
def test_wrong_credentials_fail_on_their_line_alone(s3: S3Server, wrong: Any) -> None:
    results = look_at(s3, **wrong)
    assert failed(results) == {"credentials"}
    assert "AWS_SECRET_ACCESS_KEY" in results["credentials"].advice
    assert SECRET not in str(results)


def test_checks_that_need_credentials_name_the_failed_line(s3: S3Server) -> None:
    assert look_at(s3, secret_key=SECRET)["private"].advice == "Put “credentials” right first."


def test_a_bucket_that_is_not_there_fails_on_its_line_alone(s3: S3Server) -> None:
    results = look_at(s3, bucket_name="nonesuch", access_key=ADMIN_KEY, secret_key=ADMIN_SECRET)
    assert failed(results) == {"name and region"}
    assert "S3_BUCKET_NAME" in results["name and region"].advice


def test_a_bucket_of_another_account_fails_on_its_line(s3: S3Server) -> None:
    results = look_at(s3, bucket_name="probed")
    assert "name and region" in failed(results)
    assert "S3_BUCKET_NAME" in results["name and region"].advice


@pytest.mark.parametrize(
    ("right", "line"),
    [
        ("s3:PutObject", "right to write"),
        ("s3:GetObject", "right to read"),
        ("s3:ListBucket", "right to list"),
        ("s3:DeleteObject", "right to delete"),
    ],
)
def test_a_right_that_is_denied_fails_on_its_line_alone(own_s3: S3Server, right: str, line: str) -> None:
    with policy(own_s3, "Deny", right):
        results = look_at(own_s3)
    assert failed(results) == {line}
    assert right in results[line].advice


@pytest.mark.parametrize("right", ["s3:GetObject", "s3:ListBucket"])
def test_a_public_bucket_fails_on_its_line_alone(own_s3: S3Server, right: str) -> None:
    with policy(own_s3, "Allow", right):
        assert failed(look_at(own_s3)) == {"private"}


def test_a_site_that_the_cors_rules_do_not_name_fails_on_its_line_alone(own_s3: S3Server) -> None:
    with cors(own_s3, "https://another.example.org"):
        results = look_at(own_s3)
    assert failed(results) == {"CORS"}
    assert ORIGIN in results["CORS"].advice


def test_a_site_that_the_cors_rules_name_passes(own_s3: S3Server) -> None:
    with cors(own_s3, ORIGIN):
        assert look_at(own_s3)["CORS"].state == CheckState.OK


@pytest.mark.parametrize(
    ("minutes", "state"), [(-10, CheckState.FAILED), (10, CheckState.FAILED), (1, CheckState.WARNING)]
)
def test_a_wrong_clock_is_reported(
    s3: S3Server, minutes: int, state: CheckState, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=lambda: datetime.now(UTC) + timedelta(minutes=minutes))
    monkeypatch.setattr(bucket, "timezone", clock)
    results = look_at(s3)
    assert results["clock"].state == state
    assert failed(results) <= {"clock"}


def test_a_clock_so_wrong_that_requests_are_refused_is_reported(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    right = botocore.auth.get_current_datetime
    late = timedelta(minutes=20)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *args, **kwargs: right(*args, **kwargs) - late)
    assert failed(look_at(s3)) == {"clock"}


def test_the_public_access_block_is_not_supported_everywhere(s3: S3Server) -> None:
    assert as_administrator(s3)["public access block"].state == CheckState.NOT_SUPPORTED


def test_a_setting_that_the_key_may_not_read_is_a_warning(s3: S3Server) -> None:
    found = look_at(s3)["public access block"]
    assert found.state == CheckState.WARNING
    assert "s3:GetBucketPublicAccessBlock" in found.advice


def test_a_bucket_without_versions_rules_and_encryption_is_warned_of(s3: S3Server) -> None:
    assert {"versioning", "lifecycle", "encryption"} <= states(as_administrator(s3), CheckState.WARNING)


def test_versions_rules_and_encryption_are_found(own_s3: S3Server) -> None:
    client = own_s3.client()
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "audio/"}, "Expiration": {"Days": 365}}
    encrypted = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    client.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    client.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=encrypted)
    try:
        assert {"versioning", "lifecycle", "encryption"} <= states(as_administrator(own_s3), CheckState.OK)
    finally:
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
        client.delete_bucket_lifecycle(Bucket=BUCKET)
        client.delete_bucket_encryption(Bucket=BUCKET)


def test_a_server_that_is_not_there_fails_on_its_line_alone(s3: S3Server) -> None:
    results = look_at(s3, endpoint_url="http://127.0.0.1:9")
    assert failed(results) == {"server"}
    assert "AWS_S3_ENDPOINT_URL" in results["server"].advice


def test_a_server_that_hangs_takes_five_seconds_at_most(own_s3: S3Server) -> None:
    own_s3.freeze()
    began = time.monotonic()
    try:
        assert failed(look_at(own_s3, ask=asked_in_time)) == {"server"}
    finally:
        own_s3.thaw()
    # The server is frozen until the answer arrives.
    assert time.monotonic() - began < 30


def test_without_a_bucket_there_is_one_line(settings: Any) -> None:
    settings.STORAGES = {name: entry for name, entry in settings.STORAGES.items() if name != "audio_cloud"}
    assert states(asked(bucket.probes()), CheckState.NOT_CONFIGURED) == {"name and region"}


def test_invalid_bucket_settings_are_reported(settings: Any) -> None:
    entry = {"BACKEND": "audio.s3.S3AudioStorage", "OPTIONS": {"bucket_name": BUCKET, "endpoint_url": "nonsense"}}
    settings.STORAGES = settings.STORAGES | {"audio_cloud": entry}
    assert "AWS_S3_ENDPOINT_URL" in asked(bucket.probes())["name and region"].found


# Databases


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with served(PostgresServer(temporary_folder("postgresql"))) as server:
        AgentServer(tmp_path_factory.mktemp("agent"), server.env).manage("migrate", "--database", "default", "-v0")
        yield server


@pytest.fixture(scope="module")
def mongodb(_mongo_to_break: MongoServer, tmp_path_factory: pytest.TempPathFactory) -> MongoServer:
    _mongo_to_break.restore()
    agent = AgentServer(tmp_path_factory.mktemp("agent"), _mongo_to_break.env)
    agent.manage("migrate", "--database", "mongodb", "-v0")
    return _mongo_to_break


@pytest.fixture(params=["postgresql", "mongodb"])
def base(request: pytest.FixtureRequest) -> Any:
    """Return a migrated database of either kind."""
    return request.getfixturevalue(request.param)


def ask_database(env: dict[str, str], group: str = database.GROUP, ask: Asked = asked) -> dict[str, Result]:
    url = env.get("DATABASE_URL") or env["MONGODB_URI"]
    entry = database_urls.postgresql(url) if "DATABASE_URL" in env else database_urls.mongodb(url)
    handler = ConnectionHandler({"default": {}, "probed": entry})
    return ask(database.probes_of(handler.create_connection("probed"), group))


def with_password(env: dict[str, str], password: str) -> dict[str, str]:
    return {name: value.replace(":password@", f":{password}@") for name, value in env.items()}


def test_nothing_fails_in_a_database_that_is_right(base: Any) -> None:
    results = ask_database(base.env)
    assert failed(results) == set()
    assert {"reachable", "version", "migrations", "write, read, delete"} <= states(results, CheckState.OK)


def test_nothing_is_left_in_the_database(postgresql: PostgresServer) -> None:
    ask_database(postgresql.env)
    assert postgresql.execute("SELECT count(*) FROM conversations_conversation") == [(0,)]


def test_no_connection_is_left_open(postgresql: PostgresServer) -> None:
    ask_database(postgresql.env)
    assert postgresql.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'user'") == [(0,)]


def test_a_wrong_password_fails_on_one_line_alone_and_is_not_shown(base: Any) -> None:
    results = ask_database(with_password(base.env, SECRET))
    assert failed(results) == {"reachable"}
    assert "password is not accepted" in results["reachable"].found
    assert SECRET not in str(results)


def test_the_servers_message_is_quoted(base: Any) -> None:
    said = ask_database(with_password(base.env, SECRET))["reachable"].found
    assert "authentication failed" in said.lower()


@pytest.mark.parametrize("database_of_the_user", ["authSource=admin&", ""])
def test_a_user_of_another_database_is_asked_for_the_auth_source(
    mongodb: MongoServer, database_of_the_user: str
) -> None:
    """The user of the URI is in `admin`. Without authSource, MongoDB looks for it in the database of the path."""
    uri = mongodb.env["MONGODB_URI"].replace("authSource=admin&", database_of_the_user)
    found = ask_database({"MONGODB_URI": uri})["reachable"]
    assert (found.state == CheckState.OK) == bool(database_of_the_user)
    assert ("Is ?authSource=admin missing" in found.advice) == (not database_of_the_user)


def test_a_wrong_password_does_not_ask_for_the_auth_source_that_is_there(mongodb: MongoServer) -> None:
    assert "authSource" not in ask_database(with_password(mongodb.env, SECRET))["reachable"].advice


@pytest.fixture
def pgbouncer() -> Iterator[int]:
    """Run a server that refuses a URL's schema as pgbouncer does. Yield its port.

    The tests have no real pgbouncer.
    """
    refusal = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0"

    class Refuses(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (length := int.from_bytes(self.rfile.read(4), "big")) and self.rfile.read(length - 4)[:2] != b"\0\3":
                # The client asks for encryption first.
                self.wfile.write(b"N")
            self.wfile.write(b"E" + (len(refusal) + 4).to_bytes(4, "big") + refusal)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_schema_that_pgbouncer_refuses_is_explained(pgbouncer: int) -> None:
    url = f"postgresql://user:{SECRET}@127.0.0.1:{pgbouncer}/talk?schema=learn"
    result = ask_database({"DATABASE_URL": url})["reachable"]
    assert "unsupported startup parameter: options" in result.found
    assert "search_path" in result.advice
    assert SECRET not in str(result)


@pytest.mark.parametrize(
    "env",
    [
        {"MONGODB_URI": "mongodb://127.0.0.1:9/talk?tls=true&tlsCAFile=/nowhere/ca.pem"},
        {"DATABASE_URL": "postgresql://127.0.0.1:9/talk?sslmode=require&sslrootcert=/nowhere/ca.pem"},
    ],
)
def test_a_missing_file_that_the_address_names_is_reported(env: dict[str, str]) -> None:
    result = ask_database(env)["reachable"]
    assert "/nowhere/ca.pem" in result.found
    assert next(iter(env)) in result.advice


def test_a_read_only_database_fails_on_its_line_alone(base: Any) -> None:
    with base.read_only():
        assert failed(ask_database(base.env)) == {"write, read, delete"}


def test_a_database_that_is_not_there_fails_on_one_line_alone(postgresql: PostgresServer) -> None:
    with postgresql.missing():
        results = ask_database(postgresql.env)
    assert failed(results) == {"reachable"}
    assert "DATABASE_URL" in results["reachable"].advice


def test_a_migration_that_waits_fails_on_its_line_alone(postgresql: PostgresServer) -> None:
    where = "app = 'tutor' AND name LIKE '0001%' OR app = 'audio' AND name LIKE '0001%'"
    postgresql.execute(f"CREATE TABLE kept AS SELECT * FROM django_migrations WHERE {where}")
    postgresql.execute(f"DELETE FROM django_migrations WHERE {where}")
    try:
        results = ask_database(postgresql.env)
    finally:
        postgresql.execute("INSERT INTO django_migrations SELECT * FROM kept")
        postgresql.execute("DROP TABLE kept")
    assert failed(results) == {"migrations"}
    assert "audio.0001_initial" in results["migrations"].found
    assert "manage.py migrate" in results["migrations"].advice


def test_a_migration_that_waits_in_mongodb_fails_on_its_line_alone(mongodb: MongoServer) -> None:
    table = mongodb.database()["django_migrations"]
    gone = table.find_one_and_delete({"app": "audio", "name": "0001_initial"})
    assert gone
    try:
        assert failed(ask_database(mongodb.env)) == {"migrations"}
    finally:
        table.insert_one(gone)


def test_a_database_ahead_of_the_code_is_warned_of(postgresql: PostgresServer) -> None:
    postgresql.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('audio', '9999_later', now())")
    try:
        assert ask_database(postgresql.env)["migrations"].state == CheckState.WARNING
    finally:
        postgresql.execute("DELETE FROM django_migrations WHERE name = '9999_later'")


def test_an_empty_database_fails_on_the_migrations_alone(own_postgres: PostgresServer) -> None:
    results = ask_database(own_postgres.env)
    assert failed(results) == {"migrations"}
    assert results["write, read, delete"].advice == "Put “migrations” right first."


def test_a_server_with_room_for_few_connections_is_warned_of(own_postgres: PostgresServer) -> None:
    own_postgres.execute("ALTER SYSTEM SET max_connections = 15", database="postgres")
    own_postgres.kill()
    own_postgres.start()
    assert ask_database(own_postgres.env)["connections"].state == CheckState.WARNING


def test_advice_for_mongodb_does_not_mention_pgbouncer(mongodb: MongoServer) -> None:
    assert "pgbouncer" not in ask_database(mongodb.env)["connections"].advice


def test_a_database_that_hangs_takes_five_seconds_at_most(base: Any) -> None:
    base.freeze()
    began = time.monotonic()
    try:
        results = ask_database(base.env, ask=asked_in_time)
    finally:
        base.thaw()
    # The server is frozen until the answer arrives.
    assert time.monotonic() - began < 30
    assert failed(results) == {"reachable"}
    assert "does not answer" in results["reachable"].found


def test_a_refused_connection_is_reported(base: Any) -> None:
    env = {name: value.replace(f":{base.port}/", ":9/") for name, value in base.env.items()}
    results = ask_database(env)
    assert failed(results) == {"reachable"}
    assert "refuses the connection" in results["reachable"].found


def test_an_unknown_host_is_reported(postgresql: PostgresServer) -> None:
    env = {name: value.replace("@127.0.0.1", "@nowhere.invalid") for name, value in postgresql.env.items()}
    assert "nowhere.invalid" in ask_database(env)["reachable"].found


def test_nothing_is_written_to_a_database_that_has_accounts_alone(postgresql: PostgresServer) -> None:
    assert "write, read, delete" not in ask_database(postgresql.env, database.ACCOUNTS)


def test_without_a_server_there_is_one_line() -> None:
    assert states(asked(database.probes()), CheckState.NOT_CONFIGURED) == {"reachable"}


# This machine


def test_a_writable_data_directory_passes(tmp_path: Path) -> None:
    assert str(tmp_path) in local.writable(tmp_path)


def test_a_data_directory_that_is_not_there_fails(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="cannot be written"):
        local.writable(tmp_path / "nowhere")


def test_a_database_is_not_made_by_looking_whether_it_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="cannot be written"):
        local.writable_database(tmp_path / "nowhere.sqlite3")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("A disk can be mounted by root only.")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_fails(small_disk: Path) -> None:
    (small_disk / "filling").write_bytes(b"\0" * shutil.disk_usage(small_disk).free)
    with pytest.raises(CheckFailed, match="No space left"):
        local.writable(small_disk)
    with pytest.raises(CheckFailed):
        local.disk_space(small_disk)


def test_little_free_space_is_warned_of(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert "free" in local.disk_space(tmp_path, few=0, too_few=0)
    with pytest.raises(Warned, match="free"):
        local.disk_space(tmp_path, few=free * 2, too_few=0)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Return a SQLite database with many pages."""
    path = tmp_path / "book.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE page (text)")
        database.executemany("INSERT INTO page VALUES (?)", [("word " * 20,) for _ in range(10_000)])
    database.close()
    return path


def test_an_undamaged_database_passes(book: Path) -> None:
    assert "whole" in local.integrity(book)


def test_a_damaged_database_fails(book: Path) -> None:
    data = bytearray(book.read_bytes())
    data[8192:40960] = b"\xff" * (40960 - 8192)
    book.write_bytes(data)
    with pytest.raises(CheckFailed, match="damaged") as found:
        local.integrity(book)
    assert "backup" in found.value.do


def test_a_file_that_is_no_database_fails(book: Path) -> None:
    book.write_bytes(b"nonsense" * 1000)
    with pytest.raises(CheckFailed, match="damaged"):
        local.integrity(book)


def test_a_database_too_large_to_read_through_is_warned_of(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "QUICK_ENOUGH", -1.0)
    with pytest.raises(Warned, match="too much"):
        local.integrity(book)


@pytest.mark.django_db(transaction=True, databases=["default", "local", "cloud"])
def test_what_waits_for_the_cloud_is_counted(database: Half) -> None:
    database.goes_down()
    store.save(uuid.uuid4(), "conv-1", columns={"title": "Waits"}, messages=[])
    with pytest.raises(Warned, match="wait: 1;"):
        local.waiting()


@pytest.mark.django_db(transaction=True, databases=["default", "local", "cloud"])
def test_nothing_waits_when_nothing_waits(database: Half) -> None:
    assert local.waiting() == "Nothing waits for the cloud."


def test_a_half_that_is_off_is_not_configured() -> None:
    with pytest.raises(NotConfigured):
        local.breaker(cloud.database)


def test_a_half_that_is_down_fails_and_says_why(database: Half) -> None:
    assert "Up" in local.breaker(cloud.database)
    database.goes_down(OperationalError("connection refused"))
    with pytest.raises(CheckFailed, match="connection refused"):
        local.breaker(cloud.database)


# All checks together


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
def test_the_report_has_the_contracts_fields() -> None:
    report = checks.report(checks.verify())
    assert report["missing"] == list(variables.REQUIRED)
    assert report["isValid"] is True
    assert {"group", "name", "state", "found", "advice", "seconds"} == set(report["checks"][0])
    assert json.loads(json.dumps(report)) == report


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
def test_the_lines_come_in_the_same_order_each_time() -> None:
    assert [each.name for each in checks.in_order(checks.verify())] == [probe.name for probe in checks.probes()]


@pytest.mark.django_db(transaction=True, databases=["default", "local"])
def test_no_thread_is_left() -> None:
    before = {thread.ident for thread in threading.enumerate()}
    list(checks.verify())
    assert not [thread for thread in threading.enumerate() if thread.ident not in before and thread.is_alive()]


def test_the_table_has_a_symbol_a_word_and_a_summary() -> None:
    results = [
        Result("bucket", "private", CheckState.OK, "Refused.", "", 0.1),
        Result("bucket", "CORS", CheckState.FAILED, "No rule.", "Add one.", 0.1),
    ]
    table = action.table(results, coloured=False)
    assert "✓ ok              private  Refused." in table
    assert "✗ failed          CORS     No rule." in table
    assert "→ Add one." in table
    assert "2 checks: 1 ok, 1 failed." in table
    assert "\x1b" not in table


@pytest.mark.parametrize("servers", [("postgresql", "s3"), ("mongodb", "s3")])
def test_the_command_finds_nothing_wrong_with_a_cloud_that_is_right(
    servers: tuple[str, str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    envs = [request.getfixturevalue(name).env for name in servers]
    agent = AgentServer(tmp_path / "agent", *envs, SECRET_KEY="k" * 50)
    agent.manage("migrate", "-v0")
    report = json.loads(agent.manage("storage", "verify", "--json"))
    assert report["isValid"]
    assert report["missing"] == []


def test_the_command_fails_if_a_check_failed_and_shows_no_secret(
    postgresql: PostgresServer, s3: S3Server, tmp_path: Path
) -> None:
    wrong = with_password(postgresql.env, SECRET) | s3.env | {"AWS_SECRET_ACCESS_KEY": SECRET}
    agent = AgentServer(tmp_path / "agent", wrong)
    with pytest.raises(subprocess.CalledProcessError) as error:
        agent.manage("storage", "verify")
    assert error.value.returncode == 1
    assert "✗ failed          credentials" in error.value.stdout
    assert "✗ failed          reachable" in error.value.stdout
    assert SECRET not in error.value.stdout + error.value.stderr


def test_the_command_ends_in_time_even_if_everything_hangs(
    postgresql: PostgresServer, own_s3: S3Server, tmp_path: Path
) -> None:
    agent = AgentServer(tmp_path / "agent", postgresql.env, own_s3.env)
    (tmp_path / "agent").mkdir()
    postgresql.freeze()
    own_s3.freeze()
    try:
        with pytest.raises(subprocess.CalledProcessError) as error:
            agent.manage("storage", "verify", "--json")
    finally:
        postgresql.thaw()
        own_s3.thaw()
    checks = json.loads(error.value.stdout)["checks"]
    assert max(check["seconds"] for check in checks) < 5


def test_both_databases_are_checked_if_both_are_configured(
    postgresql: PostgresServer, mongodb: MongoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {
        "default": database_urls.postgresql(postgresql.env["DATABASE_URL"]),
        "mongodb": database_urls.mongodb(mongodb.env["MONGODB_URI"]),
    }
    monkeypatch.setattr(database, "connections", ConnectionHandler(entries))
    with override_settings(CLOUD_DATABASE="mongodb"):
        assert {probe.group for probe in database.probes()} == {database.GROUP, database.ACCOUNTS}
    with override_settings(CLOUD_DATABASE="default"):
        assert {probe.group for probe in database.probes()} == {database.GROUP, database.OTHER}
    assert connections is not database.connections
