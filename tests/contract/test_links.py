"""A signed link works for a limited time, for reading, and for one recording only."""

import time
from collections.abc import Iterator

import httpx
import pytest

from conversations.tests.shapes import data_url
from tests.contract.calls import MP3, WEBM, save_voice, voice
from tests.contract.places import BUCKET, Bucket, Place, fetch, newcomer
from tests.servers import AgentServer, S3Server

# Seconds, counted from the whole second before the signature.
LIFE = 3


def tampered(url: str, old: str, new: str) -> str:
    assert old in url
    return url.replace(old, new, 1)


@pytest.fixture
def url(learner: httpx.Client) -> str:
    """Return a link to WEBM."""
    save_voice(learner, audioData=data_url(WEBM))
    return str(voice(learner)["audioUrl"])


@pytest.fixture
def other_key(outsider: httpx.Client) -> str:
    return str(save_voice(outsider, audioData=data_url(MP3))["audioS3Key"])


def signature(place: Place) -> str:
    """Return the parameter of a link that has its signature."""
    return "X-Amz-Signature=" if isinstance(place.audio, Bucket) else "signature="


def test_a_link_without_its_signature_is_refused(place: Place, url: str):
    assert place.fetch(url.split("?")[0]).status_code == 403


def test_a_link_with_a_wrong_signature_is_refused(place: Place, url: str):
    assert place.fetch(tampered(url, signature(place), f"{signature(place)}0")).status_code == 403


def test_a_link_to_one_recording_opens_no_other(place: Place, learner: httpx.Client, url: str, other_key: str):
    assert place.fetch(tampered(url, voice(learner)["audioS3Key"], other_key)).status_code == 403


def test_the_expiry_of_a_link_cannot_be_extended(place: Place, url: str):
    if isinstance(place.audio, Bucket):
        assert place.fetch(tampered(url, "X-Amz-Expires=3600", "X-Amz-Expires=7200")).status_code == 403
    else:
        moment = url.rsplit(":", 1)[0].rsplit("=", 1)[-1]
        assert place.fetch(tampered(url, f"signature={moment}", "signature=zzzzzz")).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_a_link_cannot_be_used_to_write(place: Place, learner: httpx.Client, url: str, method: str):
    response = learner.request(method, url, content=b"other")
    assert response.status_code in (403, 405)
    assert place.fetch(url).content == WEBM


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), ("bytes=100-", 100, len(WEBM) - 1), ("bytes=-10", -10, -1)],
)
def test_a_range_request_is_answered_206_with_its_bytes(place: Place, url: str, wanted: str, first: int, last: int):
    first, last = first % len(WEBM), last % len(WEBM)
    response = place.fetch(url, Range=wanted)
    assert (response.status_code, response.content) == (206, WEBM[first : last + 1])
    assert response.headers["content-range"] == f"bytes {first}-{last}/{len(WEBM)}"
    assert response.headers["content-type"] == "audio/webm"


def test_a_range_outside_the_recording_is_answered_416(place: Place, url: str):
    assert place.fetch(url, Range=f"bytes={len(WEBM)}-").status_code == 416


def test_recordings_accept_range_requests(place: Place, url: str):
    assert place.fetch(url).headers["accept-ranges"] == "bytes"


def test_no_shared_cache_may_store_a_recording(place: Place, url: str):
    assert "private" in place.fetch(url).headers["cache-control"]


# In the bucket


@pytest.mark.parametrize("place", ["sqlite+s3", "postgresql+s3", "mongodb+s3"], indirect=True)
def test_nothing_in_the_bucket_is_public(place: Place, s3: S3Server, url: str):
    keys = place.audio.all_keys()
    assert keys
    assert {place.fetch(f"{s3.endpoint}/{BUCKET}/{key}").status_code for key in keys} == {403}
    assert place.fetch(f"{s3.endpoint}/{BUCKET}?list-type=2").status_code == 403


# Expiry


@pytest.fixture(params=["local", "s3"])
def brief(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    """Run a server whose links are valid for LIFE seconds."""
    env = request.getfixturevalue("s3").env if request.param == "s3" else {}
    server = AgentServer(tmp_path_factory.mktemp("brief"), env, AUDIO_URL_EXPIRY=str(LIFE))
    server.set_up()
    server.start()
    yield server
    server.stop()


def test_an_expired_link_is_refused(brief: AgentServer):
    with newcomer(brief) as learner:
        save_voice(learner, audioData=data_url(WEBM))
        url = that_opens(brief, learner)
        deadline = time.monotonic() + 60
        while (answer := fetch(brief, url)).status_code != 403:
            assert answer.content == WEBM
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert that_opens(brief, learner) != url


def that_opens(server: AgentServer, learner: httpx.Client) -> str:
    """Return a link that has worked. Sign it again if the machine stalled until it expired."""
    for _ in range(10):
        url = str(voice(learner)["audioUrl"])
        if fetch(server, url).content == WEBM:
            return url
    raise AssertionError("None was good for long enough to be asked for.")
