"""A session ends while the learner speaks, or the provider is lost for good.

The tests check the transcript that the next session gets, and the events that the talk gets.
"""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from engines.interface import Detection, Speech, TurnDetectionLost, TurnEnded, Unheard
from engines.openai_realtime.tests import scripted as script
from engines.openai_realtime.tests.scripted import Event, Scripted, scripted
from engines.openai_realtime.tests.talk import FOREVER, SLICE, TALK, VOICE, talking, until
from simulators.openai import Provider
from tutor.domain import EngineError

PATIENT = Detection(1400)
STARTED = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_u"}
STOPPED = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 1200, "item_id": "item_u"}
ANSWER = [
    script.response("created", None, "in_progress"),
    script.words("Yes."),
    script.sound("AAAA"),
    script.response("done", None),
]
UNKNOWN = script.error("invalid_value", param="session.unheard_of", event_id="update_detection")


class Ears:
    """Count the bytes of audio that each session at the provider received."""

    def __init__(self) -> None:
        self.heard: Counter[int] = Counter()
        self.server: Scripted

    def hear(self, event: Event) -> list[Event]:
        if event["type"] == "input_audio_buffer.append":
            self.heard[self.server.connections] += len(base64.b64decode(event["audio"]))
        return []

    async def cut(self) -> None:
        assert self.server.socket
        await self.server.socket.close()

    async def have_heard(self, size: int) -> None:
        await until(lambda: self.heard[self.server.connections] == size)


@pytest.fixture
async def ears() -> AsyncIterator[Ears]:
    ears = Ears()
    async with scripted(ears.hear) as server:
        ears.server = server
        yield ears


async def test_each_session_gets_all_of_a_long_turn(ears: Ears):
    # This is longer than the audio that is kept outside a turn.
    said = VOICE * 5
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(VOICE)
        await ears.have_heard(len(VOICE))
        await ears.server.say(STARTED)
        await until(lambda: caller.noticed)
        await caller.hear(said[len(VOICE) :])
        await ears.have_heard(len(said))
        await ears.cut()
        await until(lambda: ears.server.connections == 2)
        await ears.have_heard(len(said))
        # The new session has not detected the voice yet.
        await caller.hear(bytes(SLICE))
        await ears.have_heard(len(said) + SLICE)
        await ears.cut()
        await until(lambda: ears.server.connections == 3)
        await ears.have_heard(len(said) + SLICE)


async def test_audio_without_a_session_is_kept_until_one_has_checked_it(ears: Ears):
    said = VOICE * 5
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(said)
        await ears.have_heard(len(said))
        await caller.hear(bytes(SLICE))
        await ears.have_heard(len(said) + SLICE)
        await ears.cut()
        await until(lambda: ears.server.connections == 2)
        await ears.have_heard(len(said) + SLICE)


async def test_the_learner_may_end_the_turn_before_the_next_session_detects_it(ears: Ears):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(VOICE)
        await ears.have_heard(len(VOICE))
        await ears.server.say(STARTED)
        await until(lambda: caller.noticed)
        await ears.cut()
        await until(lambda: ears.server.connections == 2)
        await ears.have_heard(len(VOICE))
        answering = asyncio.ensure_future(caller.answer())
        await until(lambda: ears.server.received_of("response.create"))
        answering.cancel()
    assert len(ears.server.received_of("input_audio_buffer.commit")) == 1
    assert "instructions" not in ears.server.received_of("response.create")[0]["response"]


async def test_the_next_session_detects_the_end_of_the_turn(ears: Ears):
    async with talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await caller.hear(VOICE)
        await ears.have_heard(len(VOICE))
        await ears.server.say(STARTED)
        await until(lambda: caller.noticed)
        await ears.cut()
        await until(lambda: ears.server.connections == 2)
        await ears.have_heard(len(VOICE))
        await ears.server.say(STARTED, STOPPED, *ANSWER)
        await until(lambda: caller.noticed_of(TurnEnded))
    assert caller.noticed_of(TurnEnded) == [TurnEnded(1200)]


@pytest.mark.parametrize(
    ("code", "retryable"), [("server_error", True), ("rate_limit_exceeded", True), ("insufficient_quota", False)]
)
async def test_a_session_that_fails_at_its_start_is_retried_if_that_may_help(code: str, retryable: bool):
    async with scripted(lambda event: [script.error(code, kind=code)]) as server, talking() as caller:
        with pytest.raises(EngineError) as raised:
            await caller.answer("Hello.")
    assert raised.value.retryable is retryable
    assert (server.connections > 1) is retryable


# It fails for good, so a retry would not help.


async def test_a_provider_lost_during_transcription_is_reported():
    async with scripted() as server, talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await until(lambda: len(server.received_of("session.update")) == 2)
        await server.say(STARTED, STOPPED, *ANSWER)
        await until(lambda: caller.noticed_of(TurnEnded))
        await server.say(UNKNOWN)
        await until(lambda: caller.noticed_of(TurnDetectionLost))
    assert not caller.noticed_of(TurnDetectionLost)[0].error.retryable


async def test_a_turn_without_transcript_is_kept_as_audio():
    async with scripted() as server, talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await until(lambda: len(server.received_of("session.update")) == 2)
        await server.say(STARTED, STOPPED, *ANSWER, UNKNOWN)
        await until(lambda: caller.answers)
    assert Unheard() in caller.answers[0]
    assert Speech(bytes(3)) in caller.answers[0]


async def test_a_provider_lost_with_an_unwanted_turn_is_reported():
    async with scripted() as server, talking() as caller:
        noticed: list[object] = []

        async def ignore(happened: object) -> None:
            noticed.append(happened)

        caller.session.noticed = ignore
        await caller.session.detect_turns(PATIENT)
        await until(lambda: len(server.received_of("session.update")) == 2)
        await server.say(STARTED, STOPPED, UNKNOWN)
        await until(lambda: any(isinstance(each, TurnDetectionLost) for each in noticed))


async def test_a_pending_reply_reports_the_loss_alone():
    async with scripted() as server, talking() as caller:
        await caller.session.detect_turns(PATIENT)
        await until(lambda: len(server.received_of("session.update")) == 2)
        answering = asyncio.ensure_future(caller.answer("Hello."))
        await until(lambda: server.received_of("response.create"))
        await server.say(UNKNOWN)
        with pytest.raises(EngineError, match="cannot be used now"):
            await answering
    assert not caller.noticed


async def test_a_provider_lost_before_turn_detection_is_reported(openai_configured: Provider):
    openai_configured.fail(TALK, "401", **FOREVER)
    async with talking() as caller:
        with pytest.raises(EngineError):
            await caller.answer("Hello.")
        await caller.session.detect_turns(PATIENT)
        await until(lambda: caller.noticed_of(TurnDetectionLost))
