"""The simulated provider works with the official client: its answers have the client's types, and its faults arrive."""

import asyncio
import base64
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest
import websockets
from openai import AsyncOpenAI
from openai.types import Model, ModerationCreateResponse
from openai.types.audio import Transcription, TranscriptionStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter

from audio.encoding import to_pcm
from simulators.openai import Provider, scripted_words, sound
from simulators.openai.process import ROOT, OrderRefused
from tests.talking import bytes_before_voice, silence

CHAT, SPEECH, HEARING = "/v1/chat/completions", "/v1/audio/speech", "/v1/audio/transcriptions"
TALK = "/v1/realtime"
ASKED: dict[str, Any] = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "I go home yesterday."}]}
SAID: dict[str, Any] = {"model": "gpt-4o-mini-tts", "voice": "marin", "input": "Good evening, my friend!"}
VOICE = sound.tone("a learner who speaks", 60)  # 1.2 s
REPLY = "You went home. Why?"
FOREVER = {"times": None}
# The real API sends these, too, but the client's types lack them.
UNNAMED = {"session.id", "session.object", "session.expires_at"}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider(replies=[REPLY]) as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


@pytest.fixture
async def client(provider: Provider) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="sk-test", base_url=provider.url, max_retries=0) as client:
        yield client


def check_shape(answer: BaseModel, shape: Any) -> None:
    """Check that the object has all fields of the type, and no others."""
    parsed = TypeAdapter(shape).validate_python(answer.to_dict())  # type: ignore[attr-defined]
    assert set(unknown_fields(parsed)) <= UNNAMED


def unknown_fields(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from (f"{path}.{name}".strip(".") for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from unknown_fields(getattr(value, name), f"{path}.{name}".strip("."))
    elif isinstance(value, list):
        for each in value:
            yield from unknown_fields(each, path)


class Caller:
    """Run a talk with the official client. Every event is checked against its types."""

    def __init__(self, talk: Any) -> None:
        self.talk = talk

    async def until(self, *kinds: str) -> list[dict[str, Any]]:
        """Return all events up to the first of one of these types."""
        received: list[dict[str, Any]] = []
        while not received or received[-1]["type"] not in kinds:
            event = await asyncio.wait_for(self.talk.recv(), 60)
            check_shape(event, RealtimeServerEvent)
            received.append(event.to_dict())
        return received

    async def expect(self, kind: str) -> dict[str, Any]:
        return (await self.until(kind))[-1]

    async def set_up(self, *, detection: dict[str, Any] | None = None, transcribe: bool = True, **session: Any) -> None:
        transcription = {"model": "gpt-transcribe"} if transcribe else None
        audio = {"input": {"turn_detection": detection, "transcription": transcription}}
        await self.talk.session.update(session={"type": "realtime", "audio": audio, **session})
        await self.expect("session.updated")

    async def say(self, pcm: bytes) -> None:
        for piece in sound.pieces(pcm, len(pcm) // 4800):
            await self.talk.input_audio_buffer.append(audio=base64.b64encode(piece).decode())

    async def hold_to_talk(self, pcm: bytes = VOICE) -> None:
        await self.say(pcm)
        await self.talk.input_audio_buffer.commit()
        await self.talk.response.create()

    async def write(self, text: str, **fields: Any) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.talk.conversation.item.create(item={"type": "message", "role": "user", "content": content}, **fields)


@asynccontextmanager
async def calling(client: AsyncOpenAI) -> AsyncIterator[Caller]:
    async with client.realtime.connect(model="gpt-realtime-2.1") as talk:
        yield Caller(talk)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Return the types in order, each run of one type once."""
    types = [event["type"] for event in events]
    return [kind for number, kind in enumerate(types) if number == 0 or types[number - 1] != kind]


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


def voice_in(events: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(event["delta"]) for event in of_type(events, "response.output_audio.delta"))


async def test_it_lists_its_models(client: AsyncOpenAI):
    models = [model async for model in client.models.list()]
    check_shape(models[0], Model)
    assert "gpt-transcribe" in {model.id for model in models}


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI):
    assert (await client.models.retrieve("gpt-transcribe")).id == "gpt-transcribe"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("gpt-0")


@pytest.mark.parametrize(("file_format", "suffix"), [("wav", "wav"), ("mp3", "mp3"), ("opus", "ogg"), ("flac", "flac")])
async def test_it_transcribes_files_of_every_common_kind(client: AsyncOpenAI, file_format: str, suffix: str):
    file = (f"turn.{suffix}", sound.encoded(VOICE, file_format))
    heard = await client.audio.transcriptions.create(file=file, model="gpt-transcribe")
    check_shape(heard, Transcription)
    assert heard.text == "I spoke for 1.2 seconds."


async def test_a_transcription_is_streamed(provider: Provider, client: AsyncOpenAI):
    provider.configure(transcripts=["Yesterday I go home."])
    file = ("turn.wav", sound.encoded(VOICE, "wav"))
    events = [e async for e in await client.audio.transcriptions.create(file=file, model="gpt-transcribe", stream=True)]
    for event in events:
        check_shape(event, TranscriptionStreamEvent)
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == "Yesterday I go home."
    assert events[-1].type == "transcript.text.done"


async def test_transcripts_are_chosen_by_the_audio_or_in_order(provider: Provider, client: AsyncOpenAI):
    known, other = sound.encoded(VOICE, "wav"), sound.encoded(VOICE * 2, "wav")
    provider.configure(heard={str(len(known)): "by its length"}, transcripts=["first", "then"])

    async def hear(data: bytes) -> Any:
        return await client.audio.transcriptions.create(file=("a.wav", data), model="m", response_format="text")

    assert [await hear(each) for each in (other, known, other, other)] == [
        "first\n",
        "by its length\n",
        "then\n",
        "then\n",
    ]


async def test_a_file_that_is_not_audio_is_refused(client: AsyncOpenAI):
    with pytest.raises(openai.BadRequestError):
        await client.audio.transcriptions.create(file=("a.webm", b"not audio"), model="gpt-transcribe")


async def test_chat_answers_with_its_usage(client: AsyncOpenAI):
    tools: Any = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    answer = await client.chat.completions.create(**ASKED, tools=tools)
    check_shape(answer, ChatCompletion)
    assert answer.choices[0].message.content == REPLY
    assert answer.usage
    assert answer.usage.completion_tokens == len(scripted_words.tokens(REPLY))


async def test_chat_is_streamed_token_by_token(client: AsyncOpenAI):
    stream = await client.chat.completions.create(**ASKED, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    for chunk in chunks:
        check_shape(chunk, ChatCompletionChunk)
    written = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert written == scripted_words.tokens(REPLY)
    assert chunks[-1].usage.total_tokens > len(written)
    assert chunks[-2].choices[0].finish_reason == "stop"


SCHEMA = {
    "type": "object",
    "properties": {"said": {"type": "string"}, "why": {"enum": ["tense"]}, "more": {"type": "array", "items": {}}},
}


async def test_structured_output_follows_the_schema_or_the_script(provider: Provider, client: AsyncOpenAI):
    provider.configure(structured={"scripted": ["not JSON", {"said": "I go"}]})

    async def ask(name: str) -> str | None:
        wanted: Any = {"type": "json_schema", "json_schema": {"name": name, "schema": SCHEMA}}
        answer = await client.chat.completions.create(**ASKED, response_format=wanted)
        return answer.choices[0].message.content

    assert json.loads(await ask("another") or "") == {"said": "", "why": "tense", "more": []}
    assert [await ask("scripted"), await ask("scripted")] == ["not JSON", '{"said": "I go"}']


async def test_speech_is_a_tone_as_long_as_its_text(client: AsyncOpenAI):
    async with client.audio.speech.with_streaming_response.create(**SAID, response_format="pcm") as answer:
        pcm = b"".join([piece async for piece in answer.iter_bytes()])
    assert sound.milliseconds(pcm) == 60 * len(SAID["input"])
    assert bytes_before_voice(pcm) < 10


@pytest.mark.parametrize("file_format", ["wav", "mp3", "opus", "aac", "flac"])
async def test_speech_is_available_in_every_format(client: AsyncOpenAI, file_format: Any):
    answer = await client.audio.speech.create(**SAID, response_format=file_format)
    assert sound.milliseconds(to_pcm(answer.content)) == pytest.approx(60 * len(SAID["input"]), abs=100)


async def test_speech_can_be_sent_as_events(client: AsyncOpenAI):
    made: Any = client.audio.speech.with_streaming_response.create(**SAID, response_format="pcm", stream_format="sse")
    async with made as answer:
        events = [json.loads(line[6:]) async for line in answer.iter_lines() if line.startswith("data: ")]
    pcm = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert sound.milliseconds(pcm) == 60 * len(SAID["input"])
    assert events[-1]["type"] == "speech.audio.done"


async def test_moderation_flags_the_words_of_the_settings(provider: Provider, client: AsyncOpenAI):
    provider.configure(flagged={"fight": "violence"})
    answer = await client.moderations.create(input=["I like tea.", "I fight you!"])
    check_shape(answer, ModerationCreateResponse)
    assert [(each.flagged, each.categories.violence) for each in answer.results] == [(False, False), (True, True)]


def test_a_missing_key_is_the_real_apis_401(provider: Provider):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{provider.url}/models")
    error = json.load(refused.value)["error"]
    assert (refused.value.code, error["type"], error["code"]) == (401, "invalid_request_error", None)
    assert error.keys() == {"message", "type", "param", "code"}


async def test_a_wrong_key_is_refused(provider: Provider, client: AsyncOpenAI):
    provider.configure(api_key="sk-right")
    with pytest.raises(openai.AuthenticationError) as refused:
        await client.models.list()
    assert refused.value.code == "invalid_api_key"


async def test_hold_to_talk_has_the_events_of_the_real_api(provider: Provider, client: AsyncOpenAI):
    provider.configure(transcripts=["I go home yesterday."])
    async with calling(client) as caller:
        await caller.set_up()
        await caller.hold_to_talk()
        received = await caller.until("response.done")
    # The transcription continues beside it.
    answer = [event for event in received if "transcription" not in event["type"]]
    assert kinds(answer) == [
        *("input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"),
        *("response.created", "rate_limits.updated"),
        *("response.output_item.added", "conversation.item.added", "response.content_part.added"),
        *("response.output_audio_transcript.delta", "response.output_audio.delta", "response.output_audio.done"),
        *("response.output_audio_transcript.done", "response.content_part.done", "conversation.item.done"),
        *("response.output_item.done", "response.done"),
    ]
    heard = of_type(received, "conversation.item.input_audio_transcription.completed")[0]
    assert (heard["transcript"], heard["item_id"]) == ("I go home yesterday.", received[0]["item_id"])
    assert voice_in(received) == sound.tone(REPLY, 60)
    assert received[-1]["response"]["usage"]["output_token_details"]["audio_tokens"] == round(len(REPLY) * 60 / 50)


async def test_server_vad_detects_and_answers_the_turn(client: AsyncOpenAI):
    async with calling(client) as caller:
        await caller.set_up(detection={"type": "server_vad", "silence_duration_ms": 300})
        await caller.say(silence(1) + VOICE + silence(0.4))
        received = await caller.until("response.done")
        await caller.talk.conversation.item.retrieve(item_id=received[0]["item_id"])
        item = (await caller.expect("conversation.item.retrieved"))["item"]
    started, stopped = received[0], of_type(received, "input_audio_buffer.speech_stopped")[0]
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (700, 2500)
    assert started["item_id"] == stopped["item_id"] == of_type(received, "input_audio_buffer.committed")[0]["item_id"]
    assert sound.milliseconds(base64.b64decode(item["content"][0]["audio"])) == 1800
    assert voice_in(received)


async def test_semantic_vad_waits_according_to_its_eagerness(client: AsyncOpenAI):
    async with calling(client) as caller:
        await caller.set_up(detection={"type": "semantic_vad", "eagerness": "low", "create_response": False})
        await caller.say(VOICE + silence(1.4))
        await caller.talk.conversation.item.retrieve(item_id="none")
        before = await caller.until("error")
        await caller.say(silence(0.1))
        await caller.expect("input_audio_buffer.speech_stopped")
    assert kinds(before) == ["input_audio_buffer.speech_started", "error"]


async def test_silence_is_not_a_turn(client: AsyncOpenAI):
    async with calling(client) as caller:
        await caller.set_up(detection={"type": "server_vad"})
        await caller.say(silence(3))
        await caller.talk.input_audio_buffer.clear()
        assert kinds(await caller.until("input_audio_buffer.cleared")) == ["input_audio_buffer.cleared"]


async def test_speech_interrupts_the_answer_and_the_rest_is_truncated(provider: Provider, client: AsyncOpenAI):
    provider.configure(replies=["A long answer. " * 10], delays={"realtime_per_second_ms": 1000})
    async with calling(client) as caller:
        await caller.set_up(detection={"type": "server_vad"})
        await caller.talk.response.create()
        item_id = (await caller.expect("response.output_audio.delta"))["item_id"]
        await caller.expect("response.output_audio.delta")
        await caller.expect("response.output_audio.delta")
        await caller.say(VOICE)
        ended = (await caller.until("response.done"))[-1]["response"]
        await caller.talk.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=200)
        truncated = await caller.expect("conversation.item.truncated")
        await caller.talk.conversation.item.retrieve(item_id=item_id)
        kept = (await caller.expect("conversation.item.retrieved"))["item"]["content"][0]
    assert (ended["status"], ended["status_details"]["reason"]) == ("cancelled", "turn_detected")
    assert (truncated["item_id"], truncated["audio_end_ms"]) == (item_id, 200)
    assert (sound.milliseconds(base64.b64decode(kept["audio"])), kept["transcript"]) == (200, "")


async def test_a_response_can_be_cancelled_before_its_first_word(provider: Provider, client: AsyncOpenAI):
    provider.configure(delays={"realtime_first_audio_ms": 60_000})
    async with calling(client) as caller:
        await caller.set_up()
        await caller.talk.response.create()
        await caller.talk.response.cancel()
        ended = (await caller.expect("response.done"))["response"]
        await caller.talk.response.cancel()
        error = (await caller.expect("error"))["error"]
    assert (ended["status"], ended["status_details"]["reason"]) == ("cancelled", "client_cancelled")
    assert error["code"] == "response_cancel_not_active"


async def test_one_response_at_a_time_except_outside_the_conversation(provider: Provider, client: AsyncOpenAI):
    provider.configure(delays={"realtime_first_audio_ms": 60_000})
    async with calling(client) as caller:
        await caller.set_up()
        await caller.talk.response.create()
        await caller.talk.response.create()
        error = (await caller.expect("error"))["error"]
        beside: Any = {"conversation": "none", "output_modalities": ["text"], "metadata": {"for": "corrections"}}
        await caller.talk.response.create(response=beside)
        received = await caller.until("response.done")
    assert error["code"] == "conversation_already_has_active_response"
    assert received[-1]["response"]["metadata"] == {"for": "corrections"}
    assert not of_type(received, "conversation.item.added")
    assert "".join(event["delta"] for event in of_type(received, "response.output_text.delta")) == REPLY


async def test_the_client_edits_the_conversation(provider: Provider, client: AsyncOpenAI):
    provider.configure(replies=[])
    async with calling(client) as caller:
        await caller.set_up(output_modalities=["text"])
        await caller.write("I like long walks in the evening.")
        walks = await caller.expect("conversation.item.done")
        await caller.write("And tea.", previous_item_id="root")
        tea = await caller.expect("conversation.item.added")
        await caller.talk.response.create()
        first = (await caller.until("response.done"))[-1]["response"]
        await caller.talk.conversation.item.delete(item_id=walks["item"]["id"])
        await caller.expect("conversation.item.deleted")
        await caller.talk.response.create()
        second = (await caller.until("response.done"))[-1]["response"]
    assert tea["previous_item_id"] is None
    assert "long walks" in first["output"][0]["content"][0]["text"]
    assert "And tea." in second["output"][0]["content"][0]["text"]
    assert second["usage"]["input_tokens"] != first["usage"]["input_tokens"]


WRONG = [
    ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty"),
    ({"type": "input_audio_buffer.append", "audio": "?"}, "invalid_value"),
    ({"type": "session.update", "session": {"type": "realtime", "input_audio_format": "pcm16"}}, "unknown_parameter"),
    ({"type": "session.update", "session": {}}, "missing_required_parameter"),
    ({"type": "conversation.item.truncate", "item_id": "none", "audio_end_ms": 1}, "item_truncate_invalid_item_id"),
    ({"type": "talk.unknown"}, "invalid_value"),
]


@pytest.mark.parametrize(("event", "code"), WRONG, ids=lambda each: each if isinstance(each, str) else each["type"])
async def test_an_invalid_event_is_answered_and_the_talk_continues(
    client: AsyncOpenAI, event: dict[str, Any], code: str
):
    async with calling(client) as caller:
        await caller.talk.send({**event, "event_id": "mine"})
        error = (await caller.expect("error"))["error"]
        await caller.set_up()
    assert (error["code"], error["event_id"], error["type"]) == (code, "mine", "invalid_request_error")


async def test_by_default_transcription_is_off_and_detection_on(client: AsyncOpenAI):
    async with calling(client) as caller:
        given = (await caller.expect("session.created"))["session"]["audio"]["input"]
        await caller.say(VOICE + silence(0.6))
        received = await caller.until("response.done")
    assert (given["transcription"], given["turn_detection"]["type"]) == (None, "server_vad")
    assert not of_type(received, "conversation.item.input_audio_transcription.completed")


async def test_a_session_expires(provider: Provider, client: AsyncOpenAI):
    provider.configure(session_expires_s=0.2)
    async with calling(client) as caller:
        assert (await caller.expect("error"))["error"]["code"] == "session_expired"
        with pytest.raises(websockets.ConnectionClosedOK) as closed:
            await caller.talk.recv()
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1001


async def streamed(client: AsyncOpenAI) -> list[Any]:
    return [chunk async for chunk in await client.chat.completions.create(**ASKED, stream=True)]


async def spoken(client: AsyncOpenAI) -> bytes:
    async with client.audio.speech.with_streaming_response.create(**SAID, response_format="pcm") as answer:
        return b"".join([piece async for piece in answer.iter_bytes()])


STATUSES = [
    ("400", openai.BadRequestError),
    ("401", openai.AuthenticationError),
    ("403", openai.PermissionDeniedError),
    ("404", openai.NotFoundError),
    ("429", openai.RateLimitError),
    ("500", openai.InternalServerError),
    ("503", openai.InternalServerError),
]


@pytest.mark.parametrize(("status", "error"), STATUSES)
async def test_a_status_raises_the_clients_error(provider: Provider, client: AsyncOpenAI, status: str, error: type):
    provider.fail(CHAT, status)
    with pytest.raises(error):
        await streamed(client)
    assert len(await streamed(client)) > 2, "a fault is over after its times"


async def test_the_client_gives_up_after_its_retries(provider: Provider, client: AsyncOpenAI):
    provider.fail("/v1/audio/*", "429", retry_after=0.1, **FOREVER)
    began = time.monotonic()
    with pytest.raises(openai.RateLimitError) as limited:
        await client.with_options(max_retries=2).audio.speech.create(**SAID)
    assert limited.value.code == "rate_limit_exceeded"
    assert provider.seen()["statuses"] == {f"{SPEECH} 429": 3}
    assert time.monotonic() - began >= 0.2


async def test_the_client_retries_a_short_failure(provider: Provider, client: AsyncOpenAI):
    provider.fail(CHAT, "500", times=1)
    assert (await client.with_options(max_retries=2).chat.completions.create(**ASKED)).choices[
        0
    ].message.content == REPLY
    assert provider.seen()["requests"][CHAT] == 2


async def test_an_empty_account_has_the_code_of_the_real_api(provider: Provider, client: AsyncOpenAI):
    provider.fail(CHAT, "429", code="insufficient_quota")
    with pytest.raises(openai.RateLimitError) as refused:
        await streamed(client)
    assert (refused.value.code, refused.value.type) == ("insufficient_quota", "insufficient_quota")


async def test_a_missing_model_is_missing_at_every_endpoint(provider: Provider, client: AsyncOpenAI):
    provider.configure(missing_models=["gpt-5-mini", "gpt-realtime-2.1"])
    with pytest.raises(openai.NotFoundError) as missing:
        await streamed(client)
    assert missing.value.code == "model_not_found"
    with pytest.raises(websockets.InvalidStatus):
        async with calling(client):
            pass


@pytest.mark.parametrize(
    "how", [{"kind": "silence"}, {"kind": "silence", "after": 2}, {"kind": "slow", "delay_ms": 9e4}]
)
async def test_a_client_without_an_answer_times_out(provider: Provider, client: AsyncOpenAI, how: dict[str, Any]):
    provider.fail(CHAT, **how)
    with pytest.raises(openai.APITimeoutError):
        await streamed(client.with_options(timeout=0.3))


@pytest.mark.parametrize(("kind", "cause"), [("cut", httpx2.RemoteProtocolError), ("reset", httpx2.ReadError)])
async def test_a_stream_of_events_is_cut_off(provider: Provider, client: AsyncOpenAI, kind: str, cause: type):
    provider.fail(CHAT, kind, after=3)
    with pytest.raises(openai.APIConnectionError) as cut:
        await streamed(client)
    assert isinstance(cut.value.__cause__, cause)


async def test_a_stream_of_speech_is_cut_off(provider: Provider, client: AsyncOpenAI):
    provider.fail(SPEECH, "cut", after=2)
    with pytest.raises(httpx2.RemoteProtocolError):
        await spoken(client)


async def test_an_answer_that_is_not_streamed_is_cut_off(provider: Provider, client: AsyncOpenAI):
    provider.fail(CHAT, "cut")
    with pytest.raises(openai.APIConnectionError):
        await client.chat.completions.create(**ASKED)


async def test_an_event_that_is_not_json(provider: Provider, client: AsyncOpenAI):
    provider.fail(CHAT, "malformed", after=1)
    with pytest.raises(json.JSONDecodeError):
        await streamed(client)


async def test_a_failure_during_a_stream_is_an_event(provider: Provider, client: AsyncOpenAI):
    provider.fail(CHAT, "failed", after=1)
    with pytest.raises(openai.APIError, match="The server had an error"):
        await streamed(client)


@pytest.mark.parametrize("status", ["401", "404", "429", "500"])
async def test_a_talk_can_be_refused(provider: Provider, client: AsyncOpenAI, status: str):
    provider.fail(TALK, status, retry_after=1)
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with calling(client):
            pass
    assert str(refused.value.response.status_code) == status
    assert json.loads(refused.value.response.body or b"")["error"]["message"]


async def test_a_handshake_can_stay_unanswered(provider: Provider, client: AsyncOpenAI):
    provider.fail(TALK, "silence")
    impatient: Any = {"open_timeout": 0.2}
    with pytest.raises(TimeoutError):
        async with client.realtime.connect(model="m", websocket_connection_options=impatient):
            pass


@pytest.mark.parametrize("kind", ["cut", "reset"])
async def test_a_talk_is_cut_off_during_an_answer(provider: Provider, client: AsyncOpenAI, kind: str):
    async with calling(client) as caller:
        await caller.set_up()
        provider.fail(TALK, kind, event="response.output_audio.delta", after=2)
        await caller.hold_to_talk()
        with pytest.raises(websockets.ConnectionClosedError):
            await caller.until("response.done")
    assert provider.seen()["events_out"]["response.output_audio.delta"] == 2


async def test_a_malformed_event_in_a_talk(provider: Provider, client: AsyncOpenAI):
    async with calling(client) as caller:
        provider.fail(TALK, "malformed", event="session.updated")
        with pytest.raises(json.JSONDecodeError):
            await caller.set_up()


async def test_a_silent_talk_stays_open(provider: Provider, client: AsyncOpenAI):
    async with calling(client) as caller:
        await caller.set_up()
        provider.fail(TALK, "silence", event="response.output_audio.delta", after=1)
        await caller.hold_to_talk()
        await caller.until("response.output_audio.delta")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(caller.until("response.done"), 0.3)
        # Wait for the connections of earlier tests to end.
        await until(lambda: provider.seen()["under_way"] == {TALK: 1})


async def test_after_a_failed_answer_the_talk_continues(provider: Provider, client: AsyncOpenAI):
    async with calling(client) as caller:
        await caller.set_up()
        provider.fail(TALK, "failed", code="insufficient_quota")
        await caller.hold_to_talk()
        failed = (await caller.expect("response.done"))["response"]
        await caller.talk.response.create()
        next_one = (await caller.expect("response.done"))["response"]
    assert (failed["status"], failed["status_details"]["error"]["code"]) == ("failed", "insufficient_quota")
    assert next_one["status"] == "completed"


async def test_after_a_failed_transcription_the_answer_follows(provider: Provider, client: AsyncOpenAI):
    async with calling(client) as caller:
        await caller.set_up()
        provider.fail(TALK, "failed", event="conversation.item.input_audio_transcription.completed")
        await caller.hold_to_talk()
        received = await caller.until("response.done")
    assert of_type(received, "conversation.item.input_audio_transcription.failed")
    assert received[-1]["response"]["status"] == "completed"


async def test_a_provider_can_be_stopped_and_started_again():
    provider = Provider().start()
    client = AsyncOpenAI(api_key="sk-test", base_url=provider.url, max_retries=0)
    async with calling(client) as caller:
        await caller.set_up()
        provider.stop()
        with pytest.raises(websockets.ConnectionClosedError):
            await caller.until("response.done")
    with pytest.raises(openai.APIConnectionError):
        await client.models.list()
    with provider:
        assert (await client.models.list()).data


async def first_and_last(events: AsyncIterator[Any]) -> tuple[float, float]:
    """Return the seconds until the first event and until the last."""
    began, moments = time.monotonic(), []
    async for _ in events:
        moments.append(time.monotonic() - began)
    return moments[0], moments[-1]


async def test_chat_has_its_delays(provider: Provider, client: AsyncOpenAI):
    provider.configure(delays={"first_token_ms": 150, "token_ms": 30})

    async def chunks() -> AsyncIterator[Any]:
        async for chunk in await client.chat.completions.create(**ASKED, stream=True):
            yield chunk

    first, last = await first_and_last(chunks())
    assert first >= 0.15
    assert last >= 0.15 + 0.03 * (len(scripted_words.tokens(REPLY)) - 1)


async def test_speech_has_its_delays(provider: Provider, client: AsyncOpenAI):
    provider.configure(delays={"speech_first_byte_ms": 150, "speech_per_second_ms": 200})

    async def pieces() -> AsyncIterator[Any]:
        async with client.audio.speech.with_streaming_response.create(**SAID, response_format="pcm") as answer:
            async for piece in answer.iter_bytes():
                yield piece

    first, last = await first_and_last(pieces())
    assert first >= 0.15
    assert last >= 0.15 + 0.2 * (len(SAID["input"]) * 0.06 - 0.1)


async def test_transcription_has_its_delays(provider: Provider, client: AsyncOpenAI):
    provider.configure(delays={"transcription_ms": 100, "transcription_per_second_ms": 100})
    began = time.monotonic()
    await client.audio.transcriptions.create(file=("a.wav", sound.encoded(VOICE, "wav")), model="gpt-transcribe")
    assert time.monotonic() - began >= 0.22


async def test_a_talk_has_its_delays(provider: Provider, client: AsyncOpenAI):
    provider.configure(delays={"connect_ms": 100, "realtime_first_audio_ms": 150, "realtime_per_second_ms": 100})
    began = time.monotonic()
    async with calling(client) as caller:
        connected = time.monotonic()
        await caller.set_up(transcribe=False)
        asked = time.monotonic()
        await caller.hold_to_talk()
        await caller.expect("response.output_audio.delta")
        first = time.monotonic() - asked
        await caller.expect("response.done")
    assert connected - began >= 0.1
    assert first >= 0.15
    assert time.monotonic() - asked >= 0.15 + 0.1 * (len(REPLY) * 0.06 - 0.1)


async def test_delays_change_while_it_runs(provider: Provider, client: AsyncOpenAI):
    provider.configure(delays={"token_ms": 5})
    provider.configure(delays={"first_token_ms": 7})
    delays = provider.seen()["settings"]["delays"]
    assert (delays["token_ms"], delays["first_token_ms"]) == (5, 7)


async def test_the_journal_records_the_clients_actions(provider: Provider, client: AsyncOpenAI):
    await client.chat.completions.create(**ASKED)
    await client.audio.transcriptions.create(file=("a.wav", sound.encoded(VOICE, "wav")), model="m", prompt="names")
    async with calling(client) as caller:
        await caller.set_up(instructions="Be brief.")
        await caller.say(VOICE)
        await caller.talk.input_audio_buffer.clear()
        await caller.expect("input_audio_buffer.cleared")
    seen = provider.seen()
    (chat,), (hearing,) = provider.log(CHAT), provider.log(HEARING)
    assert (chat["body"], chat["key"], chat["status"]) == (ASKED, "sk-test", 200)
    assert (hearing["body"]["prompt"], hearing["file"]["seconds"]) == ("names", pytest.approx(1.2))
    assert chat["at"] <= chat["ended_at"] <= hearing["at"]
    assert provider.log(TALK)[1]["event"]["session"]["instructions"] == "Be brief."
    assert seen["events_in"] == {"session.update": 1, "input_audio_buffer.append": 12, "input_audio_buffer.clear": 1}
    assert seen["connections_opened"] == 2, "the client used one for both of its requests"


async def until(happened: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.01)


async def test_an_abandoned_request_is_counted(provider: Provider, client: AsyncOpenAI):
    provider.configure(delays={"first_token_ms": 60_000})
    task = asyncio.create_task(streamed(client))
    await until(lambda: provider.seen()["under_way"])
    task.cancel()
    await until(lambda: not provider.seen()["under_way"])
    assert provider.seen()["abandoned"] == {CHAT: 1}


@pytest.mark.parametrize(
    "wrong", [{"delay": 1}, {"delays": {"first_tokn_ms": 1}}, {"delays": {"token_ms": -1}}, {"replies": "one"}]
)
def test_an_invalid_setting_is_refused(provider: Provider, wrong: dict[str, Any]):
    with pytest.raises(OrderRefused):
        provider.configure(**wrong)


def test_an_unknown_fault_is_refused(provider: Provider):
    with pytest.raises(OrderRefused):
        provider.fail(CHAT, "explode")


def test_the_command_names_an_unknown_setting():
    command = [sys.executable, "-m", "simulators.openai", "--delays", '{"first": 1}']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode
    assert "'first'" in done.stderr


def test_it_ends_with_the_process_that_started_it():
    script = (
        "import os; from simulators.openai import Provider; print(Provider().start().port, flush=True); os._exit(1)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    deadline = time.monotonic() + 60
    while listens(int(done.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
