"""The agent's voice comes from `/audio/speech`, or from a Realtime model that reads aloud."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from engines.openai import clients, read_aloud, text_to_speech
from engines.openai.tests.compatible import Answer, compatible, refused
from simulators.openai import Provider, sound
from tutor.domain import EngineError
from usage import metering
from usage.metering import Used

SPEECH, READING = "/v1/audio/speech", "/v1/realtime"
TEXT = "You went to the park."


async def said(**how: Any) -> bytes:
    return b"".join([piece async for piece in text_to_speech.speak(TEXT, **how)])


def events(provider: Provider, kind: str) -> list[dict[str, Any]]:
    return [entry["event"] for entry in provider.log(READING) if entry.get("event", {}).get("type") == kind]


class TestEndpoint:
    @pytest.fixture(autouse=True)
    def chosen(self, openai_configured: Provider, settings: Any) -> None:
        settings.OPENAI["speech"]["model"] = "gpt-4o-mini-tts"

    async def test_the_text_is_spoken(self):
        assert await said() == sound.tone(TEXT, 60)

    async def test_signs_and_numbers_are_sent_as_words(self, provider: Provider):
        assert [piece async for piece in text_to_speech.speak("Dr. Lee paid $12.50.")]
        assert provider.log(SPEECH)[0]["body"]["input"] == "Doctor Lee paid twelve dollars and fifty cents."

    async def test_audio_arrives_in_pieces(self, provider: Provider):
        pieces = [piece async for piece in text_to_speech.speak(TEXT)]
        assert len(pieces) > 3

    async def test_voice_and_speed_are_sent(self, provider: Provider):
        await said(voice="nova", speed=0.5)
        body = provider.log(SPEECH)[0]["body"]
        assert (body["voice"], body["speed"], body["response_format"]) == ("nova", 0.5, "pcm")

    async def test_the_normal_speed_is_not_sent(self, provider: Provider):
        await said()
        assert "speed" not in provider.log(SPEECH)[0]["body"]

    async def test_an_unknown_voice_is_replaced_by_the_usual_one(self, settings: Any):
        def respond(path: str, body: dict[str, Any]) -> Answer:
            return (200, "audio/pcm", b"\1\0" * 10) if body["voice"] == settings.OPENAI_VOICE else refused(422)

        async with compatible(respond) as server:
            settings.OPENAI["speech"]["url"] = server.url
            assert await said(voice="Grandmother") == b"\1\0" * 10
            await clients.close()

    async def test_pieces_are_whole_samples(self, settings: Any):
        async with compatible(lambda path, body: (200, "audio/pcm", b"\1\0" * 9 + b"\1")) as server:
            settings.OPENAI["speech"]["url"] = server.url
            assert await said() == b"\1\0" * 9
            await clients.close()

    @pytest.mark.parametrize(
        ("kind", "sound"), [("audio/mpeg", b"ID3"), ("audio/wav", b"RIFF"), ("application/octet-stream", b"RIFF\0\0")]
    )
    async def test_another_audio_format_is_an_error(self, settings: Any, kind: str, sound: bytes):
        async with compatible(lambda path, body: (200, kind, sound)) as server:
            settings.OPENAI["speech"]["url"] = server.url
            with pytest.raises(EngineError) as failure:
                await said()
            await clients.close()
        assert "not with PCM" in failure.value.detail

    async def test_a_long_text_is_requested_in_portions(self, provider: Provider):
        provider.configure(ms_per_character=1)
        text = " ".join(["This is a sentence that somebody wants to hear."] * 200)
        pcm = b"".join([piece async for piece in text_to_speech.speak(text)])
        asked = [entry["body"]["input"] for entry in provider.log(SPEECH)]
        assert " ".join(asked) == text
        assert all(len(portion) <= text_to_speech.LONGEST and portion.endswith(".") for portion in asked)
        assert pcm == b"".join(sound.tone(portion, 1) for portion in asked)

    async def test_an_answer_without_audio_is_an_error(self, settings: Any):
        async with compatible(lambda path, body: (200, "audio/pcm", b"")) as server:
            settings.OPENAI["speech"]["url"] = server.url
            with pytest.raises(EngineError):
                await said()
            await clients.close()

    async def test_usage_is_recorded(self):
        with metering.collected() as collected:
            await said()
        assert collected == [Used("speech", "gpt-4o-mini-tts", seconds=1.26, characters=len(TEXT))]


class TestReading:
    @pytest.fixture(autouse=True)
    def chosen(self, openai_configured: Provider) -> None:
        openai_configured.configure(replies=[TEXT])

    async def test_the_text_is_spoken(self):
        assert await said() == sound.tone(TEXT, 60)

    async def test_the_instructions_ask_to_read_and_not_to_answer(self, provider: Provider):
        await said()
        session = events(provider, "session.update")[0]["session"]
        assert session["instructions"] == read_aloud.INSTRUCTIONS
        assert session["audio"]["input"]["turn_detection"] is None

    async def test_a_text_does_not_stay_in_the_conversation(self, provider: Provider):
        await said()
        assert events(provider, "response.create")[0]["response"]["conversation"] == "none"

    @pytest.mark.parametrize(("asked", "given"), [("", "marin"), ("cedar", "cedar"), ("nova", "marin")])
    async def test_an_unknown_voice_is_replaced_by_the_usual_one(self, provider: Provider, asked: str, given: str):
        await said(voice=asked)
        assert events(provider, "session.update")[0]["session"]["audio"]["output"]["voice"] == given

    async def test_speed_is_limited_to_the_range_of_the_model(self, provider: Provider):
        await said(speed=3.0)
        assert events(provider, "session.update")[0]["session"]["audio"]["output"]["speed"] == read_aloud.FASTEST

    async def test_a_connection_is_reused(self, provider: Provider):
        for _ in range(3):
            await said()
        assert provider.seen()["requests"][READING] == 1

    async def test_each_voice_and_speed_has_its_own_connection(self, provider: Provider):
        await said(speed=1.0)
        await said(speed=0.8)
        assert provider.seen()["requests"][READING] == 2

    async def test_a_connection_that_the_provider_closed_is_not_used(self, provider: Provider):
        of_others = provider.seen()["under_way"].get(READING, 0)
        # Long enough for a machine that stalls within a text.
        provider.configure(session_expires_s=5)
        await said()
        async with asyncio.timeout(60):
            while provider.seen()["under_way"].get(READING, 0) > of_others:
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.3)
        provider.configure(session_expires_s=600)
        assert await said() == sound.tone(TEXT, 60)
        assert provider.seen()["requests"][READING] == 2

    async def test_a_connection_in_the_middle_of_a_text_is_not_reused(self, provider: Provider):
        provider.configure(delays={"realtime_per_second_ms": 10_000})
        async with aclosing(text_to_speech.speak(TEXT)) as pieces:
            await anext(pieces)
        provider.configure(delays={"realtime_per_second_ms": 0})
        await said()
        assert provider.seen()["requests"][READING] == 2

    async def test_usage_is_recorded(self):
        with metering.collected() as collected:
            await said()
        (used,) = collected
        assert (used.stage, used.model, used.text_out, used.audio_out) == ("speech", "gpt-realtime-2.1-mini", 6, 25)

    async def test_a_refused_session_is_an_error(self, provider: Provider, settings: Any):
        provider.fail(READING, "failed", event="response.created", times=None)
        with pytest.raises(EngineError) as failure:
            await said()
        assert failure.value.detail == "speech: the provider broke off (server_error)."
