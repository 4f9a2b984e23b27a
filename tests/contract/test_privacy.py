"""A learner's choices are kept in every database, and hold for every place of audio."""

import httpx

from conversations.tests.shapes import data_url
from tests.contract.calls import WEBM, save_voice, voice
from tests.contract.places import Place

VOICE = data_url(WEBM)


def choose(client: httpx.Client, **choices: object) -> dict[str, object]:
    response = client.patch("/api/privacy", json=choices)
    assert response.status_code == 200, response.text
    return dict(response.json()["yours"])


def test_a_refusal_keeps_words_only_until_it_is_taken_back(place: Place, learner: httpx.Client):
    before = set(place.audio.all_keys())
    assert choose(learner, keepsAudio=False)["keepsAudio"] is False
    assert "audioS3Key" not in save_voice(learner, audioData=VOICE)
    assert voice(learner)["content"] == "I come from Hanoi."
    assert set(place.audio.all_keys()) == before
    assert choose(learner, keepsAudio=True)["keepsAudio"] is True
    assert save_voice(learner, audioData=VOICE)["audioS3Key"] in set(place.audio.all_keys()) - before


def test_choices_are_kept_one_by_one(place: Place, learner: httpx.Client):
    choose(learner, retentionDays=30)
    choose(learner, keepsAudio=False)
    assert learner.get("/api/privacy").json()["yours"] == {
        "keepsAudio": False,
        "retentionDays": 30,
        "conversationDays": 30,
        "recordingDays": 30,
        "erasingRecordings": False,
    }
    assert choose(learner, retentionDays=None)["conversationDays"] is None
    assert choose(learner, eraseRecordings=True)["erasingRecordings"] is True
