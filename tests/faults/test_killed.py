"""The server is killed with SIGKILL in the middle of the agent's sentence."""

import json
import urllib.request

import httpx
import pytest
import websockets

from audio.encoding import to_pcm
from tests.servers import AgentServer
from tests.talking import SPEECH, new_learner, spoken, talking

LONDON = spoken("learner_london")


def kept(server: AgentServer, cookie: str, conversation: str) -> list[dict]:
    request = urllib.request.Request(f"{server.url}/api/conversations", headers={"Cookie": cookie})
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)["conversations"]
    return next((each["messages"] for each in found if each["id"] == conversation), [])


async def test_a_saved_turn_survives_a_crash(own_server: AgentServer):
    cookie = new_learner(own_server.url)
    async with talking(own_server.url, "saved", cookie) as talker:
        await talker.set_up()
        await talker.say(LONDON, at_speaking_speed=False)
        await talker.commit(item_id="user-1700000000000")
        _, saved = await talker.wait_for("talk.saved", where=lambda event: event["role"] == "user")
        own_server.kill()
    own_server.start()
    message = kept(own_server, cookie, "saved")[0]
    assert message["content"] == "My brother has went to London last week."
    with httpx.Client(headers={"Cookie": cookie}, timeout=60) as client:
        url = client.get(f"{own_server.url}/api/audio", params={"key": saved["audioS3Key"]}).json()["url"]
        voice = to_pcm(client.get(url).content)
    assert len(voice) == pytest.approx(len(LONDON), abs=4800)


async def test_an_unsaved_turn_can_be_sent_again_and_is_stored_once(own_server: AgentServer):
    cookie = new_learner(own_server.url)
    async with talking(own_server.url, "lost", cookie) as talker:
        await talker.set_up()
        await talker.say(LONDON, at_speaking_speed=False)
        own_server.kill()
        await talker.closed()
        with pytest.raises(websockets.ConnectionClosed):
            await talker.commit(item_id="user-1700000000000")
    own_server.start()
    assert kept(own_server, cookie, "lost") == []
    for _ in range(2):
        with httpx.Client(headers={"Cookie": cookie}, timeout=60) as client:
            answer = client.post(
                f"{own_server.url}/api/conversations/lost/turns",
                data={"messageId": "user-1700000000000"},
                files={"audio": (SPEECH / "learner_london.wav").read_bytes()},
            )
        assert answer.status_code == 200
    messages = kept(own_server, cookie, "lost")
    assert [message["id"] for message in messages if message["role"] == "user"] == ["user-1700000000000"]


async def test_sigterm_finishes_committed_turns(own_server: AgentServer):
    cookie = new_learner(own_server.url)
    async with talking(own_server.url, "stopped", cookie) as talker:
        await talker.set_up()
        await talker.say(LONDON, at_speaking_speed=False)
        await talker.commit()
        await talker.wait_for("input_audio_buffer.committed")
        own_server.stop()
        assert await talker.closed() == 1012
    own_server.start()
    assert kept(own_server, cookie, "stopped")[0]["content"] == "My brother has went to London last week."
