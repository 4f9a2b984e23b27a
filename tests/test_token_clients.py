"""The official `openai` client identifies its learner by an API token, on the REST calls and on the WebSocket."""

import json
from typing import Any

import httpx
import pytest
import websockets
from openai import AsyncOpenAI, AuthenticationError

from audio.tests.sounds import file_of
from tests.servers import AgentServer
from tests.talking import spoken

EVIL = "https://evil.example"


@pytest.fixture
def secret(server: AgentServer) -> str:
    """Return a token of a new learner."""
    with httpx.Client(base_url=server.url, timeout=60) as browser:
        browser.get("/")
        answer = browser.post("/api/me/tokens", json={"name": "openai"})
    return str(answer.json()["secret"])


def client(server: AgentServer, secret: str, path: str = "/v1") -> AsyncOpenAI:
    return AsyncOpenAI(api_key=secret, base_url=server.url + path, max_retries=0, timeout=60)


def talks(server: AgentServer, secret: str) -> list[Any]:
    answer = httpx.get(f"{server.url}/api/conversations", headers={"Authorization": f"Bearer {secret}"}, timeout=60)
    return list(answer.json()["conversations"])


async def test_a_talk_is_saved_for_the_tokens_learner(server: AgentServer, secret: str) -> None:
    async with client(server, secret) as api, api.realtime.connect(model="talk") as connection:
        item: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "I live in Hanoi."}]}
        await connection.conversation.item.create(item=item)
        await connection.response.create(response={"output_modalities": ["text"]})
        async for event in connection:
            assert event.type != "error", event
            if event.type == "response.done":
                break
    (talk,) = talks(server, secret)
    assert talk["messages"][0]["content"] == "I live in Hanoi."


async def test_the_speaking_calls_take_the_token(server: AgentServer, secret: str) -> None:
    async with client(server, secret, "/api") as api:
        sound = await api.post("/text-to-speech", body={"text": "Hello."}, cast_to=httpx.Response)
        assert sound.headers["content-type"] == "audio/mpeg"
        files = {"audio": ("speech.webm", file_of(spoken("learner_london"), "webm", "libopus"), "audio/webm")}
        headers = {"Authorization": f"Bearer {secret}"}
        heard = httpx.post(f"{server.url}/api/speech-to-text", files=files, headers=headers, timeout=60)
        assert "London" in heard.json()["text"]


async def test_a_wrong_token_is_refused(server: AgentServer) -> None:
    async with client(server, "ta_" + "x" * 43, "/api") as api:
        with pytest.raises(AuthenticationError) as refused:
            await api.post("/text-to-speech", body={"text": "Hello."}, cast_to=httpx.Response)
        assert refused.value.response.json()["error"]
    async with client(server, "ta_" + "x" * 43) as api, api.realtime.connect(model="talk") as connection:
        event = await connection.recv()
        assert event.type == "error"
        assert event.error.code == "invalid_api_key"


async def test_a_browser_sends_the_token_as_a_subprotocol_from_any_site(server: AgentServer, secret: str) -> None:
    address = f"{server.url.replace('http', 'ws', 1)}/v1/realtime"
    protocols = [websockets.Subprotocol(each) for each in ("realtime", f"openai-insecure-api-key.{secret}")]
    async with websockets.connect(address, subprotocols=protocols, origin=websockets.Origin(EVIL)) as socket:
        assert socket.subprotocol == "realtime"
        assert json.loads(await socket.recv())["type"] == "session.created"
