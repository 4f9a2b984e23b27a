"""Recordings are sent as data URLs in a conversation, and fetched by their key."""

from pathlib import Path
from typing import Any

import pytest

from audio import recordings
from audio.encoding import from_pcm
from audio.models import Recording
from audio.tests.sounds import file_of, tone
from conversations.tests.shapes import START, conversation, data_url, said
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(databases=["default", "local"])
URL = "/api/conversations"
WEBM = from_pcm(tone(0.5)).data
MP3 = file_of(tone(0.5), "mp3", "libmp3lame", rate=24_000)


def saved(client: LearnerClient, **message: Any) -> dict[str, Any]:
    """Save a conversation with only this message. Return the message of the answer."""
    response = client.send(URL, conversation(messages=[said("I come from Hanoi.", **message)]))
    assert response.status_code in (200, 201), response.json()
    return dict(response.json()["conversation"]["messages"][0])


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_audio_becomes_a_key(owner: LearnerClient) -> None:
    message = saved(owner, audioData=data_url(WEBM))
    assert message["audioS3Key"].startswith(f"audio/{START}-")
    assert message["audioS3Key"].endswith("-user.webm")


def test_audio_never_goes_out_as_data(owner: LearnerClient) -> None:
    assert "audioData" not in saved(owner, audioData=data_url(WEBM))


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (WEBM, "audio/webm"),
        (WEBM, "audio/webm;codecs=opus"),
        (WEBM, "video/webm"),
        (WEBM, "application/octet-stream"),
        (MP3, "audio/mpeg"),
        (MP3, "audio/webm"),
    ],
)
def test_webm_and_mp3_are_served_byte_for_byte(owner: LearnerClient, data: bytes, content_type: str) -> None:
    saved(owner, audioData=data_url(data, content_type))
    message = owner.get(URL, {"id": conversation()["id"]}).json()["conversation"]["messages"][0]
    assert owner.get(message["audioUrl"]).content == data


def test_a_wav_is_served_as_opus(owner: LearnerClient) -> None:
    message = saved(owner, audioData=data_url(file_of(tone(0.5), "wav", "pcm_s16le"), "audio/wav"))
    assert owner.get(message["audioUrl"])["Content-Type"] == "audio/webm"


def test_the_duration_goes_out(owner: LearnerClient) -> None:
    assert saved(owner, audioData=data_url(WEBM))["audioDuration"] == pytest.approx(0.5, abs=0.02)


def test_lists_have_keys_and_no_links(owner: LearnerClient) -> None:
    saved(owner, audioData=data_url(WEBM))
    message = owner.get(URL).json()["conversations"][0]["messages"][0]
    assert message["audioS3Key"]
    assert "audioUrl" not in message


def test_the_key_gives_a_link(owner: LearnerClient) -> None:
    key = saved(owner, audioData=data_url(WEBM))["audioS3Key"]
    assert owner.get(owner.get("/api/audio", {"key": key}).json()["url"]).content == WEBM


@pytest.mark.parametrize("audio", [None, "", "blob:http://localhost:3000/0b0b"])
def test_a_dead_link_is_no_audio(owner: LearnerClient, audio: str | None) -> None:
    message = saved(owner, audioData=audio)
    assert message["content"] == "I come from Hanoi."
    assert "audioS3Key" not in message


def test_saving_the_same_audio_again_keeps_it_once(owner: LearnerClient, recordings_folder: Path) -> None:
    assert saved(owner, audioData=data_url(WEBM)) | {"audioUrl": ""} == saved(owner, audioData=data_url(WEBM)) | {
        "audioUrl": ""
    }
    assert len(files_in(recordings_folder)) == 1


def test_saving_without_the_audio_keeps_it(owner: LearnerClient) -> None:
    assert saved(owner, audioData=data_url(WEBM))["audioS3Key"] == saved(owner)["audioS3Key"]


def test_saving_with_its_key_keeps_it(owner: LearnerClient) -> None:
    key = saved(owner, audioData=data_url(WEBM))["audioS3Key"]
    assert saved(owner, audioS3Key=key)["audioS3Key"] == key


def test_other_audio_takes_the_place_of_the_first(owner: LearnerClient, recordings_folder: Path) -> None:
    first, second = saved(owner, audioData=data_url(WEBM)), saved(owner, audioData=data_url(MP3))
    assert first["audioS3Key"] != second["audioS3Key"]
    assert [path.read_bytes() for path in files_in(recordings_folder)] == [MP3]


def test_the_key_of_another_learners_recording_is_ignored(owner: LearnerClient, outsider: LearnerClient) -> None:
    key = saved(owner, audioData=data_url(WEBM))["audioS3Key"]
    assert "audioS3Key" not in saved(outsider, audioS3Key=key)
    assert outsider.get("/api/audio", {"key": key}).status_code == 404


def test_naming_another_learners_recording_and_replacing_it_leaves_it_there(
    owner: LearnerClient, outsider: LearnerClient
) -> None:
    key = saved(owner, audioData=data_url(WEBM))["audioS3Key"]
    saved(outsider, audioS3Key=key)
    saved(outsider, audioData=data_url(MP3))
    assert recordings.read(recordings.of([key])[key]) == WEBM


def test_the_key_of_another_message_is_ignored(owner: LearnerClient) -> None:
    key = saved(owner, audioData=data_url(WEBM))["audioS3Key"]
    other = owner.send(URL, conversation("conv-2", messages=[said("Again.", audioS3Key=key)]))
    assert "audioS3Key" not in other.json()["conversation"]["messages"][0]
    assert saved(owner)["audioS3Key"] == key


def test_a_key_that_nobody_knows_is_ignored(owner: LearnerClient) -> None:
    assert "audioS3Key" not in saved(owner, audioS3Key="audio/1-conv-msg-user.webm")


def test_the_same_ids_and_audio_of_two_learners_do_not_collide(owner: LearnerClient, outsider: LearnerClient) -> None:
    mine, theirs = saved(owner, audioData=data_url(WEBM)), saved(outsider, audioData=data_url(WEBM))
    assert mine["audioS3Key"] != theirs["audioS3Key"]


def test_the_agents_voice_is_told_by_its_key(owner: LearnerClient) -> None:
    response = owner.send(
        URL, conversation(messages=[said("Hello!", by="assistant", audioData=data_url(MP3, "audio/mpeg"))])
    )
    assert response.json()["conversation"]["messages"][0]["audioS3Key"].endswith("-ai.mp3")


@pytest.mark.parametrize(
    ("audio", "complaint"),
    [
        (data_url(b"hello"), "not audio"),
        (data_url(b""), "empty"),
        (data_url(WEBM, "text/html"), "not a data URL of audio"),
        ("https://example.org/a.webm", "not a data URL of audio"),
        ("data:audio/webm;base64,@@@@", "not base64"),
        ("data:audio/webm;base64,ü", "not base64"),
        ("data:audio/webm;base64,\ud800", "not base64"),
        ("data:audio/webm;base64,AAA", "not base64"),
        (data_url(bytes(26 * 1024 * 1024)), "25 MB"),
        (5, "data URL"),
        ([], "data URL"),
        ({"data": "x"}, "data URL"),
    ],
    ids=[
        "text",
        "empty",
        "html",
        "link",
        "no base64",
        "not ascii",
        "surrogate",
        "padding",
        "26 MB",
        "number",
        "list",
        "object",
    ],
)
def test_what_is_not_audio_is_named_and_nothing_is_kept(
    owner: LearnerClient, recordings_folder: Path, audio: Any, complaint: str
) -> None:
    good, bad = said("One.", audioData=data_url(WEBM)), said("Two.", at=START + 1, audioData=audio)
    response = owner.send(URL, conversation(messages=[good, bad]))
    assert response.status_code == 400
    assert response.json()["error"].startswith("messages[1].audioData: ")
    assert complaint in response.json()["error"]
    assert owner.get(URL).json()["conversations"] == []
    assert not files_in(recordings_folder)
    assert not Recording.objects.using("local").exists()


def test_more_than_an_hour_of_audio_is_refused_at_once(owner: LearnerClient, recordings_folder: Path) -> None:
    long = data_url(file_of(bytes(48_000 * 590), "mp3", "libmp3lame", rate=8_000))
    turns = [said("x", at=START + turn, audioData=long) for turn in range(30)]
    response = owner.send(URL, conversation(messages=turns))
    assert response.json()["error"] == "messages: This holds more than 60 minutes of audio."
    assert not files_in(recordings_folder)


def test_a_full_disk_is_told_and_no_words_are_half_kept(owner: LearnerClient, recordings_folder: Path) -> None:
    owner.raise_request_exception = False
    recordings_folder.write_text("a file in the place of the folder")
    response = owner.send(URL, conversation(messages=[said("One.", audioData=data_url(WEBM))]))
    assert response.status_code == 503
    assert list(response.json()) == ["error"]
    assert owner.get(URL).json()["conversations"] == []


def test_a_recording_whose_bytes_are_lost_is_still_told(owner: LearnerClient, recordings_folder: Path) -> None:
    message = saved(owner, audioData=data_url(WEBM))
    (recordings_folder / message["audioS3Key"]).unlink()
    again = owner.get(URL, {"id": conversation()["id"]}).json()["conversation"]["messages"][0]
    assert owner.get(again["audioUrl"]).status_code == 404
