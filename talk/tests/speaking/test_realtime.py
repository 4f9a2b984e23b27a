"""With only a key, the Realtime API speaks, and all other calls go over HTTP."""

from typing import Any

import pytest

from conversations.tests.shapes import conversation
from simulators.openai import Provider
from talk.tests.speaking.callers import IDS, TALK, WAV, Caller, seconds, whole
from talk.tests.test_feedback import ANSWER

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])


@pytest.fixture
def realtime(openai_configured: Provider, settings: Any) -> Provider:
    settings.TUTOR_ENGINE = "openai_realtime"
    return openai_configured


async def test_it_speaks(realtime: Provider, caller: Caller):
    answer = await caller.call("text-to-speech", {"text": "Good morning."})
    assert (answer["X-Engine"], seconds(await whole(answer)) > 0.5) == ("openai_realtime", True)


async def test_speech_is_kept(realtime: Provider, caller: Caller):
    answer = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    assert seconds(await whole(await caller.get(answer["audioUrl"]))) > 0.5


async def test_it_transcribes_a_recording(realtime: Provider, caller: Caller):
    realtime.configure(transcripts=["Thank you."])
    assert (await caller.upload(WAV)).json() == {"text": "Thank you.", "engine": "openai_realtime"}


async def test_it_answers(realtime: Provider, caller: Caller):
    realtime.configure(replies=["How lovely!"])
    assert (await caller.call("chat", {"messages": TALK})).json()["message"] == "How lovely!"


async def test_it_analyses_a_stored_conversation(realtime: Provider, caller: Caller):
    realtime.configure(structured={"analysis": [ANSWER]})
    await caller.call("conversations", conversation())
    answer = await caller.call(f"conversations/{IDS['conversationId']}/analysis")
    scores = answer.json()["analysis"]["componentScores"]
    assert (scores["grammar"], scores["pronunciation"]) == (40, None)


@pytest.mark.parametrize("kind", ["401", "500", "cut"])
async def test_the_next_engine_speaks_in_its_place(realtime: Provider, caller: Caller, kind: str):
    realtime.fail("/v1/realtime", kind, times=None)
    answer = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    assert answer["engine"] == "local"
