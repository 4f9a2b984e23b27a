"""Every invalid request is answered with a 4xx that names the field, and nothing is half-written in any store."""

import json
from typing import Any

import httpx
import pytest

from audio.encoding import from_pcm
from audio.tests.sounds import tone
from conversations.tests.shapes import START, conversation, data_url, said
from tests.contract.calls import URL
from tests.contract.places import Place

VOICED = said("Good.", audioData=data_url(from_pcm(tone(0.2)).data))
# A lone surrogate is not valid text.
NUL, HALF = "a\0b", "a\ud800b"


def second(**fields: Any) -> dict[str, Any]:
    """Return a conversation with this second message. The first one is valid and has a recording."""
    return conversation(messages=[VOICED, said("Hello.", at=START + 1) | fields])


BAD = {
    "no JSON": ("", b"{'id': 'x'}"),
    "cut off": ("", json.dumps(second())[:-10].encode()),
    "a list": ("", []),
    "id: 10 kB": ("id: ", conversation("x" * 10_000)),
    "id: NUL": ("id: ", conversation(NUL)),
    "id: a list": ("id: ", conversation([])),  # type: ignore[arg-type]
    "messages: an object": ("messages: ", conversation(messages={})),
    "messages: twice the same": ("messages", conversation(messages=[VOICED, VOICED])),
    "role: unknown": ("messages[1].role: ", second(role="robot")),
    "role: a number": ("messages[1].role: ", second(role=5)),
    "content: none": ("messages[1].content: ", second(content=None)),
    "content: NUL": ("messages[1].content: ", second(content=NUL)),
    "content: half a character": ("messages[1].content: ", second(content=HALF)),
    "content: too long": ("messages[1].content: ", second(content="x" * 20_001)),
    "message id: 10 kB": ("messages[1].id: ", second(id="x" * 10_000)),
    "message's time: before 1970": ("messages[1].timestamp: ", second(timestamp=-1)),
    "audio: text": ("messages[1].audioData: ", second(audioData=data_url(b"hello"))),
    "audio: cut off": ("messages[1].audioData: ", second(audioData=data_url(from_pcm(tone(0.2)).data[:40]))),
    "audio: another type": ("messages[1].audioData: ", second(audioData="data:text/html;base64,AAAA")),
    "audio: a link": ("messages[1].audioData: ", second(audioData="https://elsewhere.example/a.webm")),
    "startTime: year 10000": ("startTime: ", second() | {"startTime": 253_402_300_800_000}),
    "endTime: beyond all dates": ("endTime: ", second() | {"endTime": 10**30}),
    "timestamp: year 1": ("timestamp: ", second() | {"timestamp": "0001-01-01T00:00:00Z"}),
    "duration: a word": ("duration: ", second() | {"duration": "long"}),
    "config: NUL inside": ("config", second() | {"config": {"x": [NUL]}}),
    "config: NUL in a name": ("config", second() | {"config": {NUL: 1}}),
    "difficulty: 6": ("config.difficulty: ", second() | {"config": {"difficulty": 6}}),
    "analysis: half a character": ("analysis: ", second() | {"analysis": {"feedback": HALF}}),
}


@pytest.mark.parametrize(("field", "body"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_by_field_name_and_stores_nothing(
    place: Place, learner: httpx.Client, field: str, body: Any
):
    before = place.census()
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = learner.post(URL, content=sent, headers={"Content-Type": "application/json"})
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert response.json()["error"].startswith(field)
    assert place.census() == before


def test_a_bad_save_changes_nothing(place: Place, learner: httpx.Client):
    kept = learner.post(URL, json=conversation()).json()["conversation"]
    before = place.census()
    assert learner.post(URL, json=second(content=NUL)).status_code == 400
    assert learner.get(URL, params={"id": kept["id"]}).json()["conversation"] == kept
    assert place.census() == before


@pytest.mark.parametrize("title", [None, "x" * 201, NUL, []])
def test_a_bad_title_is_refused(learner: httpx.Client, title: Any):
    wire_id = learner.post(URL, json=conversation(title="Mine")).json()["conversation"]["id"]
    response = learner.patch(f"{URL}/{wire_id}", json={"title": title})
    assert response.status_code == 400
    assert response.json()["error"].startswith("title: ")
    assert learner.get(f"{URL}/{wire_id}").json()["conversation"]["title"] == "Mine"
