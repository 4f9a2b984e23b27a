"""Send signed requests to a bucket over one pool of connections, and sign links."""

import base64
import hashlib
import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import urllib3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies
from urllib3.exceptions import ProtocolError

from audio.s3_credentials import credentials_for
from core import cloud

if TYPE_CHECKING:
    from storages.backends.s3 import S3Storage

# Seconds. The patience of a request may be shorter.
CONNECT_WITHIN, ANSWER_WITHIN = 2.0, 5.0
CONNECTIONS = 32
NOT_IMPLEMENTED = 501


class BucketClient:
    """Send signed requests to a bucket, and sign links. Keys are given percent-encoded."""

    def __init__(self, client: BaseClient, storage: "S3Storage") -> None:
        """Take the address from a client of boto3, the rest from the storage. Raises NoCredentialsError."""
        if (credentials := credentials_for(storage)) is None:
            raise NoCredentialsError
        self._credentials = credentials
        # boto3 handles partitions, regions, dots in names, virtual hosts and paths. A link that it signs shows the result.
        params = {"Bucket": storage.bucket_name, "Key": "k"}
        example = urlsplit(client.generate_presigned_url("get_object", Params=params))
        self._region = parse_qs(example.query)["X-Amz-Credential"][0].split("/")[-3]
        host = example.netloc.lower().removesuffix({"http": ":80", "https": ":443"}[example.scheme])
        self._folder = f"{example.scheme}://{host}{example.path.removesuffix('k')}"
        self._pool = pool(self._folder, storage.proxies, storage.verify)

    def link(self, key: str, seconds: int) -> str:
        """Return a link that is valid for so many seconds."""
        request = AWSRequest("GET", self._folder + key)
        S3SigV4QueryAuth(*self._scope(), expires=seconds).add_auth(request)
        return str(request.url)

    def send(
        self, method: str, key: str, headers: dict[str, str], body: bytes, sha256: str
    ) -> urllib3.BaseHTTPResponse:
        """Send a request. `sha256` is the digest of the body (hex).

        Repeat the request once if the server had closed the kept connection, or answers 5xx. A refusal or a timeout is not
        repeated, so that the caller does not wait twice as long.
        """
        once = partial(self._send, method, self._folder + key, headers, body, sha256)
        try:
            answer = once()
        except ProtocolError:
            return once()
        return answer if answer.status < 500 or answer.status == NOT_IMPLEMENTED else once()

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes, sha256: str
    ) -> urllib3.BaseHTTPResponse:
        request = AWSRequest(method, url, headers=headers)
        request.context["sha256"] = sha256
        _SignedBody(*self._scope()).add_auth(request)
        left = cloud.seconds_left()
        # urllib3 refuses zero.
        total = None if left is None else max(left, 0.01)
        return self._pool.request(
            method,
            url,
            body=body or None,
            headers=dict(request.headers.items()),
            timeout=urllib3.Timeout(total, CONNECT_WITHIN, ANSWER_WITHIN),
            retries=False,
            redirect=False,
            decode_content=False,
        )

    def _scope(self) -> tuple[ReadOnlyCredentials, str, str]:
        # Frozen, because a machine's role renews its three values from time to time, all at once.
        return self._credentials.get_frozen_credentials(), "s3", self._region


class _SignedBody(S3SigV4Auth):
    """Sign the digest that the caller has, instead of hashing the body again."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["sha256"])


def is_aws(endpoint_url: str | None) -> bool:
    return not endpoint_url or bool(re.search(r"\.amazonaws\.com(\.cn)?$", urlsplit(endpoint_url).hostname or ""))


def client_config(endpoint_url: str | None, addressing_style: str | None, proxies: dict[str, str] | None) -> Config:
    """Return boto3's settings for this server.

    Servers other than AWS have no host name for each bucket, and some do not know the newer checksums. SigV4 is set because S3
    is going to refuse links signed with SigV2.
    """
    aws = is_aws(endpoint_url)
    checksums = "when_supported" if aws else "when_required"
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": addressing_style or ("virtual" if aws else "path")},
        connect_timeout=CONNECT_WITHIN,
        read_timeout=ANSWER_WITHIN,
        # One attempt, so that a server that hangs costs one timeout.
        retries={"total_max_attempts": 1},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        max_pool_connections=CONNECTIONS,
        proxies=proxies,
    )


def send_content_md5(client: BaseClient) -> None:
    """Make a boto3 client send Content-MD5 instead of x-amz-checksum-… headers. Every server knows Content-MD5."""

    def choose(params: dict[str, Any], **kwargs: object) -> None:
        checksum = params.get("context", {}).get("checksum", {})
        checksum.pop("request_algorithm_header", None)
        if checksum.pop("request_algorithm", None) and isinstance(body := params["body"], bytes):
            params["headers"].update(content_md5(body))

    client.meta.events.register("before-call.s3", choose)


def content_md5(data: bytes) -> dict[str, str]:
    """Return the Content-MD5 header, by which every server checks a body."""
    return {"Content-MD5": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()}


def pool(url: str, proxies: dict[str, str] | None, verify: bool | str | None) -> urllib3.PoolManager:
    """Return a pool of connections with the certificates and proxies that boto3 would use."""
    if verify is None:
        verify = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or True
    options: dict[str, Any] = {"num_pools": 2, "maxsize": CONNECTIONS}
    options |= {"ca_certs": get_cert_path(verify)} if verify else {"cert_reqs": "CERT_NONE"}
    if proxy := (proxies or get_environ_proxies(url)).get(urlsplit(url).scheme):
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)
