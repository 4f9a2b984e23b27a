"""Operators find recordings and listen to them."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from audio import encoding, recordings
from audio.recordings import Owner
from tests.clients import staff_with

pytestmark = pytest.mark.django_db(databases=["default", "local"])

SPEECH = Path(__file__).parent.parent.parent / "tests" / "speech" / "learner_park.wav"
LIST = "/admin/audio/recording/"
ANNA = uuid.UUID("aaaaaaaa-1111-4111-8111-111111111111")
BORIS = uuid.UUID("bbbbbbbb-2222-4222-8222-222222222222")
TALK = uuid.UUID("cccccccc-3333-4333-8333-333333333333")
AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def clip():
    return encoding.from_pcm(encoding.to_pcm(SPEECH.read_bytes())[: 2 * encoding.BYTES_PER_SECOND])


@pytest.fixture
def keep(clip):
    def keep(learner=ANNA, conversation=TALK, role="user", at=AT):
        return recordings.keep(Owner(learner, conversation, uuid.uuid4(), role), clip, at=at)

    return keep


def shown(client, query=""):
    return {row.pk for row in client.get(LIST + query).context["cl"].result_list}


def text_of(response):
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def source_of(response):
    found = re.search(r'<audio controls preload="none" src="([^"]*)"', response.content.decode())
    assert found
    return found[1]


def test_the_list_shows_a_recordings_speaker_and_length(operator, keep):
    keep()
    assert "4 May 2026, 09:30:00 learner 0:02 aaaaaaaa cccccccc" in text_of(operator.get(LIST))


def test_the_list_shows_type_place_and_key(operator, keep):
    assert f"audio/webm local storage {keep().key}" in text_of(operator.get(LIST))


def test_a_recording_is_heard_in_the_list(operator, keep, clip):
    keep()
    assert operator.get(source_of(operator.get(LIST))).content == clip.data


def test_a_recording_is_heard_on_its_page(operator, keep, clip):
    page = operator.get(f"{LIST}{keep().pk}/change/")
    assert operator.get(source_of(page)).content == clip.data


def test_a_recording_can_be_wound_forward(operator, keep, clip):
    link = source_of(operator.get(f"{LIST}{keep().pk}/change/"))
    part = operator.get(link, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, clip.data[100:200])


def test_a_recording_leads_to_its_conversation(operator, keep):
    keep()
    assert f'href="/admin/conversations/conversation/{TALK}/change/"' in operator.get(LIST).content.decode()


@pytest.mark.parametrize("term", [str(ANNA), ANNA.hex, "aaaaaaaa", str(TALK), TALK.hex[:12]])
def test_the_search_finds_by_learner_and_conversation(operator, keep, term):
    wanted = keep()
    keep(learner=BORIS, conversation=BORIS)
    assert shown(operator, f"?q={term}") == {wanted.pk}


def test_the_search_finds_by_key(operator, keep):
    wanted = keep()
    keep()
    assert shown(operator, f"?q={wanted.key}") == {wanted.pk}


@pytest.mark.parametrize(("speaker", "role"), [("user", "user"), ("ai", "assistant")])
def test_the_filter_by_who_speaks(operator, keep, speaker, role):
    voices = {each: keep(role=each) for each in ("user", "assistant")}
    assert shown(operator, f"?speaker={speaker}") == {voices[role].pk}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"?learner={ANNA}", True),
        (f"?learner={BORIS}", False),
        (f"?conversation={TALK}", True),
        (f"?conversation={BORIS}", False),
        ("?type=audio/webm", True),
        ("?type=audio/mpeg", False),
        ("?place__exact=local", True),
        ("?created_at__year=2026&created_at__month=5", True),
        ("?created_at__year=2026&created_at__month=6", False),
        ("?learner=nobody", False),
    ],
)
def test_the_filters(operator, keep, query, found):
    keep()
    assert bool(shown(operator, query)) is found


def test_the_list_takes_as_many_queries_for_many_as_for_few(operator, keep):
    def queries(count):
        for number in range(count):
            keep(at=AT + timedelta(seconds=number))
        with CaptureQueriesContext(connections["local"]) as local:
            operator.get(LIST)
        return len(local)

    few = queries(2)
    assert queries(20) == few


def test_a_recording_cannot_be_changed(operator, keep):
    assert operator.post(f"{LIST}{keep().pk}/change/", {"key": "mine"}).status_code == 403


def test_a_recording_cannot_be_added(operator):
    assert operator.get(LIST + "add/").status_code == 403


def test_a_recording_is_not_deleted_without_its_conversation(operator, keep):
    assert operator.post(f"{LIST}{keep().pk}/delete/", {"post": "yes"}).status_code == 403


def test_without_an_account_there_is_only_the_login(client):
    assert client.get(LIST).url.startswith("/admin/login/")


@pytest.mark.parametrize("place", ["", "{row}/change/", "{row}/history/"])
def test_staff_without_permission_see_nothing(keep, place):
    assert staff_with().get(LIST + place.format(row=keep().pk)).status_code == 403


def test_staff_with_permission_see_recordings(keep):
    keep()
    assert staff_with("view_recording").get(LIST).status_code == 200
