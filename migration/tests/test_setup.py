"""Buckets are set up on a real S3 server, and on moto for features that the server lacks."""

import contextlib
import io
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from moto.server import ThreadedMotoServer

from audio.s3 import S3AudioStorage
from migration import setup
from migration.setup import SettingFinding, SettingState, SetupOptions
from migration.setup.alarms import RequestMetrics
from migration.setup.bucket_setting import TargetBucket
from tests.fixtures import served
from tests.servers import S3Server, free_port
from tests.servers.s3 import ADMIN_KEY, ADMIN_SECRET, BUCKET, KEY, REGION, SECRET
from tests.servers.s3_front import fronted, without_checksums

ORIGIN = "https://talk.example.org"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:recordings"
FOREIGN_CORS = {"ID": "theirs", "AllowedMethods": ["PUT"], "AllowedOrigins": ["https://other.example.org"]}
FOREIGN_LIFECYCLE = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 5}}


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.APP_URL = ORIGIN


def configured(settings: Any, **options: Any) -> S3AudioStorage:
    options = {"access_key": ADMIN_KEY, "secret_key": ADMIN_SECRET, "region_name": REGION} | options
    bucket = {"BACKEND": "audio.s3.S3AudioStorage", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"audio_cloud": bucket}
    storage = storages["audio_cloud"]
    assert isinstance(storage, S3AudioStorage)
    return storage


@pytest.fixture
def storage(settings: Any, s3: S3Server) -> Iterator[S3AudioStorage]:
    """Return the storage of a bucket that does not exist yet, with an administrator's key."""
    name = f"new-{uuid.uuid4().hex[:12]}"
    yield configured(settings, bucket_name=name, endpoint_url=s3.endpoint)
    if any(each["Name"] == name for each in s3.client().list_buckets()["Buckets"]):
        s3.client().delete_bucket(Bucket=name)


@pytest.fixture
def made(storage: S3AudioStorage) -> Any:
    """Create the bucket. Return its client."""
    storage.client.create_bucket(Bucket=storage.bucket_name)
    return storage.client


def carry_out(storage: S3AudioStorage, asked: SetupOptions = setup.DEFAULTS) -> list[SettingFinding]:
    return list(setup.carry_out(storage, asked))


def by_aspect(findings: list[SettingFinding]) -> dict[str, SettingFinding]:
    return {each.aspect: each for each in findings}


def states(findings: list[SettingFinding]) -> set[SettingState]:
    return {each.state for each in findings}


def to_do(findings: list[SettingFinding]) -> set[str]:
    return {each.aspect for each in findings if each.state is SettingState.TO_DO}


def storage_command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("storage", *arguments, stdout=out)
    return out.getvalue()


# A real server


def test_looking_creates_no_bucket(storage: S3AudioStorage) -> None:
    findings = setup.look(storage)
    assert states(findings) == {SettingState.TO_DO}
    assert setup.look(storage) == findings


def test_a_bucket_is_created_and_set_up_once(storage: S3AudioStorage) -> None:
    assert SettingState.FAILED not in states(carry_out(storage))
    assert states(setup.look(storage)) == {SettingState.RIGHT, SettingState.UNSUPPORTED}


def test_an_unsupported_feature_is_no_failure(storage: S3AudioStorage) -> None:
    asked = SetupOptions(queue=QUEUE, alarms="arn:aws:sns:us-east-1:123456789012:operators")
    unsupported = {each.aspect for each in carry_out(storage, asked) if each.state is SettingState.UNSUPPORTED}
    assert {"public access block", "notifications", "alarm: failed requests"} <= unsupported


def test_recordings_are_read_by_the_sites_pages_only(storage: S3AudioStorage) -> None:
    carry_out(storage)
    storage.save("audio/1-user.webm", ContentFile(b"a voice"))

    def allowed(origin: str) -> str | None:
        request = urllib.request.Request(storage.url("audio/1-user.webm"), headers={"Origin": origin})
        with urllib.request.urlopen(request, timeout=60) as answer:
            header: str | None = answer.headers["Access-Control-Allow-Origin"]
            return header

    assert (allowed(ORIGIN), allowed("https://evil.example.org")) == (ORIGIN, None)


def test_a_public_policy_is_taken_back_and_the_rest_of_it_kept(storage: S3AudioStorage, made: Any) -> None:
    everybody = {"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    denied = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket"}
    resource = {"Resource": f"arn:aws:s3:::{storage.bucket_name}/*"}
    policy = {"Version": "2012-10-17", "Statement": [everybody | resource, denied | resource]}
    made.put_bucket_policy(Bucket=storage.bucket_name, Policy=json.dumps(policy))
    storage.save("audio/1-user.webm", ContentFile(b"a voice"))
    unsigned = storage.url("audio/1-user.webm").partition("?")[0]
    urllib.request.urlopen(unsigned, timeout=60).close()
    assert by_aspect(setup.look(storage))["bucket policy"].now == "public by statement Open"

    carry_out(storage)

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(unsigned, timeout=60)
    assert refused.value.code == 403
    left = json.loads(made.get_bucket_policy(Bucket=storage.bucket_name)["Policy"])
    assert [each["Sid"] for each in left["Statement"]] == ["Theirs"]


def test_a_public_access_list_becomes_private(storage: S3AudioStorage, made: Any) -> None:
    made.put_bucket_acl(Bucket=storage.bucket_name, ACL="public-read")
    assert "access list" in to_do(setup.look(storage))
    assert by_aspect(carry_out(storage))["access list"].state is SettingState.DONE
    grants = made.get_bucket_acl(Bucket=storage.bucket_name)["Grants"]
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]


def test_rules_of_others_are_kept(storage: S3AudioStorage, made: Any) -> None:
    bucket = storage.bucket_name
    made.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [FOREIGN_CORS]})
    made.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [FOREIGN_LIFECYCLE]})
    carry_out(storage)
    cors = made.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert [rule["ID"] for rule in cors] == ["theirs", f"talking-agent {ORIGIN}"]
    lifecycle = made.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    ours = {"talking-agent-old-versions", "talking-agent-unfinished-uploads"}
    assert {rule["ID"] for rule in lifecycle} == {"theirs", *ours}


@pytest.mark.parametrize("origin", ["*", "https://*.example.org", ORIGIN])
def test_another_cors_rule_for_the_site_is_enough(storage: S3AudioStorage, made: Any, origin: str) -> None:
    rule = {"AllowedMethods": ["GET", "HEAD", "PUT"], "AllowedOrigins": [origin]}
    made.put_bucket_cors(Bucket=storage.bucket_name, CORSConfiguration={"CORSRules": [rule]})
    assert "CORS" not in to_do(setup.look(storage))


def test_another_site_on_the_same_bucket_keeps_its_rule(storage: S3AudioStorage, settings: Any) -> None:
    carry_out(storage)
    settings.APP_URL = "https://staging.example.org"
    carry_out(storage)
    settings.APP_URL = ORIGIN
    assert not to_do(setup.look(storage))


def test_old_recordings_are_deleted_only_when_asked(storage: S3AudioStorage) -> None:
    assert "old recordings" not in by_aspect(carry_out(storage))
    assert by_aspect(carry_out(storage, SetupOptions(retention_days=365)))["old recordings"].state is SettingState.DONE
    rules = storage.client.get_bucket_lifecycle_configuration(Bucket=storage.bucket_name)["Rules"]
    (rule,) = [each for each in rules if each["ID"] == "talking-agent-old-recordings"]
    assert (rule["Filter"]["Prefix"], rule["Expiration"]["Days"]) == ("audio/", 365)


def test_earlier_retention_days_are_kept(storage: S3AudioStorage) -> None:
    carry_out(storage, SetupOptions(retention_days=365, old_versions_days=90))
    findings = setup.look(storage)
    assert not to_do(findings)
    assert by_aspect(findings)["old versions"].now == "deleted after 90 days"
    assert (
        by_aspect(setup.look(storage, SetupOptions(retention_days=365)))["old recordings"].state is SettingState.RIGHT
    )


def test_zero_days_keep_everything(storage: S3AudioStorage) -> None:
    carry_out(storage, SetupOptions(retention_days=365))
    carry_out(storage, SetupOptions(retention_days=0))
    assert by_aspect(setup.look(storage, SetupOptions(retention_days=0)))["old recordings"].now == "kept for ever"


class WithoutKeys(S3Server):
    """Run a server that accepts encryption of everything, and then refuses every object."""

    def popen_options(self) -> dict[str, Any]:
        return {"env": {"HOME": str(self.folder)}, "cwd": self.folder}


def test_encryption_that_lets_nothing_be_written_is_switched_off_again(settings: Any, tmp_path: Path) -> None:
    with served(WithoutKeys(tmp_path / "s3")) as server:
        storage = configured(settings, bucket_name=BUCKET, endpoint_url=server.endpoint)
        found = by_aspect(carry_out(storage))["encryption"]
        assert (found.state, found.trouble) == (
            SettingState.UNSUPPORTED,
            "Nothing could be written with it, so it was switched off again.",
        )
        storage.probe()


def test_a_wrong_secret_is_reported_once(settings: Any, s3: S3Server) -> None:
    wrong = configured(settings, bucket_name="any", endpoint_url=s3.endpoint, secret_key="not-the-secret")
    (found,) = setup.look(wrong)
    assert found.state is SettingState.FAILED
    assert "AWS_SECRET_ACCESS_KEY" in found.trouble
    assert "not-the-secret" not in found.trouble


def test_a_denied_request_names_the_right(settings: Any, s3: S3Server) -> None:
    storage = configured(settings, bucket_name=BUCKET, endpoint_url=s3.endpoint, access_key=KEY, secret_key=SECRET)
    assert "--print-iam setup" in by_aspect(setup.look(storage))["encryption"].trouble


def test_an_unreachable_server_is_named(settings: Any) -> None:
    storage = configured(settings, bucket_name="any", endpoint_url=f"http://127.0.0.1:{free_port()}")
    (found,) = setup.look(storage)
    assert found.trouble.startswith("127.0.0.1 refused the connection")


# A bucket that others use, too


THEIRS = "logs/2026-01-31.txt"
POLICY_OF_OTHERS = {"Sid": "Site", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


@pytest.fixture(params=["", "apps/talk"], ids=["no prefix", "prefix"])
def shared(request: pytest.FixtureRequest, settings: Any, s3: S3Server) -> Iterator[S3AudioStorage]:
    """Create a bucket with an object, a lifecycle rule, a CORS rule and a website of other applications."""
    name = f"shared-{uuid.uuid4().hex[:12]}"
    storage = configured(settings, bucket_name=name, endpoint_url=s3.endpoint, key_prefix=request.param)
    client = s3.client()
    client.create_bucket(Bucket=name)
    client.put_object(Bucket=name, Key=THEIRS, Body=b"theirs")
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [FOREIGN_LIFECYCLE]})
    client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [FOREIGN_CORS]})
    website = POLICY_OF_OTHERS | {"Resource": f"arn:aws:s3:::{name}/site/*"}
    client.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [website]}))
    yield storage
    client.delete_object(Bucket=name, Key=THEIRS)
    client.delete_bucket(Bucket=name)


def of_the_whole_bucket(s3: S3Server, name: str) -> dict[str, Any]:
    client = s3.client()
    with contextlib.suppress(ClientError):
        client.get_bucket_encryption(Bucket=name)
        raise AssertionError("It was encrypted for all.")
    policy = json.loads(client.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    return {
        "versions": client.get_bucket_versioning(Bucket=name).get("Status"),
        "policy": [each["Sid"] for each in policy],
    }


def test_nothing_of_others_is_touched(shared: S3AudioStorage, s3: S3Server) -> None:
    name = shared.bucket_name
    before = of_the_whole_bucket(s3, name)
    said = storage_command("setup", "--yes", "--retention-days", "30")
    assert of_the_whole_bucket(s3, name) == before == {"versions": None, "policy": ["Site"]}
    assert f"it holds the object {THEIRS}" in said
    assert "versioning (of the whole bucket): off → on" in said
    assert "--whole-bucket changes them" in said
    lifecycle = s3.client().get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    kept = [rule for rule in lifecycle if rule["ID"] == "theirs"]
    ours = [rule for rule in lifecycle if rule["ID"] != "theirs"]
    assert (len(kept), kept[0]["Filter"], kept[0]["Expiration"]) == (1, {"Prefix": "logs/"}, {"Days": 5})
    assert {rule["Filter"]["Prefix"] for rule in ours} == {f"{shared.key_prefix}audio/"}
    assert len(ours) == 3
    cors = s3.client().get_bucket_cors(Bucket=name)["CORSRules"]
    assert [rule["ID"] for rule in cors] == ["theirs", f"talking-agent {ORIGIN}"]
    assert "Nothing to do." in storage_command("setup", "--yes", "--retention-days", "30")


def test_the_whole_bucket_is_changed_by_a_flag(shared: S3AudioStorage, s3: S3Server) -> None:
    storage_command("setup", "--yes", "--whole-bucket")
    assert s3.client().get_bucket_versioning(Bucket=shared.bucket_name)["Status"] == "Enabled"


@pytest.mark.parametrize(("answers", "status"), [("y\ny\n", "Enabled"), ("n\ny\n", None), ("y\nn\n", None)])
def test_the_whole_bucket_is_asked_for_separately(
    shared: S3AudioStorage, s3: S3Server, monkeypatch: pytest.MonkeyPatch, answers: str, status: str | None
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    with contextlib.suppress(SystemExit):
        storage_command("setup")
    assert s3.client().get_bucket_versioning(Bucket=shared.bucket_name).get("Status") == status


def test_a_rule_for_the_whole_bucket_by_an_earlier_version_is_kept_to_our_prefix(
    storage: S3AudioStorage, made: Any
) -> None:
    rule = {"ID": "talking-agent-old-versions", "Status": "Enabled", "Filter": {"Prefix": ""}}
    rule |= {"NoncurrentVersionExpiration": {"NoncurrentDays": 90}}
    made.put_bucket_lifecycle_configuration(Bucket=storage.bucket_name, LifecycleConfiguration={"Rules": [rule]})
    assert by_aspect(setup.look(storage))["old versions"].now == "deleted after 90 days, in the whole bucket"
    carry_out(storage)
    rules = made.get_bucket_lifecycle_configuration(Bucket=storage.bucket_name)["Rules"]
    (rule,) = [each for each in rules if each["ID"] == "talking-agent-old-versions"]
    assert (rule["Filter"]["Prefix"], rule["NoncurrentVersionExpiration"]["NoncurrentDays"]) == ("audio/", 90)


def test_two_installations_with_prefixes_keep_their_rules(storage: S3AudioStorage, settings: Any) -> None:
    options = settings.STORAGES["audio_cloud"]["OPTIONS"]
    for prefix in ("one", "two"):
        carry_out(configured(settings, **options | {"key_prefix": prefix}))
    rules = storage.client.get_bucket_lifecycle_configuration(Bucket=storage.bucket_name)["Rules"]
    assert {rule["Filter"]["Prefix"] for rule in rules} == {"one/audio/", "two/audio/"}


def test_a_server_without_checksum_headers_is_set_up_as_well(
    storage: S3AudioStorage, s3: S3Server, settings: Any
) -> None:
    with fronted(s3.port, without_checksums) as front:
        options = settings.STORAGES["audio_cloud"]["OPTIONS"] | {"endpoint_url": front.url}
        assert SettingState.FAILED not in states(carry_out(configured(settings, **options)))
        assert sum(front.refused.values()) <= 1


# The command


def test_without_a_terminal_it_only_shows(storage: S3AudioStorage, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        storage_command("setup")
    assert ended.value.code == 2
    assert states(setup.look(storage)) == {SettingState.TO_DO}


def test_changes_are_shown_even_if_a_setting_cannot_be_read(settings: Any, s3: S3Server) -> None:
    """The application's own key may read few settings."""
    configured(settings, bucket_name=BUCKET, endpoint_url=s3.endpoint, access_key=KEY, secret_key=SECRET)
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("storage", "setup", stdout=out)
    assert ended.value.code == 1
    assert "could not be read or changed" in out.getvalue()
    assert "--yes makes the changes marked with →" in out.getvalue()


def test_confirmed_changes_are_made_once(storage: S3AudioStorage) -> None:
    assert "The bucket is set up." in storage_command("setup", "--yes")
    assert "Nothing to do." in storage_command("setup", "--yes")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "left"), [("y\n", set()), ("n\n", {"versioning"}), ("\n", {"versioning"})])
def test_at_a_terminal_it_asks(
    storage: S3AudioStorage, monkeypatch: pytest.MonkeyPatch, answer: str, left: set[str]
) -> None:
    carry_out(storage)
    storage.client.put_bucket_versioning(Bucket=storage.bucket_name, VersioningConfiguration={"Status": "Suspended"})
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with contextlib.suppress(SystemExit):
        storage_command("setup")
    assert to_do(setup.look(storage)) == left


def test_the_findings_can_be_read_by_programs(storage: S3AudioStorage) -> None:
    findings = json.loads(storage_command("setup", "--yes", "--json"))
    assert {"aspect": "versioning", "state": "done", "now": "off", "wanted": "on", "trouble": ""} in findings


def test_a_failure_is_an_exit_code(settings: Any) -> None:
    configured(settings, bucket_name="any", endpoint_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SystemExit) as ended:
        storage_command("setup")
    assert ended.value.code == 1


def test_without_a_bucket_it_says_which_setting_to_fill_in(settings: Any) -> None:
    settings.STORAGES = {name: each for name, each in settings.STORAGES.items() if name != "audio_cloud"}
    with pytest.raises(CommandError, match="S3_BUCKET_NAME"):
        storage_command("setup")


def test_the_applications_policy_is_minimal(storage: S3AudioStorage) -> None:
    statements = json.loads(storage_command("setup", "--print-iam"))["Statement"]
    arn = f"arn:aws:s3:::{storage.bucket_name}"
    assert [(each["Action"], each["Resource"]) for each in statements] == [
        (
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
            [f"{arn}/audio/*", f"{arn}/probe/*"],
        ),
        (["s3:ListBucket", "s3:ListBucketVersions"], [arn]),
    ]


def test_the_rights_on_a_kms_key_can_be_printed(storage: S3AudioStorage) -> None:
    least, more = (json.loads(storage_command("setup", "--print-iam", each)) for each in ("application", "kms"))
    assert more["Statement"][:-1] == least["Statement"]
    assert more["Statement"][-1]["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]
    assert more["Statement"][-1]["Condition"] == {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}


def test_a_policy_is_kept_to_our_prefix(settings: Any, s3: S3Server) -> None:
    configured(settings, bucket_name=BUCKET, endpoint_url=s3.endpoint, key_prefix="/apps/talk/")
    objects, _ = json.loads(storage_command("setup", "--print-iam"))["Statement"]
    assert objects["Resource"] == [f"arn:aws:s3:::{BUCKET}/apps/talk/audio/*"]


def test_the_policy_for_verify_has_one_more_statement(storage: S3AudioStorage) -> None:
    least, more = (json.loads(storage_command("setup", "--print-iam", each)) for each in ("application", "verify"))
    assert more["Statement"][:-1] == least["Statement"]
    assert "s3:GetBucketVersioning" in more["Statement"][-1]["Action"]


def test_the_policy_for_setup_can_be_printed(storage: S3AudioStorage) -> None:
    policy = storage_command("setup", "--print-iam", "setup")
    assert {"s3:CreateBucket", "s3:PutBucketCORS"} <= set(json.loads(policy)["Statement"][0]["Action"])


@pytest.mark.parametrize("arn", ["nonsense", "arn:aws:sns:eu-west-1:123456789012:a-topic"])
def test_a_queue_is_named_by_its_arn(storage: S3AudioStorage, arn: str) -> None:
    with pytest.raises(CommandError, match="write an ARN"):
        storage_command("setup", "--queue", arn)


# Features of moto


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Yield the address of moto."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def at_aws(settings: Any, aws: str, monkeypatch: pytest.MonkeyPatch) -> S3AudioStorage:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", aws)
    name = f"new-{uuid.uuid4().hex[:12]}"
    return configured(settings, bucket_name=name, endpoint_url=aws, region_name="eu-west-1")


def client(aws: str, service: str) -> Any:
    keys = {"aws_access_key_id": ADMIN_KEY, "aws_secret_access_key": ADMIN_SECRET}
    return boto3.client(service, endpoint_url=aws, region_name="eu-west-1", **keys)


@pytest.fixture
def queue(aws: str) -> str:
    client(aws, "sqs").create_queue(QueueName="recordings")
    return QUEUE


@pytest.fixture
def topic(aws: str) -> str:
    arn: str = client(aws, "sns").create_topic(Name="operators")["TopicArn"]
    return arn


def test_the_bucket_is_made_in_its_region(at_aws: S3AudioStorage) -> None:
    carry_out(at_aws)
    assert at_aws.client.get_bucket_location(Bucket=at_aws.bucket_name)["LocationConstraint"] == "eu-west-1"


def test_public_access_is_blocked_in_every_way(at_aws: S3AudioStorage) -> None:
    carry_out(at_aws)
    blocked = at_aws.client.get_public_access_block(Bucket=at_aws.bucket_name)["PublicAccessBlockConfiguration"]
    assert list(blocked.values()) == [True] * 4
    assert states(setup.look(at_aws)) == {SettingState.RIGHT}


def test_a_part_of_the_public_access_block_is_not_enough(at_aws: S3AudioStorage) -> None:
    carry_out(at_aws)
    at_aws.client.put_public_access_block(
        Bucket=at_aws.bucket_name, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    assert to_do(setup.look(at_aws)) == {"public access block"}


def test_a_queue_is_notified_and_other_notifications_are_kept(at_aws: S3AudioStorage, queue: str, topic: str) -> None:
    at_aws.client.create_bucket(
        Bucket=at_aws.bucket_name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    theirs = {"TopicConfigurations": [{"Id": "theirs", "TopicArn": topic, "Events": ["s3:ObjectRemoved:*"]}]}
    at_aws.client.put_bucket_notification_configuration(Bucket=at_aws.bucket_name, NotificationConfiguration=theirs)
    carry_out(at_aws, SetupOptions(queue=queue))
    told = at_aws.client.get_bucket_notification_configuration(Bucket=at_aws.bucket_name)
    assert [each["Id"] for each in told["TopicConfigurations"]] == ["theirs"]
    assert [each["QueueArn"] for each in told["QueueConfigurations"]] == [queue]
    assert not to_do(setup.look(at_aws, SetupOptions(queue=queue)))


def test_a_topic_can_replace_the_queue(at_aws: S3AudioStorage, queue: str, topic: str) -> None:
    carry_out(at_aws, SetupOptions(queue=queue))
    carry_out(at_aws, SetupOptions(topic=topic))
    told = at_aws.client.get_bucket_notification_configuration(Bucket=at_aws.bucket_name)
    assert "QueueConfigurations" not in told
    assert [each["TopicArn"] for each in told["TopicConfigurations"]] == [topic]


def test_no_notification_is_set_unless_asked_for(at_aws: S3AudioStorage, queue: str) -> None:
    carry_out(at_aws, SetupOptions(queue=queue))
    assert not to_do(setup.look(at_aws))


def metric_of(alarm: dict[str, Any]) -> str:
    name: str = alarm.get("MetricName") or alarm["Metrics"][0]["MetricStat"]["Metric"]["MetricName"]
    return name


def test_alarms_watch_errors_and_growth(at_aws: S3AudioStorage, aws: str, topic: str) -> None:
    carry_out(at_aws, SetupOptions(alarms=topic))
    alarms = client(aws, "cloudwatch").describe_alarms(AlarmNamePrefix=f"talking-agent {at_aws.bucket_name}")
    watched = {metric_of(alarm): alarm for alarm in alarms["MetricAlarms"]}
    assert set(watched) == {"4xxErrors", "5xxErrors", "BucketSizeBytes", "NumberOfObjects"}
    assert all(each["AlarmActions"] == [topic] for each in watched.values())
    assert not to_do(setup.look(at_aws, SetupOptions(alarms=topic))) - {"request metrics"}


def test_an_alarm_for_another_topic_is_changed(at_aws: S3AudioStorage, topic: str) -> None:
    carry_out(at_aws, SetupOptions(alarms=f"{topic}-of-others"))
    assert "alarm: failed requests" in to_do(setup.look(at_aws, SetupOptions(alarms=topic)))


def test_request_metrics_are_switched_on(at_aws: S3AudioStorage) -> None:
    """Moto lacks them, too."""
    aspect = RequestMetrics(TargetBucket(at_aws))
    bucket = {"Bucket": at_aws.bucket_name}
    with Stubber(at_aws.client) as server:
        server.add_response("list_bucket_metrics_configurations", {}, bucket)
        put = bucket | {"Id": "EntireBucket", "MetricsConfiguration": ANY}
        server.add_response("put_bucket_metrics_configuration", {}, put)
        on = {"MetricsConfigurationList": [{"Id": "EntireBucket"}]}
        server.add_response("list_bucket_metrics_configurations", on, bucket)
        assert aspect.is_now() == "off"
        aspect.apply()
        assert aspect.is_now() == aspect.wanted()
        server.assert_no_pending_responses()
