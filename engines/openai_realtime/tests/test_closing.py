"""Closing a session ends its reply."""

import asyncio

import pytest

from engines.openai_realtime.session import RealtimeSession
from simulators.openai import Provider
from tests.talking import spoken
from tutor import scenario
from tutor.domain import EngineError
from tutor.scenario import Brief


async def test_a_pending_reply_fails(openai_configured: Provider):
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
