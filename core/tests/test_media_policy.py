"""The Content-Security-Policy allows recordings from the bucket's address, and over http only from there."""

from pathlib import Path

import pytest

from talking_agent.tests.processes import run

PRINT = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "talking_agent.settings"
django.setup()
from core.middleware import POLICY
print(POLICY)
"""
ENDPOINT, PUBLIC = "AWS_S3_ENDPOINT_URL", "AWS_S3_PUBLIC_ENDPOINT_URL"


@pytest.mark.parametrize(
    ("env", "sources"),
    [
        ({}, "https:"),
        ({ENDPOINT: "https://s3.example.org"}, "https:"),
        ({ENDPOINT: "http://localhost:9000/"}, "https: http://localhost:9000"),
        ({ENDPOINT: "http://[::1]:9000"}, "https: http://[::1]:9000"),
        ({ENDPOINT: "http://name:password@s3.lan:9000/path"}, "https: http://s3.lan:9000"),
        ({ENDPOINT: "http://s3.lan:9000", PUBLIC: "https://s3.example.org"}, "https:"),
        ({ENDPOINT: "http://s3.lan:9000", PUBLIC: "http://s3.example.org"}, "https: http://s3.example.org"),
        (
            {ENDPOINT: "http://s3.lan", "S3_BUCKET_NAME": "talk", "AWS_S3_ADDRESSING_STYLE": "virtual"},
            "https: http://talk.s3.lan",
        ),
        ({ENDPOINT: "http://s3.lan; script-src *"}, "https: http://s3.lan"),
        ({ENDPOINT: "nonsense"}, "https:"),
    ],
)
def test_media_come_from_the_address_for_browsers(env: dict[str, str], sources: str, tmp_path: Path) -> None:
    done = run(PRINT, tmp_path, **env)
    assert f"media-src 'self' blob: {sources};" in done.stdout, done.stderr
