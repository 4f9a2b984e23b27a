"""Recordings in a private bucket: S3, or any server that speaks its protocol.

The verbs sign and send by themselves, over urllib3: boto3's client takes a millisecond of Python for each call, twice what
that takes in all, and holds the lock of the interpreter meanwhile. It is still asked where a bucket is and whose keys to use,
and it is there (`client`) for whatever is not done by the thousand.
"""

import base64
import hashlib
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
from functools import cache, partial
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import boto3
import urllib3
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile, File
from storages.backends.s3 import S3Storage
from urllib3.exceptions import HTTPError, ProtocolError

from audio.s3_troubles import refusal, trouble
from audio.sigv4 import Signer
from audio.storages import ChecksumMismatch
from talking_agent import cloud

CONNECT_WITHIN, ANSWER_WITHIN = 2.0, 5.0  # seconds, where no request's patience is shorter
CONNECTIONS = 32
AUDIO_TYPES = {".webm": "audio/webm", ".mp3": "audio/mpeg"}  # Python takes .webm for a video
NOTHING = hashlib.sha256(b"").hexdigest()


class StorageUnavailable(OSError):
    """The bucket cannot be used. The message is a sentence for the operator, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the server says of an object: its size in bytes, and its SHA-256 in hex where the server knows it."""

    size: int
    sha256: str | None


class S3AudioStorage(S3Storage):
    """A private bucket. A save is durable when it returns, and checked by the server on the way in; a URL is signed and expires.

    Takes django-storages' options for where the bucket is, whose keys to use and how long links are good, and
    `cloudfront_domain`. Content goes through memory whole. Every verb raises StorageUnavailable.
    """

    _lock = threading.Lock()  # of all instances: boto3's session, which they share, does not like two builders

    def __init__(self, *, cloudfront_domain: str = "", cloudfront_key: str = "", **options: Any) -> None:
        options["custom_domain"] = re.sub(r"^https?://|/+$", "", cloudfront_domain) or None
        # In an environment variable the line breaks of a PEM are often written as \n.
        options["cloudfront_key"] = cloudfront_key.replace("\\n", "\n").strip() or None
        super().__init__(**{name: None if value == "" else value for name, value in options.items()})
        if not re.fullmatch(r"(https?://\S+)?", self.endpoint_url or ""):
            raise ImproperlyConfigured("AWS_S3_ENDPOINT_URL: write a URL such as https://s3.example.org.")
        if not re.fullmatch(r"[!-~]*", self.access_key or ""):
            raise ImproperlyConfigured("AWS_ACCESS_KEY_ID holds a character that no key has.")
        if self.custom_domain and not self.cloudfront_signer:
            raise ImproperlyConfigured(
                "CLOUDFRONT_DOMAIN needs CLOUDFRONT_KEY_ID and CLOUDFRONT_KEY: links are signed."
            )
        if "client_config" not in options:
            self.client_config = _config(self.endpoint_url, self.addressing_style, self.proxies)
        self._resource: Any = None
        self._shared_wire: _Wire | None = None
        self._sends_checksums = True
        self._probing = threading.Lock()
        self._probe_key = f"probe/{uuid.uuid4().hex}"

    def get_cloudfront_signer(self, key_id: str, key: str) -> Any:
        try:
            return super().get_cloudfront_signer(key_id, key)
        except (ValueError, TypeError):  # without `from`: the error may quote the key
            raise ImproperlyConfigured("CLOUDFRONT_KEY: write a private key in PEM form, without a password.") from None

    @property
    def connection(self) -> Any:
        """boto3's S3 resource: one for all threads; django-storages has one per thread, at a tenth of a second each."""
        with self._lock, self.translated():
            if self._resource is None:
                self._resource = _session().resource(
                    "s3",
                    region_name=self.region_name,
                    endpoint_url=self.endpoint_url,
                    use_ssl=self.use_ssl,
                    verify=self.verify,
                    config=self.client_config,
                    aws_access_key_id=self.access_key,
                    aws_secret_access_key=self.secret_key,
                    aws_session_token=self.security_token if self.access_key else None,
                )
            return self._resource

    @property
    def client(self) -> Any:
        """boto3's S3 client, which threads may share, for rarer calls than the verbs; use it inside `translated()`."""
        return self.connection.meta.client

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name  # keys are unique by themselves, and a key kept again means the same bytes

    def put(self, name: str, data: bytes, content_type: str = "", sha256: str = "") -> str | None:
        """One PUT. What is not given is found out: the type from the name, the SHA-256 (hex) from the bytes. Returns the SHA-256
        of what the server has stored, where its answer says it: S3 and SeaweedFS do, and refuse what does not have it.
        Raises ChecksumMismatch."""
        sha256 = sha256 or hashlib.sha256(data).hexdigest()
        headers = {"content-type": _audio_type(name, content_type), "cache-control": "private"}
        checksum = {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode()}
        answer = self._send("PUT", name, headers | (checksum if self._sends_checksums else {}), data, sha256)
        if answer.status in (400, 501) and b"x-amz-checksum" in answer.data.lower() and _code(answer) != "BadDigest":
            # A server from before 2022. It still checks the body: its digest is part of the signature.
            self._sends_checksums = False
            answer = self._send("PUT", name, headers, data, sha256)
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
        """The bytes, by one GET. Raises FileNotFoundError."""
        answer = self._send("GET", name)
        self._accept(answer, name)
        return answer.data

    def head(self, name: str) -> Stored:
        """What the server has, without its bytes. Raises FileNotFoundError."""
        answer = self._send("HEAD", name, {"x-amz-checksum-mode": "ENABLED"})
        if answer.status >= 400:  # the answer to a HEAD has no body that says why: a missing key, or a missing bucket?
            self._accept(self._send("GET", name, {"range": "bytes=0-0"}), name)
            raise StorageUnavailable(f"{self._host} answered HEAD and GET differently ({answer.status}).")
        return Stored(int(answer.headers["content-length"]), _digest(answer.headers.get("x-amz-checksum-sha256")))

    def exists(self, name: str) -> bool:
        try:
            self.head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return self.head(name).size

    def delete(self, name: str) -> None:
        """What is not there is deleted already."""
        answer = self._send("DELETE", name)
        if _code(answer) != "NoSuchKey":
            self._accept(answer)

    def url(
        self,
        name: str,
        parameters: dict[str, str] | None = None,
        expire: int | None = None,
        http_method: str | None = None,
    ) -> str:
        """A link that is good for `querystring_expire` seconds; through CloudFront where that is configured. Asks nobody."""
        if parameters or http_method:
            with self.translated():
                return super().url(name, parameters, expire, http_method)
        seconds = expire or self.querystring_expire
        key = quote(self._normalize_name(name), safe="/~")
        if self.custom_domain:
            until = datetime.now(UTC) + timedelta(seconds=seconds)
            link = f"https://{self.custom_domain}/{key}"
            return self.cloudfront_signer.generate_presigned_url(link, date_less_than=until)
        return self._wire().link(key, seconds)

    def probe(self) -> None:
        """Prove that recordings can be written, read and deleted, with a few bytes under `probe/`."""
        proof = secrets.token_bytes(16)
        with self._probing:  # one key per process: a bucket that refuses deletion is not filled with probes
            self.save(self._probe_key, ContentFile(proof))
            try:
                returned = self.read(self._probe_key)
            except FileNotFoundError as error:
                raise StorageUnavailable(f"{self._host} has lost what it had just accepted.") from error
            self.delete(self._probe_key)
        if returned != proof:
            raise StorageUnavailable(f"{self._host} gave back other bytes than it had just accepted.")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """What boto3 and urllib3 raise inside becomes StorageUnavailable; a missing key, FileNotFoundError."""
        try:
            yield
        except ClientError as error:
            code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            if code == "NoSuchKey":
                raise FileNotFoundError("There is no such object.") from error
            raise StorageUnavailable(refusal(code, status, self.bucket_name, self._host)) from error
        except (BotoCoreError, HTTPError) as error:
            raise StorageUnavailable(trouble(error, self.bucket_name, self._host)) from error

    def _wire(self) -> "_Wire":
        if self._shared_wire is None:
            client = self.client
            with self._lock, self.translated():
                if self._shared_wire is None:
                    self._shared_wire = _Wire(self, client)
        return self._shared_wire

    def _send(
        self, method: str, name: str, headers: dict[str, str] | None = None, body: bytes = b"", sha256: str = NOTHING
    ) -> urllib3.BaseHTTPResponse:
        wire, key = self._wire(), quote(self._normalize_name(name), safe="/~")
        with self.translated():
            return wire.send(method, key, headers or {}, body, sha256)

    def _accept(self, answer: urllib3.BaseHTTPResponse, name: str = "") -> None:
        """Raises what an answer means that is not a success."""
        if answer.status < 300:
            return
        code = _code(answer)
        if code == "NoSuchKey":
            raise FileNotFoundError(f"There is no object {name}.")
        if code in ("BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"):
            raise ChecksumMismatch(f"What arrived does not have the SHA-256 that was announced ({code}).")
        raise StorageUnavailable(refusal(code, answer.status, self.bucket_name, self._host))

    @property
    def _host(self) -> str:
        # Not the whole endpoint: somebody may have written a password into it.
        return (self.endpoint_url and urlsplit(self.endpoint_url).hostname) or "S3"


class _Wire:
    """A bucket over HTTP: signed requests on one pool of connections, and signed links. Keys come percent-encoded."""

    def __init__(self, storage: S3AudioStorage, client: Any) -> None:
        # boto3 knows where a bucket is: partitions, regions, dots in names, virtual hosts and paths. Its own link says it.
        params = {"Bucket": storage.bucket_name, "Key": "k"}
        example = urlsplit(client.generate_presigned_url("get_object", Params=params))
        region = parse_qs(example.query)["X-Amz-Credential"][0].split("/")[-3]
        host = example.netloc.lower().removesuffix({"http": ":80", "https": ":443"}[example.scheme])
        given = (storage.access_key, storage.secret_key, storage.security_token)
        credentials = Credentials(*given) if storage.access_key else _session().get_credentials()
        self._signer = Signer(credentials, region, host)
        self._origin = f"{example.scheme}://{host}"
        self._folder = example.path.removesuffix("k")
        self._pool = _pool(self._origin, storage.proxies, storage.verify)

    def link(self, key: str, seconds: int) -> str:
        path = self._folder + key
        return f"{self._origin}{path}?{self._signer.query(path, seconds)}"

    def send(
        self, method: str, key: str, headers: dict[str, str], body: bytes, sha256: str
    ) -> urllib3.BaseHTTPResponse:
        """Sent twice at most: a kept connection may have been closed by the other side, and an internal error (5xx) seldom
        comes twice. What was refused or timed out is not sent again: nobody waits double."""
        once = partial(self._send, method, self._folder + key, headers, body, sha256)
        try:
            answer = once()
        except ProtocolError:
            return once()
        return answer if answer.status < 500 else once()

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: bytes, sha256: str
    ) -> urllib3.BaseHTTPResponse:
        return self._pool.request(
            method,
            self._origin + path,
            body=body or None,
            headers=self._signer.headers(method, path, headers, sha256),
            timeout=_patience(),
            retries=False,
            redirect=False,
            decode_content=False,
        )


@cache
def _session() -> boto3.Session:
    # One for all storages: what boto3 reads from its data files stays, and a second client takes 5 ms.
    return boto3.Session()


def _config(endpoint_url: str | None, addressing_style: str | None, proxies: dict[str, str] | None) -> Config:
    """Other servers know no host per bucket, and not always the newer checksums. SigV4, as S3 means to end SigV2's links."""
    aws = not endpoint_url or re.search(r"\.amazonaws\.com(\.cn)?$", urlsplit(endpoint_url).hostname or "")
    checksums = "when_supported" if aws else "when_required"
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": addressing_style or ("virtual" if aws else "path")},
        connect_timeout=CONNECT_WITHIN,
        read_timeout=ANSWER_WITHIN,
        retries={"total_max_attempts": 1},  # whoever waits for a server that hangs waits once
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        max_pool_connections=CONNECTIONS,
        proxies=proxies,
    )


def _pool(url: str, proxies: dict[str, str] | None, verify: bool | str | None) -> urllib3.PoolManager:
    """Connections as boto3 would make them: the same certificates, the same proxies."""
    if verify is None:
        verify = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or True
    options: dict[str, Any] = {"num_pools": 2, "maxsize": CONNECTIONS}
    options |= {"ca_certs": get_cert_path(verify)} if verify else {"cert_reqs": "CERT_NONE"}
    if proxy := (proxies or get_environ_proxies(url)).get(urlsplit(url).scheme):
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)


def _patience() -> urllib3.Timeout:
    left = cloud.seconds_left()
    if left is None:
        return urllib3.Timeout(connect=CONNECT_WITHIN, read=ANSWER_WITHIN)
    left = max(left, 0.01)  # urllib3 takes no zero
    return urllib3.Timeout(connect=min(left, CONNECT_WITHIN), read=min(left, ANSWER_WITHIN), total=left)


def _audio_type(name: str, given: str) -> str:
    known = given or AUDIO_TYPES.get(os.path.splitext(name)[1]) or mimetypes.guess_type(name)[0]
    # Browsers call a recording of sound alone video/webm, too.
    return re.sub("^video/", "audio/", known or "application/octet-stream")


def _code(answer: urllib3.BaseHTTPResponse) -> str:
    found = re.search(rb"<Code>([\w.]{1,60})</Code>", answer.data)
    return found[1].decode() if found else ""


def _digest(checksum: str | None) -> str | None:
    if not checksum or "-" in checksum:  # of an upload in parts: a digest of digests
        return None
    return base64.b64decode(checksum).hex()
