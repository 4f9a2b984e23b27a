"""Make the API calls that several tests need. The client's cookie identifies the learner."""

from typing import Any

import httpx

from audio.encoding import from_pcm
from audio.tests.sounds import file_of, tone
from conversations.tests.shapes import START, conversation, data_url, said

URL = "/api/conversations"
ID = conversation()["id"]
TONE = tone(0.5)
WEBM = from_pcm(TONE).data
MP3 = file_of(TONE, "mp3", "libmp3lame")
WAV = file_of(TONE, "wav", "pcm_s16le")


def spoken(sound: bytes = WEBM, **fields: Any) -> dict[str, Any]:
    """Return a conversation of two messages, the first with this recording."""
    voiced = said("I come from Hanoi.", audioData=data_url(sound))
    return conversation(messages=[voiced, said("And you?", by="assistant", at=START + 5_000)]) | fields


def save(client: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    """Save the conversation. Return the one in the answer."""
    response = client.post(URL, json=body)
    assert response.status_code in (200, 201), response.text
    return dict(response.json()["conversation"])


def fetched(client: httpx.Client, wire_id: str = ID) -> dict[str, Any]:
    response = client.get(URL, params={"id": wire_id})
    assert response.status_code == 200, response.text
    return dict(response.json()["conversation"])


def listed(client: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    return list(client.get(URL, params=asked).json()["conversations"])


def contents(shape: dict[str, Any]) -> list[str]:
    return [message["content"] for message in shape["messages"]]


def lasting(shape: dict[str, Any]) -> dict[str, Any]:
    """Return a conversation without its signed links, which change each time."""
    messages = [{name: message[name] for name in message if name != "audioUrl"} for message in shape["messages"]]
    return shape | {"messages": messages}


def save_voice(client: httpx.Client, wire_id: str = ID, **message: Any) -> dict[str, Any]:
    """Save a conversation with only this message. Return the message of the answer."""
    return dict(save(client, conversation(wire_id, messages=[said("I come from Hanoi.", **message)]))["messages"][0])


def voice(client: httpx.Client) -> dict[str, Any]:
    """Return the first message of the conversation with this id."""
    return dict(fetched(client)["messages"][0])
