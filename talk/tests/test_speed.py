"""The learner's choice, or else the level, determines the voice's speed, over a real socket to the real server."""

import base64
from typing import Any

import pytest

from tests.servers import AgentServer
from tests.talking import Talker, new_learner, talking


async def told(talker: Talker, **session: Any) -> float:
    """Return the speed in the answer to a `session.update`."""
    before = len(talker.heard)
    await talker.send("session.update", session={"type": "realtime", **session})
    _, event = await talker.wait_for("session.updated", after=before)
    speed: float = event["session"]["audio"]["output"]["speed"]
    return speed


@pytest.mark.parametrize(("level", "speed"), [("A1", 0.8), ("A2", 0.9), ("B1", 1.0), ("B2", 1.0), ("C1", 1.0)])
async def test_the_level_sets_the_speed_until_one_is_chosen(server: AgentServer, level: str, speed: float):
    async with talking(server.url, f"speed-{level}", cookie=new_learner(server.url)) as talk:
        about = {"scenario": "travel", "level": level}
        assert await told(talk, talk=about) == speed
        assert await told(talk, audio={"output": {"speed": 1.1}}) == 1.1
        assert await told(talk, audio={"output": {}}, talk=about) == 1.1
        assert await told(talk, audio={"output": {"speed": None}}) == speed


async def test_a_speed_that_was_chosen_stays_when_the_level_changes(server: AgentServer):
    async with talking(server.url, "speed-stays", cookie=new_learner(server.url)) as talk:
        await told(talk, audio={"output": {"speed": 1.2}}, talk={"scenario": "travel", "level": "A1"})
        assert await told(talk, talk={"scenario": "travel", "level": "C1"}) == 1.2


async def opening(server: AgentServer, name: str, **output: float) -> tuple[str, float]:
    """Return the words of a beginner's opening, and its duration in seconds."""
    async with talking(server.url, name, cookie=new_learner(server.url)) as talk:
        await told(talk, audio={"output": output}, talk={"scenario": "family", "level": "A1"})
        await talk.send("response.create")
        await talk.wait_for("response.done")
        events = [event for _, event in talk.heard]
    words = "".join(event["delta"] for event in events if event["type"] == "response.output_audio_transcript.delta")
    sound = [base64.b64decode(event["delta"]) for event in events if event["type"] == "response.output_audio.delta"]
    return words, sum(map(len, sound)) / 48_000


async def test_a_beginner_hears_the_same_words_more_slowly(server: AgentServer):
    words, seconds = await opening(server, "speed-default")
    same_words, usual = await opening(server, "speed-usual", speed=1.0)
    assert words == same_words
    assert seconds > 1.05 * usual
