import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from staff.models import AccessRecord
from staff.tests.closed_record import no_new_rows
from tests.clients import LearnerClient
from tests.clouds import wait_for

pytestmark = pytest.mark.django_db(databases=["default", "local"])
SAID = Clip(bytes(range(100)), "audio/webm", 1.5)


@pytest.fixture
def kept(owner: LearnerClient) -> Recording:
    return recordings.keep(recordings.Owner(owner.learner, uuid.uuid4(), uuid.uuid4(), "user"), SAID)


def signed(client: Client, key: str) -> str:
    return str(client.get("/api/audio", {"key": key}).json()["url"])


def ranged(client: Client, recording: Recording, wanted: str) -> Any:
    return client.get(recordings.url(recording), headers={"Range": wanted})


def test_the_owner_gets_a_link_to_the_bytes(owner: LearnerClient, kept: Recording) -> None:
    assert owner.get(signed(owner, kept.key)).content == SAID.data


def test_a_link_needs_no_cookie(owner: LearnerClient, kept: Recording) -> None:
    assert Client().get(signed(owner, kept.key)).status_code == 200


def test_an_outsider_gets_no_link(outsider: LearnerClient, kept: Recording) -> None:
    response = outsider.get("/api/audio", {"key": kept.key})
    assert (response.status_code, list(response.json())) == (404, ["error"])


def test_a_new_learner_gets_no_link(kept: Recording) -> None:
    assert Client().get("/api/audio", {"key": kept.key}).status_code == 404


def test_an_outsider_gets_the_same_answer_as_for_an_unknown_key(outsider: LearnerClient, kept: Recording) -> None:
    foreign, none = outsider.get("/api/audio", {"key": kept.key}), outsider.get("/api/audio", {"key": "audio/none"})
    assert foreign.content == none.content


def test_staff_who_may_view_recordings_get_any_link(listener: LearnerClient, kept: Recording) -> None:
    assert listener.get(signed(listener, kept.key)).content == SAID.data


def test_other_staff_get_no_link_but_to_their_own(staff: LearnerClient, kept: Recording) -> None:
    assert staff.get("/api/audio", {"key": kept.key}).status_code == 404
    own = recordings.keep(recordings.Owner(staff.learner, uuid.uuid4(), uuid.uuid4(), "user"), SAID)
    assert staff.get(signed(staff, own.key)).content == SAID.data


def test_staff_who_ask_for_a_link_are_recorded(listener: LearnerClient, kept: Recording) -> None:
    listener.get("/api/audio", {"key": kept.key})
    row = AccessRecord.objects.get()
    assert (row.username, row.action, row.kind) == ("operator", "link", "recording")
    assert (row.learner, row.key, row.name) == (kept.learner, kept.pk, kept.key)


def test_staff_get_no_link_that_is_not_recorded(listener: LearnerClient, kept: Recording) -> None:
    with no_new_rows():
        answer = listener.get("/api/audio", {"key": kept.key})
    assert (answer.status_code, list(answer.json())) == (503, ["error"])


def test_learners_who_ask_for_a_link_are_not_recorded(owner: LearnerClient, kept: Recording) -> None:
    owner.get("/api/audio", {"key": kept.key})
    assert not AccessRecord.objects.exists()


def test_an_account_that_is_not_staff_gets_no_link(
    staff: LearnerClient, kept: Recording, django_user_model: Any
) -> None:
    staff.force_login(django_user_model.objects.create(username="somebody"))
    assert staff.get("/api/audio", {"key": kept.key}).status_code == 404


def test_no_key_is_400(owner: LearnerClient) -> None:
    response = owner.get("/api/audio")
    assert response.status_code == 400
    assert "key" in response.json()["error"]


@pytest.mark.parametrize("key", ["x" * 10_000, "\x00", "../secret_key", "audio/%2e%2e/x"])
def test_a_key_that_cannot_be_is_404(owner: LearnerClient, key: str) -> None:
    assert owner.get("/api/audio", {"key": key}).status_code == 404


def test_a_wrong_method_is_answered_in_json(owner: LearnerClient) -> None:
    response = owner.post("/api/audio")
    assert (response.status_code, list(response.json())) == (405, ["error"])


def test_a_link_expires(owner: LearnerClient, kept: Recording, settings: Any) -> None:
    url = recordings.url(kept)
    assert owner.get(url).status_code == 200
    settings.AUDIO_URL_EXPIRY = 1
    wait_for(lambda: owner.get(url).status_code == 403)
    assert "expired" in owner.get(url).json()["error"]


@pytest.mark.parametrize(
    "change", [("signature=", "signature=x"), (".webm", ".mp3"), ("audio/file/audio/", "audio/file/")]
)
def test_a_tampered_link_is_refused(owner: LearnerClient, kept: Recording, change: tuple[str, str]) -> None:
    assert owner.get(recordings.url(kept).replace(*change)).status_code == 403


def test_a_link_to_one_opens_no_other(owner: LearnerClient, kept: Recording, recordings_folder: Path) -> None:
    other = recordings.keep(recordings.Owner(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), "user"), SAID)
    signature = urlsplit(recordings.url(kept)).query
    assert owner.get(f"/api/audio/file/{other.key}?{signature}").status_code == 403


def test_a_link_without_a_signature_is_refused(owner: LearnerClient, kept: Recording) -> None:
    assert owner.get(f"/api/audio/file/{kept.key}").status_code == 403


@pytest.mark.parametrize("key", ["../secret_key", "..%2fsecret_key", "audio/../../secret_key", "/etc/passwd"])
def test_a_path_out_of_the_folder_is_refused(owner: LearnerClient, kept: Recording, key: str) -> None:
    signature = parse_qs(urlsplit(recordings.url(kept)).query)["signature"][0]
    assert owner.get(f"/api/audio/file/{key}", {"signature": signature}).status_code in (403, 404)


def test_a_link_to_a_removed_recording_is_404(owner: LearnerClient, kept: Recording) -> None:
    url = recordings.url(kept)
    recordings.remove([kept])
    assert owner.get(url).status_code == 404


def test_a_link_whose_bytes_are_lost_is_404(owner: LearnerClient, kept: Recording, recordings_folder: Path) -> None:
    (recordings_folder / kept.key).unlink()
    assert owner.get(recordings.url(kept)).status_code == 404


@pytest.mark.parametrize("content_type", ["audio/webm", "audio/mpeg"])
def test_the_content_type_is_that_of_the_recording(owner: LearnerClient, content_type: str) -> None:
    clip = Clip(b"x", content_type, 1.0)
    other = recordings.keep(recordings.Owner(owner.learner, uuid.uuid4(), uuid.uuid4(), "assistant"), clip)
    response = owner.get(recordings.url(other))
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == (content_type, "nosniff")


def test_no_cache_keeps_a_voice(owner: LearnerClient, kept: Recording) -> None:
    assert "no-store" in owner.get(recordings.url(kept))["Cache-Control"]


def test_head_tells_the_length_and_sends_nothing(owner: LearnerClient, kept: Recording) -> None:
    response = owner.head(recordings.url(kept))
    assert (response.status_code, response["Content-Length"], response.content) == (200, "100", b"")


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 99),
        ("bytes=10-19", 10, 19),
        ("bytes=90-500", 90, 99),
        ("bytes=99-", 99, 99),
        ("bytes=-10", 90, 99),
        ("bytes=-500", 0, 99),
    ],
)
def test_a_range_is_honoured(owner: LearnerClient, kept: Recording, wanted: str, first: int, last: int) -> None:
    response = ranged(owner, kept, wanted)
    assert (response.status_code, response["Content-Range"]) == (206, f"bytes {first}-{last}/100")
    assert response.content == SAID.data[first : last + 1]


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_outside_is_416(owner: LearnerClient, kept: Recording, wanted: str) -> None:
    response = ranged(owner, kept, wanted)
    assert (response.status_code, response["Content-Range"], response.content) == (416, "bytes */100", b"")


@pytest.mark.parametrize(
    "wanted", ["bytes=-", "bytes=a-b", "seconds=1-2", "bytes=0-1,5-6", "bytes=5-2", "bytes=0-" + "9" * 5000, "0-5"]
)
def test_a_range_that_makes_no_sense_is_ignored(owner: LearnerClient, kept: Recording, wanted: str) -> None:
    response = ranged(owner, kept, wanted)
    assert (response.status_code, response.content) == (200, SAID.data)


def test_accept_ranges_is_sent(owner: LearnerClient, kept: Recording) -> None:
    assert owner.get(recordings.url(kept))["Accept-Ranges"] == "bytes"
