"""What becomes of a reply when its session is closed."""

import asyncio

import pytest

from bench.provider import Provider
from tests.talking import spoken
from tutor import scenario
from tutor.engines.base import EngineError
from tutor.engines.openai_realtime.session import RealtimeSession
from tutor.scenario import Brief


async def test_a_reply_that_is_waited_for_fails(openai_configured: Provider):
    openai_configured.configure(delays={"realtime_first_audio_ms": 600_000})
    session = RealtimeSession(Brief(scenario=scenario.get("travel"), level="B1", seed="talk"), [])
    session.open()
    await session.hear(spoken("learner_london"))
    reply = session.reply()
    await session.close()
    with pytest.raises(EngineError) as failure:
        async with asyncio.timeout(20):
            [event async for event in reply]
    assert failure.value.retryable
