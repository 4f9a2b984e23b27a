"""The engine handles failures of the simulated provider and of a scripted server."""

import asyncio
import logging

import pytest

from engines.interface import Detection, Heard, Speech, Spoken, Unheard, Words
from engines.openai_realtime import incoming, link, pending_responses
from engines.openai_realtime.tests import scripted as script
from engines.openai_realtime.tests.scripted import Event, scripted
from engines.openai_realtime.tests.talk import FOREVER, TALK, VOICE, talking, until, words
from simulators.openai import Provider
from tutor.domain import EngineError, Line

HEARD = "I spoke for 1.2 seconds."
DELTA = "response.output_audio.delta"
LOST = ["cut", "reset", "malformed"]


async def failure(openai_configured: Provider) -> EngineError:
    async with talking() as caller:
        with pytest.raises(EngineError) as raised:
            await caller.turn()
    return raised.value


@pytest.mark.parametrize(
    ("status", "retryable"), [("401", False), ("403", False), ("404", False), ("429", True), ("500", True)]
)
async def test_a_provider_that_refuses_all_connections_is_an_error(
    openai_configured: Provider, status: str, retryable: bool
):
    openai_configured.fail(TALK, status, **FOREVER)
    error = await failure(openai_configured)
    assert error.retryable is retryable
    assert status in error.detail


@pytest.mark.parametrize("status", ["429", "500", "503"])
async def test_a_refused_connection_is_retried(openai_configured: Provider, status: str):
    openai_configured.fail(TALK, status)
    async with talking() as caller:
        assert Heard(HEARD) in await caller.turn()


async def test_a_refused_key_is_not_retried(openai_configured: Provider):
    openai_configured.fail(TALK, "401", **FOREVER)
    await failure(openai_configured)
    assert openai_configured.seen()["requests"][TALK] == 1


async def test_an_unreachable_provider_is_an_error(openai_configured: Provider, settings):
    settings.OPENAI = settings.OPENAI | {"realtime": {"url": "http://127.0.0.1:9/v1", "key": "sk", "model": "m"}}
    error = await failure(openai_configured)
    assert error.retryable


async def test_a_provider_that_recovers_is_used_again(own_provider: Provider):
    async with talking() as caller:
        await caller.turn()
        own_provider.stop()
        with pytest.raises(EngineError):
            await caller.turn()
        own_provider.start()
        assert Heard(HEARD) in await caller.turn()


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("event", ["session.updated", "input_audio_buffer.committed", "response.created"])
async def test_a_connection_lost_before_the_answer_only_delays_it(openai_configured: Provider, kind: str, event: str):
    openai_configured.fail(TALK, kind, event=event)
    async with talking() as caller:
        events = await caller.turn()
    assert [each for each in events if isinstance(each, Heard)] == [Heard(HEARD)]
    assert words(events) == f"I see, you said: {HEARD} What happened next?"


@pytest.mark.parametrize("kind", LOST)
async def test_a_connection_lost_in_the_middle_of_an_answer_is_an_error(openai_configured: Provider, kind: str):
    openai_configured.fail(TALK, kind, event=DELTA, after=1)
    assert (await failure(openai_configured)).retryable


@pytest.mark.parametrize("kind", LOST)
async def test_the_turn_after_a_lost_answer_is_answered(openai_configured: Provider, kind: str):
    openai_configured.fail(TALK, kind, event=DELTA, after=1)
    async with talking() as caller:
        with pytest.raises(EngineError):
            await caller.turn()
        assert Heard(HEARD) in await caller.turn()


async def test_a_connection_that_is_always_lost_is_an_error(openai_configured: Provider):
    openai_configured.fail(TALK, "cut", event="response.created", **FOREVER)
    assert (await failure(openai_configured)).retryable
    assert openai_configured.seen()["requests"][TALK] < 6


async def test_an_unfinished_turn_survives_a_lost_connection(openai_configured: Provider):
    async with talking() as caller:
        await caller.turn()
        openai_configured.fail(TALK, "cut", event="session.updated")
        await caller.hear(VOICE)
        # The provider confirms this.
        caller.session.speed = 0.9
        await until(lambda: openai_configured.seen()["requests"][TALK] == 2)
        await caller.hear(VOICE)
        assert Heard("I spoke for 2.4 seconds.") in await caller.answer()


async def test_a_connection_lost_between_turns_is_not_noticed(openai_configured: Provider):
    async with talking() as caller:
        await caller.answer("I like tea.")
        openai_configured.fail(TALK, "cut", event="session.updated")
        caller.session.speed = 0.9
        await until(lambda: openai_configured.seen()["requests"][TALK] == 2)
        caller.lines[:] = [Line("user", "I like tea."), Line("assistant", "Why?")]
        events = await caller.answer("It is hot.")
    assert words(events) == "I see, you said: It is hot. What happened next?"


async def test_an_expired_session_is_not_noticed(openai_configured: Provider):
    # Long enough for a machine that stalls within a turn.
    openai_configured.configure(session_expires_s=6)
    async with talking() as caller:
        await caller.turn()
        await until(lambda: openai_configured.seen()["requests"][TALK] >= 2)
        assert Heard(HEARD) in await caller.turn()
    assert not caller.noticed


async def test_a_session_is_renewed_between_turns_before_it_expires(
    openai_configured: Provider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(incoming, "RENEWED_AT", 0.0)
    async with talking() as caller:
        await caller.turn()
        await until(lambda: openai_configured.seen()["requests"][TALK] == 2)
        assert Heard(HEARD) in await caller.turn()
    assert not openai_configured.seen()["events_out"].get("error")
    # A talk that ends half-way leaves no request.
    await until(lambda: not openai_configured.seen()["under_way"])


async def test_a_failed_transcription_is_reported(openai_configured: Provider):
    openai_configured.fail(TALK, "failed", event="conversation.item.input_audio_transcription.completed")
    async with talking() as caller:
        events = await caller.turn()
    assert Unheard() in events
    assert Spoken() in events


async def test_a_missing_transcript_is_given_up(openai_configured: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pending_responses, "MADE_OUT_WITHIN", 0.2)
    openai_configured.configure(delays={"transcription_ms": 60_000})
    async with talking() as caller:
        events = await caller.turn()
    assert events[-2:] == [Spoken(), Unheard()]


async def test_a_response_that_fails_before_its_first_word_is_an_error(openai_configured: Provider):
    openai_configured.fail(TALK, "failed")
    assert (await failure(openai_configured)).retryable


async def test_an_account_without_quota_is_reported_to_operators(openai_configured: Provider):
    openai_configured.fail(TALK, "failed", code="insufficient_quota")
    error = await failure(openai_configured)
    assert not error.retryable
    assert "insufficient_quota" in error.detail


async def test_a_response_that_fails_after_its_first_word_ends_there(openai_configured: Provider):
    openai_configured.fail(TALK, "failed", event=DELTA, after=1)
    async with talking() as caller:
        events = await caller.turn()
        assert Spoken() in events
        assert Heard(HEARD) in await caller.turn()


async def test_a_reply_of_a_silent_provider_can_be_closed(openai_configured: Provider):
    openai_configured.fail(TALK, "silence", event="response.created")
    before = asyncio.all_tasks()
    async with talking() as caller:
        await caller.hear(VOICE)
        replying = caller.session.reply()
        waiting = asyncio.ensure_future(anext(replying))
        await asyncio.sleep(0.2)
        waiting.cancel()
        await asyncio.wait([waiting])
        await replying.aclose()
    assert asyncio.all_tasks() == before


async def test_a_talk_with_a_silent_provider_can_be_closed(openai_configured: Provider):
    openai_configured.fail(TALK, "silence")
    before = asyncio.all_tasks()
    async with talking() as caller:
        await caller.hear(VOICE)
        await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == before


async def test_an_answer_that_stops_is_given_up(openai_configured: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pending_responses, "GOES_ON_WITHIN", 0.2)
    openai_configured.fail(TALK, "silence", event=DELTA, after=1)
    assert (await failure(openai_configured)).retryable


async def test_a_refused_connection_is_tried_again_later(openai_configured: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(link, "REFUSED_FOR", 0)
    openai_configured.fail(TALK, "401", times=None)
    async with talking() as caller:
        with pytest.raises(EngineError):
            await caller.turn()
        openai_configured.clear_faults()
        assert Heard(HEARD) in await caller.turn()


# Cases that need a scripted server


async def test_a_refused_voice_does_not_end_the_talk():
    def refuse_voice(event: Event) -> list:
        if "voice" in event.get("session", {}).get("audio", {}).get("output", {}):
            return [script.error("invalid_value", param="session.audio.output.voice")]
        return script.answer(event) if event["type"] == "response.create" else []

    async with scripted(refuse_voice) as server, talking() as caller:
        assert words(await caller.answer("Hello.")) == "Yes."
    assert server.connections == 1


async def test_without_semantic_detection_the_pause_follows_the_level():
    def refuse_semantic(event: Event) -> list:
        detection = event.get("session", {}).get("audio", {}).get("input", {}).get("turn_detection") or {}
        if detection.get("type") == "semantic_vad":
            return [
                script.error(
                    "invalid_value", param="session.audio.input.turn_detection.type", event_id=event["event_id"]
                )
            ]
        return []

    async with scripted(refuse_semantic) as server, talking() as caller:
        await caller.session.detect_turns(Detection(1400))
        await until(lambda: len(server.received_of("session.update")) == 3)
    detection = server.received[-1]["session"]["audio"]["input"]["turn_detection"]
    assert (detection["type"], detection["silence_duration_ms"]) == ("server_vad", 1400)


async def test_a_refused_transcription_model_is_an_error():
    def refuse(event: Event) -> list:
        return [script.error("invalid_value", param="session.audio.input.transcription.model")]

    async with scripted(refuse), talking() as caller:
        with pytest.raises(EngineError, match="cannot be used now") as raised:
            await caller.answer("Hello.")
    assert "transcription" in raised.value.detail


async def test_cancelling_an_ended_response_is_harmless():
    def refuse_cancel(event: Event) -> list:
        if event["type"] == "response.create":
            return [script.error("response_cancel_not_active"), *script.answer(event)]
        return []

    async with scripted(refuse_cancel), talking() as caller:
        assert words(await caller.answer("Hello.")) == "Yes."


async def test_an_answer_waits_for_the_active_response():
    def busy(event: Event) -> list:
        number = len(server.received_of("response.create"))
        if event["type"] != "response.create" or number == 3:
            return script.answer(event, response_id="resp_2") if number == 3 else []
        if number == 1:
            return script.answer(event)[:2]
        return [script.error("conversation_already_has_active_response", event_id=event["event_id"])]

    async with scripted(busy) as server, talking() as caller:
        replying = caller.session.reply("Hello.")
        assert [type(await anext(replying)) for _ in range(2)] == [Heard, Words]
        await replying.aclose()
        waiting = asyncio.ensure_future(caller.answer("Hello."))
        await until(lambda: len(server.received_of("response.create")) == 2)
        await server.say(script.response("done", "1", "cancelled"))
        assert words(await waiting) == "Yes."


async def test_a_turn_without_audio_at_the_provider_has_no_words():
    def empty_at_first(event: Event) -> list:
        if event["type"] == "response.create":
            return script.answer(event, response_id=event["event_id"])
        if event["type"] != "input_audio_buffer.commit":
            return []
        if len(server.received_of("input_audio_buffer.commit")) == 1:
            return [script.error("input_audio_buffer_commit_empty", event_id=event["event_id"])]
        made_out = {"type": "conversation.item.input_audio_transcription.completed", "item_id": "item_2"}
        return [
            {"type": "input_audio_buffer.committed", "item_id": "item_2"},
            {**made_out, "transcript": "I like tea.\n"},
        ]

    async with scripted(empty_at_first) as server, talking() as caller:
        await until(lambda: server.received)
        assert await caller.turn() == [Heard("")]
        assert Heard("I like tea.") in await caller.turn()


async def test_audio_before_the_first_word_is_kept():
    def sound_first(event: Event) -> list:
        if event["type"] != "response.create":
            return []
        created, said, sounded, done = script.answer(event)
        return [created, sounded, said, done]

    async with scripted(sound_first), talking() as caller:
        events = await caller.answer("Hello.")
    assert isinstance(events[1], Words)
    assert events[2] == Speech(bytes(3))


async def test_a_server_that_returns_no_metadata_works():
    def without_metadata(event: Event) -> list:
        if event["type"] != "response.create":
            return []
        return [said | {"response": _shape(said)} if "response" in said else said for said in script.answer(event)]

    def _shape(said: Event) -> Event:
        return said["response"] | {"metadata": None}

    async with scripted(without_metadata), talking() as caller:
        assert words(await caller.answer("Hello.")) == "Yes."
        assert words(await caller.answer("Hello.")) == "Yes."


@pytest.mark.parametrize(
    "event",
    [
        "[1, 2]",
        "nonsense",
        '{"type": "response.output_audio.delta", "response_id": "resp_1", "item_id": "i", "delta": "A"}',
        '{"type": "response.created"}',
        '{"type": "input_audio_buffer.speech_started", "audio_start_ms": null}',
    ],
)
async def test_an_unreadable_event_starts_a_new_session(event: str):
    def garble_once(sent: Event) -> list:
        if sent["type"] != "response.create":
            return []
        created, *rest = script.answer(sent)
        return [created, event] if server.connections == 1 else [created, *rest]

    async with scripted(garble_once) as server, talking() as caller:
        assert words(await caller.answer("Hello.")) == "Yes."
    assert server.connections == 2


async def test_an_answer_without_a_word_is_an_error():
    def answer_nothing(event: Event) -> list:
        if event["type"] != "response.create":
            return []
        created, *_, done = script.answer(event)
        return [created, done]

    async with scripted(answer_nothing), talking() as caller:
        with pytest.raises(EngineError):
            await caller.answer("Hello.")


async def test_the_words_of_the_provider_are_not_repeated(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)

    def fail(event: Event) -> list:
        if event["type"] != "response.create":
            return []
        return [script.error("odd"), script.error("server_error", kind="server_error", event_id=event["event_id"])]

    async with scripted(fail), talking() as caller:
        with pytest.raises(EngineError) as raised:
            await caller.answer("Hello.")
    assert "sk-secret" not in f"{raised.value} {raised.value.detail} {caplog.text}"


async def test_an_interrupted_answer_ends_when_the_talk_knows():
    """Otherwise it would look complete: the end of the answer must not overtake the event about the speaker."""
    told, order = asyncio.Event(), []

    def interrupt(event: Event) -> list:
        if event["type"] != "response.create":
            return []
        created, said, sounded, done = script.answer(event)
        started = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_u"}
        return [created, said, sounded, started, {**done, "response": done["response"] | {"status": "cancelled"}}]

    async def slowly(happened: object) -> None:
        await asyncio.sleep(0.1)
        order.append("told")
        told.set()

    async with scripted(interrupt), talking() as caller:
        caller.session.noticed = slowly
        events = await caller.answer("Hello.")
        order.append("ended")
    assert order == ["told", "ended"]
    assert Spoken() not in events


async def test_a_turn_gets_its_own_response_although_another_was_dropped():
    """The first turn's response is dropped, so its late events belong to no reply."""

    async with scripted() as server, talking() as caller:
        first = caller.session.reply("One.")
        await anext(first)
        await first.aclose()
        second = asyncio.ensure_future(caller.answer("Two."))
        await until(lambda: server.received_of("response.create"))
        await server.say(
            script.response("created", "1", "in_progress", response_id="resp_1"),
            script.words("Late.", "resp_1"),
            script.response("created", "2", "in_progress", response_id="resp_2"),
            script.words("Now.", "resp_2"),
            script.response("done", "1", "cancelled", response_id="resp_1"),
            script.response("done", "2", response_id="resp_2"),
        )
        assert words(await second) == "Now."
        await until(lambda: server.received_of("response.cancel"))
