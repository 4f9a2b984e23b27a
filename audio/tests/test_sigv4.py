"""Our signatures are botocore's, character for character."""

import hashlib
import time
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from audio.sigv4 import Signer

HOST = "s3.example.org:8333"
KEYS = [Credentials("AKIA/+=~", "a secret/+="), Credentials("AKIA", "secret", "a/session+token==")]
PATHS = ["/bucket/audio/1-a-b-user.webm", "/" + quote("bucket/ü &+%~'().webm", safe="/~")]


@pytest.fixture(autouse=True)
def _within_one_second() -> None:
    """Both signatures carry the time, in seconds."""
    if time.time() % 1 > 0.8:
        time.sleep(0.25)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("keys", KEYS)
def test_links_are_those_of_botocore(keys: Credentials, path: str) -> None:
    request = AWSRequest("GET", f"https://{HOST}{path}")
    S3SigV4QueryAuth(keys, "s3", "eu-west-1", expires=60).add_auth(request)
    query = Signer(keys, "eu-west-1", HOST).query(path, 60)
    assert sorted(query.split("&")) == sorted(request.url.partition("?")[2].split("&"))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("keys", KEYS)
def test_headers_are_those_of_botocore(keys: Credentials, path: str) -> None:
    body, headers = b"what was said", {"content-type": "audio/webm;  codecs=opus", "cache-control": "private"}
    request = AWSRequest("PUT", f"https://{HOST}{path}", headers=headers, data=body)
    S3SigV4Auth(keys, "s3", "eu-west-1").add_auth(request)
    signed = Signer(keys, "eu-west-1", HOST).headers("PUT", path, headers, hashlib.sha256(body).hexdigest())
    assert signed["authorization"] == request.headers["Authorization"]
