"""Transcription works with the simulated provider and with servers that differ a little."""

from collections.abc import AsyncIterable
from typing import Any

import pytest

from engines.openai import clients, transcription
from engines.openai.tests.compatible import Answer, compatible
from simulators.openai import Provider, sound
from tutor.domain import EngineError
from usage import metering
from usage.metering import Used

HEARING = "/v1/audio/transcriptions"
PCM = sound.tone("a learner who speaks", 60)  # 1.2 s


async def test_a_recording_is_transcribed(openai_configured: Provider):
    openai_configured.configure(transcripts=[" I goes, um, home. \n"])
    assert (await transcription.transcript(PCM)).text == "I goes, um, home."


async def test_all_audio_is_sent_with_model_and_language(openai_configured: Provider):
    await transcription.transcript(PCM, language="vi")
    asked = openai_configured.log(HEARING)[0]
    assert asked["file"]["seconds"] == 1.2
    assert (asked["body"]["model"], asked["body"]["language"]) == ("gpt-transcribe", "vi")


async def test_a_form_is_sent_in_one_piece(openai_configured: Provider):
    client = clients.client("transcription")._client
    form = client.build_request("POST", "/", data={"model": "m"}, files={"file": ("turn.wav", PCM, "audio/wav")})
    for prepare in client.event_hooks["request"]:
        await prepare(form)
    assert isinstance(form.stream, AsyncIterable)
    sent = [piece async for piece in form.stream]
    assert [len(piece) for piece in sent] == [int(form.headers["Content-Length"])]


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("gpt-transcribe", transcription.VERBATIM_PROMPT),
        ("whisper-1", transcription.WHISPER_PROMPT),
        ("Systran/faster-whisper-small", transcription.WHISPER_PROMPT),
        ("gpt-4o-transcribe-diarize", None),
        ("nvidia/parakeet", None),
    ],
)
async def test_the_prompt_asks_to_keep_mistakes(
    openai_configured: Provider, settings: Any, model: str, prompt: str | None
):
    settings.OPENAI["transcription"]["model"] = model
    await transcription.transcript(PCM)
    assert openai_configured.log(HEARING)[0]["body"].get("prompt") == prompt


async def test_a_repeated_prompt_counts_as_silence(openai_configured: Provider, settings: Any):
    settings.OPENAI["transcription"]["model"] = "whisper-1"
    openai_configured.configure(transcripts=[transcription.WHISPER_PROMPT])
    assert (await transcription.transcript(PCM)).text == ""


@pytest.mark.parametrize("told", ["[BLANK_AUDIO]", "(soft music) [Silence]", "*coughs*", " "])
async def test_noises_count_as_silence(openai_configured: Provider, told: str):
    openai_configured.configure(transcripts=[told])
    assert (await transcription.transcript(PCM)).text == ""


async def test_words_beside_a_noise_are_kept(openai_configured: Provider):
    openai_configured.configure(transcripts=["(laughs) I goes home."])
    assert (await transcription.transcript(PCM)).text == "(laughs) I goes home."


@pytest.mark.parametrize(
    ("model", "used"),
    [
        ("gpt-transcribe", Used("transcription", "gpt-transcribe", audio_in=12, text_out=6)),
        ("whisper-1", Used("transcription", "whisper-1", seconds=1.2)),
    ],
)
async def test_usage_is_recorded_as_the_provider_counts_it(
    openai_configured: Provider, settings: Any, model: str, used: Used
):
    settings.OPENAI["transcription"]["model"] = model
    openai_configured.configure(
        transcripts=["I goes home again."] if model == "whisper-1" else ["I goes home now, yes"]
    )
    with metering.collected() as collected:
        await transcription.transcript(PCM)
    assert collected == [used]


async def test_a_turn_that_is_too_large_is_sent_at_a_lower_rate(
    openai_configured: Provider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transcription, "LARGEST", len(PCM) - 1)
    await transcription.transcript(PCM)
    file = openai_configured.log(HEARING)[0]["file"]
    assert file["seconds"] == pytest.approx(1.2, abs=0.01)
    assert file["bytes"] < len(PCM) * 0.7


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        ((200, "application/json", b'{"text": "I goes home."}'), "I goes home."),
        ((200, "application/json", b'{"text": "I goes home.", "usage": [1]}'), "I goes home."),
        ((200, "application/json", b'{"text": "I goes home.", "usage": {"seconds": "x"}}'), "I goes home."),
        ((200, "text/plain; charset=utf-8", b"I goes home.\n"), "I goes home."),
    ],
)
async def test_without_usage_the_length_of_the_audio_counts(
    settings: Any, openai_configured: Provider, answer: Answer, heard: str
):
    async with compatible(lambda path, body: answer) as server:
        settings.OPENAI["transcription"]["url"] = server.url
        with metering.collected() as collected:
            assert (await transcription.transcript(PCM)).text == heard
        await clients.close()
    assert collected == [Used("transcription", "gpt-transcribe", seconds=1.2)]


@pytest.mark.parametrize("body", [b"[]", b'{"words": "I"}', b'{"text": null}', b"<html>"])
async def test_an_answer_without_text_is_an_error(settings: Any, openai_configured: Provider, body: bytes):
    async with compatible(lambda path, asked: (200, "application/json", body)) as server:
        settings.OPENAI["transcription"]["url"] = server.url
        with pytest.raises(EngineError) as failure:
            await transcription.transcript(PCM)
        await clients.close()
    assert failure.value.detail.startswith("transcription: the answer")
