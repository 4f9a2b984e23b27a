"""Make the speaking calls as a learner."""

import json
import uuid
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient
from prometheus_client import REGISTRY

from audio.encoding import to_pcm
from learners import cookie
from tests.talking import SPEECH

WAV = (SPEECH / "learner_london.wav").read_bytes()
WORDS = "My brother has went to London last week."
IDS = {"conversationId": "conv-1714521600000-abcdefg", "messageId": "ai-1714521600000"}
TALK = [{"role": "assistant", "content": "Where are you from?"}, {"role": "user", "content": "I come from Hanoi."}]


TURN = f"conversations/{IDS['conversationId']}/messages/{IDS['messageId']}"


class Caller(AsyncClient):
    """Act as a learner who makes calls."""

    def __init__(self) -> None:
        super().__init__(enforce_csrf_checks=True)
        self.learner = uuid.uuid4()
        self.cookies[cookie.NAME] = cookie.seal(self.learner)

    async def call(self, path: str, body: Any = None, *, method: str = "POST") -> Any:
        return await self.generic(method, f"/api/{path}", json.dumps(body), content_type="application/json")

    async def upload(self, audio: bytes | None, **fields: str) -> Any:
        form: dict[str, Any] = dict(fields)
        if audio is not None:
            form["audio"] = SimpleUploadedFile("turn.wav", audio)
        return await self.post("/api/speech-to-text", form)

    async def messages(self, wire_id: str = IDS["conversationId"]) -> list[dict[str, Any]]:
        answer = await self.get(f"/api/conversations/{wire_id}")
        return list(answer.json()["conversation"]["messages"])


async def whole(response: Any) -> bytes:
    if not response.streaming:
        return bytes(response.content)
    return b"".join([piece async for piece in response.streaming_content])


def seconds(sound: bytes) -> float:
    return len(to_pcm(sound)) / 48_000


def spent(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"engine": "openai_pipeline", **labels}) or 0.0
