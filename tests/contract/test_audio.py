"""Recordings come in as data URLs, and go out by `/api/audio?key=` and its links."""

from urllib.parse import urlsplit

import httpx
import pytest

from audio.encoding import to_pcm
from audio.tests.sounds import likeness
from conversations.tests.shapes import START, conversation, data_url, said
from tests.contract.calls import ID, MP3, TONE, URL, WAV, WEBM, save, save_voice, voice
from tests.contract.places import Place

# WebM is a kind of Matroska.
MATROSKA = b"\x1a\x45\xdf\xa3"


# Sending


@pytest.mark.parametrize(
    ("sound", "sent_as", "content_type"),
    [
        (WEBM, "audio/webm;codecs=opus", "audio/webm"),
        (WEBM, "video/webm", "audio/webm"),
        (MP3, "audio/mpeg", "audio/mpeg"),
        (MP3, "audio/webm", "audio/mpeg"),
    ],
)
def test_webm_and_mp3_are_kept_byte_for_byte(
    place: Place, learner: httpx.Client, sound: bytes, sent_as: str, content_type: str
):
    key = save_voice(learner, audioData=data_url(sound, sent_as))["audioS3Key"]
    response = place.fetch(voice(learner)["audioUrl"])
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert response.content == place.audio.read(key) == sound


def test_wav_becomes_opus(place: Place, learner: httpx.Client):
    save_voice(learner, audioData=data_url(WAV, "audio/wav"))
    response = place.fetch(voice(learner)["audioUrl"])
    assert response.headers["content-type"] == "audio/webm"
    assert response.content.startswith(MATROSKA)
    assert len(response.content) < len(WAV) / 4
    assert likeness(to_pcm(response.content), TONE) > 0.95


@pytest.mark.parametrize(
    ("role", "sound", "ending"),
    [("user", WEBM, "-user.webm"), ("assistant", MP3, "-ai.mp3"), ("user", WAV, "-user.webm")],
)
def test_keys_have_the_documented_form(learner: httpx.Client, role: str, sound: bytes, ending: str):
    message = said("Hello.", by=role, audioData=data_url(sound))
    answer = learner.post(URL, json=conversation(messages=[message])).json()
    key = answer["conversation"]["messages"][0]["audioS3Key"]
    assert key.startswith(f"audio/{START}-")
    assert key.endswith(ending)


def test_new_audio_replaces_the_old_one(place: Place, learner: httpx.Client):
    before = place.census()
    first = save_voice(learner, audioData=data_url(WEBM))["audioS3Key"]
    second = save_voice(learner, audioData=data_url(MP3))["audioS3Key"]
    assert first not in place.audio.all_keys()
    assert place.audio.read(second) == MP3
    assert place.census() == before.plus(conversations=1, messages=1, voices=1)


def test_saving_without_the_audio_keeps_it(place: Place, learner: httpx.Client):
    key = save_voice(learner, audioData=data_url(WEBM))["audioS3Key"]
    kept = place.census()
    assert save_voice(learner)["audioS3Key"] == key
    assert place.census() == kept


@pytest.mark.parametrize("audio", [None, "", "blob:http://localhost:3000/0b0b"])
def test_an_unreachable_link_is_not_stored_as_audio(place: Place, learner: httpx.Client, audio: str | None):
    before = place.census()
    assert "audioS3Key" not in save_voice(learner, audioData=audio)
    assert place.census() == before.plus(conversations=1, messages=1)


def test_the_key_of_another_learners_recording_is_ignored(place: Place, learner: httpx.Client, outsider: httpx.Client):
    key = save_voice(learner, audioData=data_url(WEBM))["audioS3Key"]
    assert "audioS3Key" not in save_voice(outsider, audioS3Key=key)
    save_voice(outsider, audioS3Key=key, audioData=data_url(MP3))
    outsider.delete(URL, params={"clearAll": "true"})
    assert place.fetch(voice(learner)["audioUrl"]).content == WEBM


# /api/audio


def test_a_key_returns_a_link_to_the_bytes(place: Place, learner: httpx.Client):
    key = save_voice(learner, audioData=data_url(WEBM))["audioS3Key"]
    response = learner.get("/api/audio", params={"key": key})
    assert response.status_code == 200
    assert urlsplit(response.json()["url"]).scheme in ("http", "https")
    assert place.fetch(response.json()["url"]).content == WEBM


def test_a_deleted_recording_gets_no_new_link_until_it_is_restored(place: Place, learner: httpx.Client):
    key = save_voice(learner, audioData=data_url(WEBM))["audioS3Key"]
    wanted = {"key": key}
    assert learner.delete(f"{URL}/{ID}").status_code == 200
    assert learner.get("/api/audio", params=wanted).status_code == 404
    assert learner.post(f"{URL}/{ID}/restore").status_code == 200
    assert place.fetch(learner.get("/api/audio", params=wanted).json()["url"]).content == WEBM
    learner.delete(URL, params={"clearAll": "true"})
    assert learner.get("/api/audio", params=wanted).status_code == 404


def test_a_removed_message_gets_no_new_link(learner: httpx.Client):
    key = save_voice(learner, audioData=data_url(WEBM))["audioS3Key"]
    save(learner, conversation(messages=[said("Another one.", id="user-9")]))
    assert learner.get("/api/audio", params={"key": key}).status_code == 404


def test_a_missing_key_is_answered_400(learner: httpx.Client):
    response = learner.get("/api/audio")
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert "key" in response.json()["error"]


@pytest.mark.parametrize("key", ["audio/none", "x" * 10_000, "\0", "../secret_key", "", "probe/x"])
def test_an_unknown_key_is_refused(learner: httpx.Client, key: str):
    response = learner.get("/api/audio", params={"key": key})
    assert (response.status_code, list(response.json())) == (404 if key else 400, ["error"])


def test_an_outsider_gets_no_link_and_learns_nothing(learner: httpx.Client, outsider: httpx.Client):
    key = save_voice(learner, audioData=data_url(WEBM))["audioS3Key"]
    foreign, none = (outsider.get("/api/audio", params={"key": each}) for each in (key, "audio/none"))
    assert (foreign.status_code, foreign.content) == (404, none.content)
