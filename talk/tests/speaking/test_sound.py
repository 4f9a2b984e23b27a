"""Text to speech and speech to text work with the embedded engine and with a provider."""

from typing import Any

import httpx
import pytest
from django.utils import timezone

from audio import recordings
from audio.encoding import from_pcm, to_pcm
from conversations import preferences, store
from conversations.tests.shapes import conversation, said
from core.threads import in_thread
from simulators.openai import Provider
from talk.tests.speaking.callers import IDS, WAV, WORDS, Caller, seconds, spent, whole
from tests.clouds import DATABASES, Half
from tests.servers import AgentServer
from tests.talking import silence

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

# Text to speech


async def test_a_text_is_spoken_as_mp3(local: None, caller: Caller):
    answer = await caller.call("text-to-speech", {"text": "Good morning."})
    assert answer["Content-Type"] == "audio/mpeg"
    assert 0.5 < seconds(await whole(answer)) < 3


def test_speech_is_sent_as_it_is_made(server: AgentServer):
    body = {"text": "Good morning. How are you today? I am glad to see you."}
    with httpx.stream("POST", f"{server.url}/api/text-to-speech", json=body, timeout=60) as answer:
        pieces = list(answer.iter_raw())
    assert len(pieces) > 2
    assert seconds(b"".join(pieces)) > 2


async def test_the_response_names_the_engine(local: None, caller: Caller):
    answer = await caller.call("text-to-speech", {"text": "Good morning."})
    await whole(answer)
    assert answer["X-Engine"] == "local"


async def test_with_one_id_alone_nothing_is_saved(local: None, caller: Caller):
    answer = await caller.call("text-to-speech", {"text": "Hello.", "conversationId": IDS["conversationId"]})
    await whole(answer)
    assert (await caller.get("/api/conversations")).json()["conversations"] == []


async def test_with_both_ids_the_speech_is_saved_and_linked(local: None, caller: Caller):
    answer = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    fetched = await caller.get(answer["audioUrl"])
    assert fetched["Content-Type"] == "audio/mpeg"
    assert seconds(await whole(fetched)) == pytest.approx(answer["audioDuration"], abs=0.15)


async def test_saved_speech_is_served_unchanged(local: None, caller: Caller):
    answer = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    recording = (await in_thread(recordings.of, [answer["audioS3Key"]]))[answer["audioS3Key"]]
    assert await whole(await caller.get(answer["audioUrl"])) == await in_thread(recordings.read, recording)


async def test_speech_that_the_learner_does_not_want_kept_is_answered_as_sound(local: None, caller: Caller):
    await in_thread(preferences.choose, caller.learner, audio_refused_at=timezone.now())
    answer = await caller.call("text-to-speech", {"text": "Good morning.", **IDS})
    assert answer["Content-Type"] == "audio/mpeg"
    assert "no recordings are kept" in answer["X-Not-Saved"]
    assert (await whole(answer)).startswith(b"ID3")
    (message,) = await caller.messages()
    assert (message["content"], message.get("audioS3Key")) == ("Good morning.", None)


async def test_its_key_has_the_contracts_shape(local: None, caller: Caller):
    answer = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    assert answer["audioS3Key"].startswith("audio/")
    assert answer["audioS3Key"].endswith("-ai.mp3")


async def test_a_missing_message_is_created_with_the_text(local: None, caller: Caller):
    answer = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    (message,) = await caller.messages()
    assert (message["role"], message["content"]) == ("assistant", "Good morning.")
    assert message["audioS3Key"] == answer["audioS3Key"]


async def test_a_client_that_saves_its_talk_afterwards_finds_the_speech_with_it(local: None, caller: Caller):
    kept = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    await caller.call("conversations", conversation(messages=[said("Good morning!", by="assistant")]))
    (message,) = await caller.messages()
    assert (message["content"], message["audioS3Key"]) == ("Good morning!", kept["audioS3Key"])
    assert message["audioUrl"]


async def test_the_words_of_an_existing_message_stay(local: None, caller: Caller):
    await caller.call("conversations", conversation(messages=[said("As it was.", by="assistant")]))
    await caller.call("text-to-speech", {"text": "Something else.", **IDS})
    (message,) = await caller.messages()
    assert message["content"] == "As it was."
    assert message["audioUrl"]


async def test_the_recording_of_a_learners_turn_is_not_replaced(local: None, caller: Caller):
    await caller.call("conversations", conversation(messages=[said("I am here.")]))
    ids = IDS | {"messageId": said("")["id"]}
    answer = await caller.call("text-to-speech", {"text": "I am here.", **ids})
    assert answer.status_code == 400
    assert "audioS3Key" not in (await caller.messages())[0]


async def test_speech_for_a_deleted_conversation_is_refused(local: None, caller: Caller):
    await caller.call("conversations", conversation())
    await caller.delete(f"/api/conversations/{IDS['conversationId']}")
    assert (await caller.call("text-to-speech", {"text": "Hello.", **IDS})).status_code == 410


async def test_another_learners_ids_do_not_reach_their_messages(local: None, caller: Caller, stranger: Caller):
    mine = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    theirs = (await stranger.call("text-to-speech", {"text": "Good night.", **IDS})).json()
    (message,) = await caller.messages()
    assert message["content"] == "Good morning."
    assert message["audioS3Key"] == mine["audioS3Key"] != theirs["audioS3Key"]


async def test_speech_that_cannot_be_saved_is_returned(local: None, caller: Caller, monkeypatch: pytest.MonkeyPatch):
    def full(*args: Any, **columns: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "save", full)
    answer = await caller.call("text-to-speech", {"text": "Good morning.", **IDS})
    assert answer["Content-Type"] == "audio/mpeg"
    assert "not saved" in answer["X-Not-Saved"]


@pytest.mark.django_db(transaction=True, databases=DATABASES)
async def test_while_the_database_is_down_speech_waits_in_the_shelter(local: None, caller: Caller, database: Half):
    with database.outage():
        answer = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    assert (answer["storage"], answer["degraded"]) == ("local", True)
    (message,) = await caller.messages()
    assert message["audioS3Key"] == answer["audioS3Key"]


@pytest.mark.django_db(transaction=True, databases=DATABASES)
async def test_while_the_database_is_down_learners_turns_are_recognised_by_id(
    local: None, caller: Caller, database: Half
):
    with database.outage():
        answer = await caller.call("text-to-speech", {"text": "Hello.", **IDS, "messageId": "user-1714521600000"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "  "}, "text"),
        ({"text": "… !"}, "text"),
        ({"text": 7}, "text"),
        ({"text": "a" * 4097}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": "Hello.", "voice": 7}, "voice"),
        ({"text": "Hello.", "voice": "a" * 101}, "voice"),
        ({"text": "Hello.", "conversationId": 7, "messageId": "ai-1"}, "conversationId"),
        ({"text": "Hello.", "conversationId": "c", "messageId": "a\0"}, "messageId"),
        ({"text": "Hello.", "conversationId": "c" * 201, "messageId": "ai-1"}, "conversationId"),
    ],
)
async def test_text_that_cannot_be_spoken_is_refused(local: None, caller: Caller, fields: dict[str, Any], names: str):
    answer = await caller.call("text-to-speech", fields)
    assert (answer.status_code, names in answer.json()["error"]) == (400, True)


async def test_a_provider_speaks(pipeline: Provider, caller: Caller):
    answer = await caller.call("text-to-speech", {"text": "Good morning."})
    assert (answer["X-Engine"], seconds(await whole(answer)) > 0.5) == ("openai_pipeline", True)


async def test_usage_of_a_providers_speech_is_counted(pipeline: Provider, caller: Caller):
    before = spent("talking_agent_provider_seconds_total", stage="speech")
    await whole(await caller.call("text-to-speech", {"text": "Good morning."}))
    assert spent("talking_agent_provider_seconds_total", stage="speech") - before > 0.5


# Speech to text


async def test_a_recording_is_transcribed(local: None, caller: Caller):
    assert (await caller.upload(WAV)).json() == {"text": WORDS, "engine": "local"}


async def test_other_formats_are_transcribed(local: None, caller: Caller):
    assert (await caller.upload(from_pcm(to_pcm(WAV)).data, language="en-GB")).json()["text"] == WORDS


async def test_silence_has_no_words(local: None, caller: Caller):
    assert (await caller.upload(from_pcm(silence(1)).data)).json()["text"] == ""


async def test_a_provider_transcribes(pipeline: Provider, caller: Caller):
    pipeline.configure(transcripts=["Thank you."])
    assert (await caller.upload(WAV)).json() == {"text": "Thank you.", "engine": "openai_pipeline"}


async def test_silence_is_not_sent_to_a_provider(pipeline: Provider, caller: Caller):
    pipeline.configure(transcripts=["Thanks for watching!"])
    assert (await caller.upload(from_pcm(silence(1)).data)).json()["text"] == ""


@pytest.mark.parametrize(
    ("audio", "fields", "names"),
    [
        (None, {}, "audio"),
        (b"", {}, "audio"),
        (b"I went to the park.", {}, "audio"),
        (bytes(25 * 1024 * 1024 + 1), {}, "25 MB"),
        (bytes(26 * 1024 * 1024), {}, "25 MB"),
        (WAV, {"language": "English"}, "language"),
        (WAV, {"language": "xx"}, "language"),
    ],
    ids=["none", "empty", "text", "a byte too large", "too large", "language", "no language"],
)
async def test_a_file_without_audio_is_refused(
    local: None, caller: Caller, audio: bytes | None, fields: dict[str, str], names: str
):
    answer = await caller.upload(audio, **fields)
    assert (answer.status_code, names in answer.json()["error"]) == (400, True)


async def test_a_file_that_is_not_in_a_form_is_refused(local: None, caller: Caller):
    answer = await caller.generic("POST", "/api/speech-to-text", WAV, content_type="audio/wav")
    assert (answer.status_code, "audio" in answer.json()["error"]) == (400, True)


async def test_a_language_that_the_embedded_engine_does_not_transcribe_is_501(local: None, caller: Caller):
    assert (await caller.upload(WAV, language="vi")).status_code == 501
