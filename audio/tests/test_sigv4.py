"""Our signatures are botocore's, character for character."""

import hashlib
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from audio.sigv4 import Signer

HOST = "s3.example.org:8333"
KEYS = [Credentials("AKIA/+=~", "a secret/+="), Credentials("AKIA", "secret", "a/session+token==")]
PATHS = ["/bucket/audio/1-a-b-user.webm", "/" + quote("bucket/ü &+%~'().webm", safe="/~")]


def in_one_second(*signed: Callable[[], Any]) -> list[Any]:
    """What they return: signatures carry the time, in seconds."""
    while True:
        second = int(time.time())
        signatures = [sign() for sign in signed]
        if int(time.time()) == second:
            return signatures


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("keys", KEYS)
def test_links_are_those_of_botocore(keys: Credentials, path: str) -> None:
    def by_botocore() -> str:
        request = AWSRequest("GET", f"https://{HOST}{path}")
        S3SigV4QueryAuth(keys, "s3", "eu-west-1", expires=60).add_auth(request)
        return str(request.url.partition("?")[2])

    ours, theirs = in_one_second(lambda: Signer(keys, "eu-west-1", HOST).query(path, 60), by_botocore)
    assert sorted(ours.split("&")) == sorted(theirs.split("&"))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("keys", KEYS)
def test_headers_are_those_of_botocore(keys: Credentials, path: str) -> None:
    body, headers = b"what was said", {"content-type": "audio/webm;  codecs=opus", "cache-control": "private"}

    def by_botocore() -> Any:
        request = AWSRequest("PUT", f"https://{HOST}{path}", headers=headers, data=body)
        S3SigV4Auth(keys, "s3", "eu-west-1").add_auth(request)
        return request.headers["Authorization"]

    digest = hashlib.sha256(body).hexdigest()
    signed, theirs = in_one_second(
        lambda: Signer(keys, "eu-west-1", HOST).headers("PUT", path, headers, digest), by_botocore
    )
    assert signed["authorization"] == theirs
