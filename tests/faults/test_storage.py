"""While the local store cannot be written, the talk continues and reports it."""

import asyncio
import base64
import sqlite3
from pathlib import Path

import httpx
import pytest

from tests.servers import AgentServer
from tests.talking import SPEECH, new_learner, spoken, talking

LONDON = spoken("learner_london")


@pytest.fixture
def unwritable(own_server: AgentServer) -> Path:
    """Replace the folder of recordings by a file."""
    folder = own_server.data_dir / "recordings"
    folder.write_text("in the way")
    return folder


async def test_a_turn_that_cannot_be_saved_is_answered_and_reported_as_not_saved(
    own_server: AgentServer, unwritable: Path
):
    async with talking(own_server.url, "full", new_learner(own_server.url)) as talker:
        await talker.set_up()
        await talker.say(LONDON, at_speaking_speed=False)
        await talker.commit(item_id="user-1700000000000")
        _, done = await talker.wait_for("response.done")
        _, notice = await talker.wait_for("talk.notice")
        assert done["response"]["status"] == "completed"
        assert (notice["code"], notice["item_id"]) == ("not_saved", "user-1700000000000")
        assert not talker.events("talk.saved")


async def test_an_unsaved_turn_can_be_sent_again_when_the_storage_is_back(own_server: AgentServer, unwritable: Path):
    audio = {"audio": (SPEECH / "learner_london.wav").read_bytes()}
    address = f"{own_server.url}/api/conversations/back/turns"
    async with httpx.AsyncClient(timeout=60, headers={"Cookie": new_learner(own_server.url)}) as client:
        refused = await client.post(address, files=audio, data={"messageId": "user-1700000000000"})
        assert refused.status_code == 503
        unwritable.unlink()
        kept = await client.post(address, files=audio, data={"messageId": "user-1700000000000"})
    assert kept.json()["message"]["audioDuration"] > 2


async def test_a_locked_database_delays_the_saving_but_not_the_voice(own_server: AgentServer):
    async with talking(own_server.url, "locked", new_learner(own_server.url)) as talker:
        await talker.set_up()
        await talker.turn(LONDON)
        before = len(talker.heard)
        lock = sqlite3.connect(own_server.data_dir / "shelter.sqlite3", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        await talker.say(LONDON, at_speaking_speed=False)
        await talker.commit()
        await talker.wait_for("response.done", after=before)
        await asyncio.sleep(1)
        assert not talker.events("talk.saved", after=before)
        lock.execute("ROLLBACK")
        lock.close()
        await talker.wait_for("talk.saved", after=before, count=2)


async def test_a_failed_save_of_a_conversation_is_answered_503(own_server: AgentServer, unwritable: Path):
    audio = "data:audio/wav;base64," + base64.b64encode((SPEECH / "learner_london.wav").read_bytes()).decode()
    message = {"id": "user-1", "role": "user", "content": "Hello.", "audioData": audio}
    async with httpx.AsyncClient(timeout=60, headers={"Cookie": new_learner(own_server.url)}) as client:
        address = f"{own_server.url}/api/conversations"
        refused = await client.post(address, json={"id": "conv-1", "messages": [message]})
        assert refused.status_code == 503
        assert "not saved" in refused.json()["error"]
        assert (await client.get(address)).json()["conversations"] == []
