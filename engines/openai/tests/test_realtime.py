"""All users of the Realtime API share the counting of its events, and accept any JSON."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.conf import settings as project
from websockets.asyncio.server import ServerConnection, serve

from engines.openai import clients, read_aloud, realtime, text_to_speech
from engines.openai.error_translation import GARBLED
from simulators.openai import Provider
from tutor.domain import EngineError
from usage import metering
from usage.metering import Used

READING = "/v1/realtime"
MODEL = "gpt-realtime-2.1-mini"
SECRET = "sk-What the provider wrote"
TOOK: dict[str, Any] = {
    "input_token_details": {
        **{"text_tokens": 100, "audio_tokens": 50, "cached_tokens": 70},
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 10},
    },
    "output_token_details": {"text_tokens": 5, "audio_tokens": 20},
}


@pytest.fixture(autouse=True)
def chosen(openai_configured: Provider, settings: Any) -> None:
    settings.OPENAI["speech"]["model"] = MODEL


def test_cached_tokens_are_counted_separately():
    used = realtime.of_response("speech", TOOK)
    assert used == Used("speech", MODEL, text_in=40, audio_in=40, cached_in=70, text_out=5, audio_out=20)


@pytest.mark.parametrize("counted", [None, 7, SECRET, [7], {"input_token_details": SECRET}])
def test_usage_of_an_unknown_shape_counts_nothing(counted: object):
    assert realtime.of_response("speech", counted) == Used("speech", MODEL)


@pytest.mark.parametrize("figure", [None, SECRET, [7], {}, 1e999])
def test_values_that_are_not_numbers_count_nothing(figure: object):
    took = TOOK | {"output_token_details": {"text_tokens": figure, "audio_tokens": 20}}
    assert realtime.of_response("speech", took).audio_out == 20
    assert realtime.of_response("speech", took).text_out == 0


def test_transcription_is_billed_by_the_second_or_the_token():
    tokens = {"input_token_details": {"audio_tokens": 12, "text_tokens": 1}, "output_tokens": 3}
    model = clients.model("transcription")
    assert realtime.of_transcription({"seconds": 1.5}) == Used("transcription", model, seconds=1.5)
    assert realtime.of_transcription(tokens) == Used("transcription", model, text_in=1, audio_in=12, text_out=3)


@pytest.mark.parametrize("counted", [SECRET, {"seconds": SECRET}, {"seconds": 1e999}, {"output_tokens": [7]}])
def test_transcription_without_usage_is_recorded_as_free(counted: object):
    with metering.collected() as collected:
        metering.record(realtime.of_transcription(counted))
    assert collected == [Used("transcription", clients.model("transcription"))]


# Reading text aloud


@contextlib.asynccontextmanager
async def saying(frame: str) -> AsyncIterator[None]:
    """Configure a provider that answers every text with this one."""

    async def answer(socket: ServerConnection) -> None:
        async for sent in socket:
            if json.loads(sent)["type"] == "response.create":
                await socket.send(frame)

    async with serve(answer, "127.0.0.1", 0) as listening:
        project.OPENAI["speech"]["url"] = f"http://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}/v1"
        yield
        await read_aloud.close()


@pytest.mark.parametrize(
    "frame",
    [
        SECRET,
        "[7]",
        '{"type": ' + "[" * 100_000,
        '{"type": ' + "7" * 10_000 + "}",
        '{"type": "response.output_audio.delta"}',
        '{"type": "response.output_audio.delta", "delta": null}',
        '{"type": "response.output_audio.delta", "delta": "sk-ß"}',
        '{"type": "response.done"}',
        f'{{"type": "response.done", "response": "{SECRET}"}}',
        f'{{"type": "response.done", "response": {{"status": "failed", "status_details": "{SECRET}"}}}}',
    ],
)
async def test_an_event_that_cannot_be_read_is_a_failure(frame: str):
    async with saying(frame):
        with pytest.raises(EngineError, match=GARBLED) as failure:
            [piece async for piece in text_to_speech.speak("Read this.")]
    assert failure.value.detail == "speech: an event cannot be read."


@pytest.mark.parametrize("error", [SECRET, [SECRET], {"code": SECRET}, {"type": {SECRET: SECRET}}])
async def test_the_words_of_the_provider_are_not_repeated(error: object):
    async with saying(json.dumps({"type": "error", "error": error})):
        with pytest.raises(EngineError) as failure:
            [piece async for piece in text_to_speech.speak("Read this.")]
    assert failure.value.detail == "speech: the provider broke off (no reason)."


async def test_a_failed_connection_does_not_affect_the_others(provider: Provider):
    # The other connections open after the failure.
    provider.configure(delays={"connect_ms": 200})
    provider.fail(READING, "500")
    await text_to_speech.warm()
    await text_to_speech.warm()
    assert provider.seen()["requests"][READING] == read_aloud.READY + 1


async def test_warming_fails_if_it_leaves_no_connection(provider: Provider):
    provider.fail(READING, "500", times=None)
    with pytest.raises(EngineError, match="cannot be reached"):
        await text_to_speech.warm()


async def test_a_connection_that_was_idle_too_long_is_closed(provider: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(read_aloud, "KEPT", 0.0)
    for speed in (1.0, 0.9, 0.8):
        [piece async for piece in text_to_speech.speak("Read this.", speed=speed)]
    async with asyncio.timeout(60):
        while provider.seen()["under_way"][READING] > 1:
            await asyncio.sleep(0.02)
    assert provider.seen()["requests"][READING] == 3


async def test_a_cancelled_close_leaves_no_connection_open(provider: Provider):
    socket = await realtime.opened("speech", within=10)
    leaving = asyncio.create_task(realtime.close(socket))
    await asyncio.sleep(0)
    leaving.cancel()
    async with asyncio.timeout(60):
        while provider.seen()["under_way"]:
            await asyncio.sleep(0.02)
    assert leaving.cancelled()
