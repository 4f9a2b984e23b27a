"""A server loads large packages only when they are needed."""

from pathlib import Path

from talking_agent.tests.processes import run

HEAVY = ("boto3", "botocore", "openai", "aiohttp", "httpx2", "pymongo", "faster_whisper", "ctranslate2", "piper", "av")
ALL_URLS = "import talking_agent.asgi, django.urls, sys; django.urls.get_resolver().url_patterns; "


def test_without_a_cloud_and_a_key_their_libraries_are_not_loaded(tmp_path: Path):
    done = run(f"{ALL_URLS}print([name for name in {HEAVY} if name in sys.modules])", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
