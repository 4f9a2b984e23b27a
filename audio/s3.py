"""Store recordings in a private bucket of S3, or of any server with the same protocol.

The methods sign and send requests themselves, over urllib3. boto3's client takes a millisecond of Python for each call,
twice as much as a complete call here, and holds the interpreter's lock for that time. boto3 still finds the bucket's address
and the credentials, and serves the rarer calls (`client`).
"""

import base64
import binascii
import hashlib
import logging
import mimetypes
import os
import re
import secrets
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from boto3.resources.base import ServiceResource
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError
from botocore.signers import CloudFrontSigner
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile, File
from storages.backends.s3 import S3Storage
from urllib3.exceptions import HTTPError

from audio import s3_wire
from audio.encoding import SYNTHETIC
from audio.s3_credentials import session
from audio.s3_error_codes import Refusal, no_answer, no_role, refusal_in, refusal_of
from audio.s3_errors import Kind, StorageUnavailable, Trouble
from audio.s3_wire import BucketClient
from audio.storages import ChecksumMismatch, StoredFile

# Python's `mimetypes` takes .webm for a video.
AUDIO_TYPES = {".webm": "audio/webm", ".mp3": "audio/mpeg"}
# The end of the agent's recordings: see `recordings.SPEAKERS`.
SYNTHETIC_KEY = re.compile(r"-ai\.\w+$")
NOTHING = hashlib.sha256(b"").hexdigest()
# Probes lie beside the recordings, so the same rights and rules apply. They end in .webm for rules that match suffixes.
PROBES = "audio/probe/"
# Kinds of answers to a header that a server does not know. An answer without a body does not give its reason.
MAY_BE_THE_HEADERS = (Kind.UNKNOWN, Kind.NOT_SUPPORTED, Kind.SECRET_REFUSED)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Describe a stored object: its size in bytes, and its SHA-256 in hex if the server knows it."""

    size: int
    sha256: str | None


def probe_key() -> str:
    """Return a new key for the few bytes that check a permission."""
    return f"{PROBES}{uuid.uuid4().hex}.webm"


class S3AudioStorage(S3Storage):
    """Store recordings in a private bucket. A save is durable on return, and the server checks its checksum.

    URLs are signed and expire. The options for the bucket, the credentials and the lifetime of links are those of
    django-storages. Further options:

    - `key_prefix`: the start of all keys in the bucket;
    - `cloudfront_domain`: the domain of links through CloudFront;
    - `public_endpoint_url`: the server's address for browsers.

    A recording is held in memory completely. Every method raises StorageUnavailable.
    """

    # Shared by all instances, because boto3's session, which they share, does not allow two builders at once.
    _lock = threading.Lock()

    def __init__(
        self,
        *,
        cloudfront_domain: str = "",
        cloudfront_key: str = "",
        public_endpoint_url: str = "",
        key_prefix: str = "",
        **options: object,
    ) -> None:
        options["custom_domain"] = re.sub(r"^https?://|/+$", "", cloudfront_domain) or None
        # In environment variables, the line breaks of a PEM file are often written as \n.
        options["cloudfront_key"] = cloudfront_key.replace("\\n", "\n").strip() or None
        given = {name: None if value == "" else value for name, value in options.items()}
        given["endpoint_url"] = str(given.get("endpoint_url") or "").rstrip("/") or None
        super().__init__(**given | {"location": key_prefix.strip("/")})
        self.public_endpoint_url: str | None = public_endpoint_url.rstrip("/") or self.endpoint_url
        self._require_valid_settings()
        if "client_config" not in options:
            self.client_config = s3_wire.client_config(self.endpoint_url, self.addressing_style, self.proxies)
        self._resource: ServiceResource | None = None
        self._bucket_clients: tuple[BucketClient, BucketClient] | None = None
        self._takes_checksums = True
        self._probing = threading.Lock()
        # Use one key for each storage, so that probes do not pile up in a bucket that refuses deletion.
        self._probe_key = probe_key()

    def _require_valid_settings(self) -> None:
        addresses = {"AWS_S3_ENDPOINT_URL": self.endpoint_url, "AWS_S3_PUBLIC_ENDPOINT_URL": self.public_endpoint_url}
        for name, url in addresses.items():
            if url and not _is_address(url):
                raise ImproperlyConfigured(f"{name}: write a URL such as https://s3.example.org.")
        if not re.fullmatch(r"[!-~]*", self.access_key or ""):
            raise ImproperlyConfigured("AWS_ACCESS_KEY_ID holds a character that no key has.")
        if not re.fullmatch(r"([\w!.*'()-]+(/[\w!.*'()-]+)*)?", self.location, re.ASCII) or ".." in self.location:
            raise ImproperlyConfigured("AWS_S3_KEY_PREFIX: write a folder's name such as talk, or apps/talk.")
        if self.custom_domain and not self.cloudfront_signer:
            raise ImproperlyConfigured(
                "CLOUDFRONT_DOMAIN needs CLOUDFRONT_KEY_ID and CLOUDFRONT_KEY: links are signed."
            )

    def get_cloudfront_signer(self, key_id: str, key: str) -> CloudFrontSigner:
        try:
            return super().get_cloudfront_signer(key_id, key)
        # Not chained, because the error may quote the key.
        except (ValueError, TypeError):
            raise ImproperlyConfigured("CLOUDFRONT_KEY: write a private key in PEM form, without a password.") from None

    @property
    def key_prefix(self) -> str:
        """Return the prefix of all keys in the bucket: empty, or ending in a slash. Rows hold keys without it."""
        return f"{self.location}/" if self.location else ""

    @property
    def connection(self) -> ServiceResource:
        """Return boto3's S3 resource, shared by all threads. A resource for each thread would take a tenth of a second each."""
        with self._lock, self.translated():
            if self._resource is None:
                resource = session().resource(
                    "s3", endpoint_url=self.endpoint_url, config=self.client_config, **self._client_options()
                )
                if not s3_wire.is_aws(self.endpoint_url):
                    s3_wire.send_content_md5(resource.meta.client)
                self._resource = resource
            return self._resource

    @property
    def client(self) -> BaseClient:
        """Return boto3's S3 client for the rarer calls. Threads may share it. Use it inside `translated()`."""
        return self.connection.meta.client

    def _client_options(self) -> dict[str, object]:
        return {
            "region_name": self.region_name,
            "use_ssl": self.use_ssl,
            "verify": self.verify,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_session_token": self.security_token if self.access_key else None,
        }

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        # Keys are unique. A key that is saved again has the same bytes.
        return name

    def put(self, name: str, data: bytes, content_type: str = "", sha256: str = "") -> str | None:
        """Store bytes with one PUT. Without `content_type`, take the type from the name.

        Returns the SHA-256 (hex) of the stored bytes if the server's answer holds it. S3 and SeaweedFS send it, and
        refuse bytes that do not match. Raises ChecksumMismatch, also if the bytes do not have the given `sha256`.
        """
        actual = hashlib.sha256(data).hexdigest()
        if sha256 not in ("", actual):
            raise ChecksumMismatch("What is to be sent does not have the SHA-256 that was announced.")
        known = content_type or AUDIO_TYPES.get(os.path.splitext(name)[1]) or mimetypes.guess_type(name)[0]
        # Browsers send a recording of sound alone as video/webm, too.
        audio_type = re.sub("^video/", "audio/", known or "application/octet-stream")
        headers = {"content-type": audio_type, "cache-control": "private"}
        if SYNTHETIC_KEY.search(name):
            headers["x-amz-meta-digital-source-type"] = SYNTHETIC["DIGITAL_SOURCE_TYPE"]
        checksum = {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(actual)).decode()}
        answer = self._send_checked("PUT", name, headers, checksum, data, actual)
        self._accept(answer)
        return _digest(answer.headers.get("x-amz-checksum-sha256"))

    def _save(self, name: str, content: "File[bytes]") -> str:
        content.seek(0)
        self.put(name, content.read(), getattr(content, "content_type", ""), getattr(content, "sha256", ""))
        return name

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if mode != "rb":
            raise ValueError("Recordings are opened for reading (rb), and written by `save`.")
        return ContentFile(self.read(name), name=name)

    def read(self, name: str) -> bytes:
        """Return the bytes, with one GET. Raises FileNotFoundError."""
        answer = self._send("GET", name)
        self._accept(answer, name)
        return answer.data

    def head(self, name: str) -> StoredObject:
        """Return the object's size and checksum without its bytes. Raises FileNotFoundError."""
        answer = self._send_checked("HEAD", name, {}, {"x-amz-checksum-mode": "ENABLED"})
        if answer.status < 300 and (size := answer.headers.get("content-length", "")).isdigit():
            return StoredObject(int(size), _digest(answer.headers.get("x-amz-checksum-sha256")))
        # A refused HEAD has no body, so a missing key looks like a missing bucket. Some servers refuse every HEAD.
        first = self._send("GET", name, {"range": "bytes=0-0"})
        if first.status != 416:
            self._accept(first, name)
        size = first.headers.get("content-range", "").rpartition("/")[2]
        return StoredObject(int(size) if size.isdigit() else len(first.data), None)

    def exists(self, name: str) -> bool:
        try:
            self.head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return self.head(name).size

    def delete(self, name: str) -> None:
        """Delete an object. A missing object counts as deleted."""
        answer = self._send("DELETE", name)
        if answer.status != 404 or refusal_of(answer).kind is Kind.NO_BUCKET:
            self._accept(answer)

    def files(self) -> Iterator[StoredFile]:
        """Yield every object under `audio/`, a page of a thousand at a time."""
        with self.translated():
            listed = self.client.get_paginator("list_objects_v2")
            for page in listed.paginate(Bucket=self.bucket_name, Prefix=f"{self.key_prefix}audio/"):
                for found in page.get("Contents", ()):
                    name = found["Key"].removeprefix(self.key_prefix)
                    yield StoredFile(name, found["Size"], found["LastModified"])

    def versions(self) -> Iterator[list[tuple[str, str]]]:
        """Yield the names and ids of all versions under `audio/`, delete markers included, a page of a thousand at a time.

        An id is empty if the server has no versions, "null" for an object that was stored without them.
        """
        with self.translated():
            listed = self.client.get_paginator("list_object_versions")
            pages = iter(listed.paginate(Bucket=self.bucket_name, Prefix=f"{self.key_prefix}audio/"))
        try:
            while page := self._next(pages):
                found = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
                yield [(each["Key"].removeprefix(self.key_prefix), each["VersionId"]) for each in found]
        except StorageUnavailable as error:
            if error.trouble.kind is not Kind.NOT_SUPPORTED and not self._never_had_versions(error):
                raise
            yield [(file.name, "") for file in self.files()]

    def delete_version(self, name: str, version: str) -> None:
        """Delete one version for good, or the object if `version` is empty. A missing one counts as deleted."""
        if not version:
            return self.delete(name)
        try:
            with self.translated():
                self.client.delete_object(Bucket=self.bucket_name, Key=self._normalize_name(name), VersionId=version)
        except FileNotFoundError:
            pass
        except StorageUnavailable as error:
            # Without versions, the right to delete objects is enough.
            if version != "null" or error.trouble.kind is not Kind.DENIED:
                raise
            self.delete(name)

    def _next(self, pages: Iterator[dict[str, Any]]) -> dict[str, Any] | None:
        with self.translated():
            return next(pages, None)

    def _never_had_versions(self, denial: StorageUnavailable) -> bool:
        """Return whether old versions cannot exist, so that not being allowed to list them does not matter."""
        if denial.trouble.kind is not Kind.DENIED:
            return False
        try:
            with self.translated():
                return "Status" not in self.client.get_bucket_versioning(Bucket=self.bucket_name)
        except StorageUnavailable:
            return False

    def url(
        self,
        name: str,
        parameters: dict[str, str] | None = None,
        expire: int | None = None,
        http_method: str | None = None,
    ) -> str:
        """Return a link for browsers, valid for `querystring_expire` seconds, over CloudFront if configured. Make no request."""
        if parameters or http_method:
            with self.translated():
                return super().url(name, parameters, expire, http_method)
        seconds = expire or self.querystring_expire
        key = self._quoted(name)
        if self.custom_domain:
            until = datetime.now(UTC) + timedelta(seconds=seconds)
            link = f"https://{self.custom_domain}/{key}"
            return self.cloudfront_signer.generate_presigned_url(link, date_less_than=until)
        _, public = self._clients()
        with self.translated():
            return public.link(key, seconds)

    def probe(self) -> None:
        """Prove with a small object that recordings can be written, looked up, read and deleted, with the same requests."""
        proof = secrets.token_bytes(16)
        with self._probing:
            self.put(self._probe_key, proof)
            try:
                held = self.head(self._probe_key)
                returned = self.read(self._probe_key)
            except FileNotFoundError as error:
                raise StorageUnavailable(self._defect(Kind.LOST)) from error
            self.delete(self._probe_key)
        if returned != proof or held.size != len(proof):
            raise StorageUnavailable(self._defect(Kind.CHANGED))

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn errors of boto3 and urllib3 into StorageUnavailable, and a missing key into FileNotFoundError."""
        try:
            yield
        except ClientError as error:
            refusal = refusal_in(error)
            if error.operation_name.startswith(("AssumeRole", "GetRoleCredentials")):
                raise StorageUnavailable(no_role(refusal, self._secrets)) from error
            if refusal.kind is Kind.NO_OBJECT:
                raise FileNotFoundError("There is no such object.") from error
            raise StorageUnavailable(self.trouble_of(refusal)) from error
        except (BotoCoreError, HTTPError) as error:
            raise StorageUnavailable(no_answer(error, self.bucket_name, self._host)) from error

    def _clients(self) -> tuple[BucketClient, BucketClient]:
        """Return the client for requests, and the one for links, whose address is that for browsers."""
        if self._bucket_clients is None:
            client = self.client
            with self._lock, self.translated():
                self._bucket_clients = self._bucket_clients or self._new_clients(client)
        return self._bucket_clients

    def _new_clients(self, client: BaseClient) -> tuple[BucketClient, BucketClient]:
        own = public = BucketClient(client, self)
        if self.public_endpoint_url != self.endpoint_url:
            config = s3_wire.client_config(self.public_endpoint_url, self.addressing_style, None)
            outside = session().client(
                "s3", endpoint_url=self.public_endpoint_url, config=config, **self._client_options()
            )
            public = BucketClient(outside, self)
        return own, public

    def _quoted(self, name: str) -> str:
        return quote(self._normalize_name(name), safe="/~")

    def _send(
        self, method: str, name: str, headers: dict[str, str] | None = None, body: bytes = b"", sha256: str = NOTHING
    ) -> urllib3.BaseHTTPResponse:
        client, _ = self._clients()
        with self.translated():
            return client.send(method, self._quoted(name), headers or {}, body, sha256)

    def _send_checked(
        self,
        method: str,
        name: str,
        headers: dict[str, str],
        checksum: dict[str, str],
        body: bytes = b"",
        sha256: str = NOTHING,
    ) -> urllib3.BaseHTTPResponse:
        """Send with the header `checksum`, and repeat without it if a refusal may be due to it.

        Some servers refuse every request with such a header. If the plain request succeeds, no method sends one any
        more. A body then has Content-MD5.
        """
        if self._takes_checksums:
            answer = self._send(method, name, headers | checksum, body, sha256)
            if answer.status < 400 or answer.status == 404 or refusal_of(answer).kind not in MAY_BE_THE_HEADERS:
                return answer
        if method == "PUT":
            headers = headers | s3_wire.content_md5(body)
        answer = self._send(method, name, headers, body, sha256)
        if self._takes_checksums and (answer.status < 300 or answer.status == 404):
            self._takes_checksums = False
            logger.info("%s takes no checksum headers: they are left out from now on.", self._host)
        return answer

    def _accept(self, answer: urllib3.BaseHTTPResponse, name: str = "") -> None:
        """Raise the error that an answer stands for, if it is not a success."""
        if answer.status < 300:
            return
        refusal = refusal_of(answer)
        if refusal.kind is Kind.NO_OBJECT:
            raise FileNotFoundError(f"There is no object {name}.")
        trouble = self.trouble_of(refusal)
        if refusal.kind is Kind.OTHER_BYTES:
            raise ChecksumMismatch(trouble.found)
        raise StorageUnavailable(trouble)

    def trouble_of(self, refusal: Refusal) -> Trouble:
        """Explain what this bucket's server refused."""
        return refusal.trouble(self.bucket_name, self._host, self._secrets)

    def _defect(self, kind: Kind) -> Trouble:
        return Trouble(kind, "probe", kind.meaning.format(host=self._host), kind.advice)

    @property
    def _secrets(self) -> tuple[str | None, ...]:
        return self.secret_key, self.security_token, self.access_key

    @property
    def _host(self) -> str:
        # Only the host: the whole endpoint may hold a password.
        return (self.endpoint_url and urlsplit(self.endpoint_url).hostname) or "S3"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(re.fullmatch(r"https?://\S+", url) and parts.hostname and parts.port != 0)
    except ValueError:
        return False


def _digest(checksum: str | None) -> str | None:
    """Return a SHA-256 in hex. Return None for an upload in parts ("…-3"): it has only a digest of digests."""
    try:
        digest = base64.b64decode(checksum or "", validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == hashlib.sha256().digest_size else None
