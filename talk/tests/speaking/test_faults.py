"""The speaking calls refuse foreign callers, and survive failures."""

from typing import Any

import pytest
from django.test import AsyncClient, Client

from conversations.tests.shapes import said
from engines import engines
from learners import cookie
from simulators.openai import Provider
from talk.fallback import is_resting
from talk.tests.speaking.callers import IDS, TALK, TURN, Caller, whole
from tests.fixtures import PROVIDER_KEY

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

# Callers


POSTS = ["text-to-speech", "speech-to-text", "translate", "chat", "analyze-conversation"]
POSTS += [f"conversations/{IDS['conversationId']}/analysis", f"{TURN}/translation"]


@pytest.mark.parametrize("path", POSTS)
def test_another_method_is_405(path: str):
    answer = Client().get(f"/api/{path}")
    assert (answer.status_code, answer.json()["error"]) == (405, "Here only POST is allowed.")


@pytest.mark.parametrize("path", POSTS)
def test_another_sites_page_is_refused(path: str):
    assert Client().post(f"/api/{path}", headers={"Origin": "https://elsewhere.example"}).status_code == 403


@pytest.mark.parametrize("path", ["text-to-speech", "translate", "chat", "analyze-conversation", f"{TURN}/translation"])
async def test_a_body_that_is_not_json_is_refused(local: None, caller: Caller, path: str):
    for body in (b"{", b"[1]", b"\xff", b"[" * 100_000):
        answer = await caller.generic("POST", f"/api/{path}", body, content_type="application/json")
        assert (answer.status_code, "JSON" in answer.json()["error"]) == (400, True)


async def test_a_client_without_a_cookie_gets_one(local: None):
    answer = await AsyncClient().post("/api/chat", {"messages": []}, content_type="application/json")
    assert cookie.unseal(answer.cookies[cookie.NAME].value)


# When the provider fails

SPOKEN = "/v1/audio/speech"
FAULTS = ["401", "404", "429", "500", "malformed", "reset"]


@pytest.mark.parametrize("kind", FAULTS)
async def test_the_next_engine_answers_and_is_named(pipeline: Provider, caller: Caller, kind: str):
    pipeline.fail("/v1/chat/completions", kind, times=None)
    answer = await caller.call("chat", {"messages": TALK, "topic": "Travel"})
    assert (answer.status_code, answer.json()["engine"]) == (200, "local")


async def test_the_next_engine_speaks_and_is_named(pipeline: Provider, caller: Caller):
    pipeline.fail(SPOKEN, "500", times=None)
    answer = (await caller.call("text-to-speech", {"text": "Good morning.", **IDS})).json()
    assert answer["engine"] == "local"


async def test_broken_off_speech_to_save_is_spoken_by_the_next_engine(pipeline: Provider, caller: Caller):
    pipeline.fail(SPOKEN, "cut", after=3)
    answer = (await caller.call("text-to-speech", {"text": "Good morning, and welcome to us.", **IDS})).json()
    assert (answer["engine"], answer["audioDuration"] > 1) == ("local", True)


async def test_an_engine_that_failed_rests(pipeline: Provider, caller: Caller):
    pipeline.fail("/v1/chat/completions", "401", times=None)
    await caller.call("chat", {"messages": TALK})
    asked = len(pipeline.seen()["requests"])
    await caller.call("chat", {"messages": TALK})
    assert len(pipeline.seen()["requests"]) == asked


async def test_a_provider_that_takes_too_long_is_not_waited_for(pipeline: Provider, caller: Caller, settings: Any):
    settings.ENGINE_PATIENCE = 500
    pipeline.fail("/v1/chat/completions", "slow", delay_ms=20_000)
    assert (await caller.call("chat", {"messages": TALK})).json()["engine"] == "local"


@pytest.mark.parametrize("kind", FAULTS)
async def test_without_another_engine_a_failure_is_503(pipeline_alone: Provider, caller: Caller, kind: str):
    pipeline_alone.fail("/v1/*", kind, times=None)
    answer = await caller.call("chat", {"messages": TALK})
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("The language service")


@pytest.mark.parametrize("kind", FAULTS)
async def test_the_providers_key_and_tracebacks_do_not_leak(
    pipeline_alone: Provider, caller: Caller, caplog: pytest.LogCaptureFixture, kind: str
):
    pipeline_alone.fail("/v1/*", kind, times=None)
    for path, body in [("chat", {"messages": TALK}), ("text-to-speech", {"text": "Hello.", **IDS})]:
        answer = await caller.call(path, body)
        assert PROVIDER_KEY not in answer.text + caplog.text
        assert "Traceback" not in answer.text + caplog.text


async def test_an_engine_that_cannot_and_one_that_failed_make_it_503(pipeline: Provider, caller: Caller):
    """The embedded engine cannot translate at all. The provider could, at another time."""
    pipeline.fail("/v1/*", "500", times=None)
    answer = await caller.call("translate", {"text": "Hello.", "targetLanguage": "vi"})
    assert answer.status_code == 503


async def test_an_engine_that_fails_outside_a_talk_does_not_rest(
    pipeline: Provider, caller: Caller, caplog: pytest.LogCaptureFixture
):
    pipeline.fail("/v1/chat/completions", "404", times=None)
    await caller.call("translate", {"text": "Hello.", "targetLanguage": "vi"})
    assert "could not do something beside a talk" in caplog.text
    assert not any(is_resting(engine) for engine in engines())


async def test_broken_off_speech_does_not_end_like_complete_speech(pipeline: Provider, caller: Caller):
    pipeline.fail(SPOKEN, "cut", after=3)
    answer = await caller.call("text-to-speech", {"text": "Good morning, and welcome to this long sentence of ours."})
    with pytest.raises(Exception, match="broke off") as raised:
        await whole(answer)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


# Editing


REPLACED_WORDS = {"content": "I has a dog."}


async def test_replaced_words_are_saved_if_no_corrections_can_be_made(pipeline_alone: Provider, kept: Caller):
    pipeline_alone.fail("/v1/*", "500", times=None)
    ids = said("", at=1_714_521_605_000)["id"]
    answer = await kept.call(f"conversations/{IDS['conversationId']}/messages/{ids}", REPLACED_WORDS, method="PATCH")
    assert answer.json()["message"]["content"] == REPLACED_WORDS["content"]
    assert answer.json()["notCorrected"].startswith("The language service")


async def test_replaced_words_are_corrected_by_the_next_engine(pipeline: Provider, kept: Caller):
    pipeline.fail("/v1/*", "500", times=None)
    ids = said("", at=1_714_521_605_000)["id"]
    answer = await kept.call(f"conversations/{IDS['conversationId']}/messages/{ids}", REPLACED_WORDS, method="PATCH")
    assert [each["better"] for each in answer.json()["message"]["corrections"]] == ["have"]
    assert "notCorrected" not in answer.json()
