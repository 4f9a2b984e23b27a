"""The API, the exit code and the printed lines agree for every configuration."""

import io
import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core.management import call_command

from audio import s3_credentials
from migration.checks import variables
from migration.tests.test_api import ADDRESS, signed_in
from tests.servers import S3Server
from tests.servers.s3 import BUCKET

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

KEYS = ("both", "id alone", "secret alone", "none", "role")
DATABASES = {"none": (), "one": ("DATABASE_URL",), "two": variables.DATABASES}


@dataclass(frozen=True)
class Configuration:
    on: bool = True
    bucket: bool = True
    keys: str = "both"
    region: bool = True
    database: str = "one"

    def __str__(self) -> str:
        named = {"cloud": self.on, "bucket": self.bucket, "region": self.region}
        return ", ".join([*(name for name, there in named.items() if there), f"keys: {self.keys}", self.database])

    @property
    def given(self) -> set[str]:
        keys = {"both": variables.KEYS, "id alone": variables.KEYS[:1], "secret alone": variables.KEYS[1:]}
        flags = {"USE_CLOUD_STORAGE": self.on, "S3_BUCKET_NAME": self.bucket, "AWS_REGION": self.region}
        named = {name for name, there in flags.items() if there}
        return named | set(keys.get(self.keys, ())) | set(DATABASES[self.database])

    @property
    def well(self) -> bool:
        """The bucket is checked with the cloud off, too, because recordings may be copied back from it."""
        usable = self.keys in ("both", "role")
        if not self.on:
            return usable or not self.bucket
        return self.bucket and usable and self.database == "one"


CONFIGURATIONS = {
    *itertools.starmap(Configuration, itertools.product([True], [True], KEYS, [True, False])),
    *(Configuration(database=database) for database in DATABASES),
    *(Configuration(bucket=False, keys=keys) for keys in ("both", "none")),
    *(Configuration(on=False, bucket=bucket, keys="none", region=False, database="none") for bucket in (True, False)),
    Configuration(on=False),
}


class MetadataHandler(BaseHTTPRequestHandler):
    credentials: dict[str, str]

    def do_GET(self) -> None:
        data = json.dumps(self.credentials).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Log nothing, to keep the output of the tests clean."""


@pytest.fixture
def container_role(s3: S3Server) -> Iterator[str]:
    """Return the address that gives this machine's role the credentials of the bucket, as ECS does."""
    given = {
        "AccessKeyId": s3.env["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": s3.env["AWS_SECRET_ACCESS_KEY"],
        "Token": "",
        "Expiration": "2999-01-01T00:00:00Z",
    }
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (MetadataHandler,), {"credentials": given}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/credentials"
    server.shutdown()
    server.server_close()


@pytest.fixture
def configured(
    request: pytest.FixtureRequest, settings: Any, s3: S3Server, container_role: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Configuration]:
    chosen: Configuration = request.param
    given = chosen.given
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    if chosen.keys == "role":
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", container_role)
    settings.GIVEN, settings.USE_CLOUD_STORAGE, settings.DATABASE_TYPE = given, chosen.on, ""
    settings.S3_BUCKET_NAME = BUCKET if chosen.bucket else ""
    settings.CLOUD_AUDIO = chosen.on and chosen.bucket
    if chosen.bucket:
        options = {
            "bucket_name": BUCKET,
            "access_key": s3.env["AWS_ACCESS_KEY_ID"] if "AWS_ACCESS_KEY_ID" in given else None,
            "secret_key": s3.env["AWS_SECRET_ACCESS_KEY"] if "AWS_SECRET_ACCESS_KEY" in given else None,
            "region_name": "us-east-1",
            "endpoint_url": s3.endpoint,
        }
        bucket = {"BACKEND": "audio.s3.S3AudioStorage", "OPTIONS": options}
        settings.STORAGES = settings.STORAGES | {"audio_cloud": bucket}
    s3_credentials.session.cache_clear()
    yield chosen
    s3_credentials.session.cache_clear()


def verified(*options: str) -> tuple[int, str]:
    """Return the exit code and the output of `storage verify`."""
    out = io.StringIO()
    try:
        call_command("storage", "verify", *options, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize("configured", sorted(CONFIGURATIONS, key=str), indirect=True, ids=str)
def test_the_api_the_exit_code_and_the_output_agree(configured: Configuration) -> None:
    api = signed_in().send(ADDRESS, {"action": "verify"}).json()
    code, printed = verified()
    json_code, as_json = verified("--json")
    assert api["isValid"] is (code == 0) is ("✗" not in printed) is json.loads(as_json)["isValid"] is configured.well, (
        printed
    )
    assert (code, api["missing"]) == (json_code, json.loads(as_json)["missing"])
    lines = {check["name"]: check for check in api["checks"] if check["group"] == variables.GROUP}
    for name in api["missing"]:
        assert lines[name]["state"] == ("failed" if configured.on else "not configured")
    advised = [check["advice"] for check in lines.values() if check["state"] == "ok"]
    assert advised == [""] * len(advised)


@pytest.mark.parametrize("configured", [Configuration(keys="role")], indirect=True, ids=str)
def test_a_role_is_named_and_no_key_is_required(configured: Configuration) -> None:
    _, printed = verified()
    assert "the container's role (ECS or EKS)" in printed
    assert "Write AWS_" not in printed
