"""Translation, chat and analysis work with the embedded engine and with a provider."""

from typing import Any

import pytest
from channels.db import database_sync_to_async

from conversations.models import Message
from conversations.tests.shapes import conversation, said
from engines.openai.error_translation import GARBLED
from simulators.openai import Provider
from talk.serializers import MAX_TRANSLATED
from talk.speaking_views import MESSAGE_TOO_LONG
from talk.tests.speaking.callers import IDS, TALK, TURN, Caller, spent
from talk.tests.test_feedback import ANSWER
from tutor import redirection
from tutor.analysis import SERIOUS

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

# Translating


async def test_a_provider_translates(pipeline: Provider, caller: Caller):
    pipeline.configure(structured={"translation": [{"translation": "Xin chào."}]})
    answer = await caller.call("translate", {"text": "Hello.", "targetLanguage": "vi"})
    assert answer.json() == {"translation": "Xin chào.", "engine": "openai_pipeline"}


async def test_a_call_that_the_embedded_engine_does_not_support_is_501(local: None, caller: Caller):
    answer = await caller.call("translate", {"text": "Hello.", "targetLanguage": "vi"})
    assert answer.status_code == 501
    assert "OPENAI_API_KEY" in answer.json()["error"]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"targetLanguage": "vi"}, "text"),
        ({"text": "", "targetLanguage": "vi"}, "text"),
        ({"text": "a" * 20_001, "targetLanguage": "vi"}, "text"),
        ({"text": "\udfff", "targetLanguage": "vi"}, "text"),
        ({"text": "Hello."}, "targetLanguage"),
        ({"text": "Hello.", "targetLanguage": "xx"}, "targetLanguage"),
        ({"text": "Hello.", "targetLanguage": ["vi"]}, "targetLanguage"),
    ],
)
async def test_invalid_translation_requests_are_refused(pipeline: Provider, caller: Caller, fields: Any, names: str):
    answer = await caller.call("translate", fields)
    assert (answer.status_code, names in answer.json()["error"]) == (400, True)


async def test_a_turn_is_translated_on_request(pipeline: Provider, kept: Caller):
    pipeline.configure(structured={"translation": [{"translation": "Bạn đến từ đâu?"}]})
    answer = await kept.call(f"{TURN}/translation", {"targetLanguage": "vi"})
    assert answer.json()["translation"] == "Bạn đến từ đâu?"


async def test_another_learners_turn_is_not_translated(pipeline: Provider, kept: Caller, stranger: Caller):
    assert (await stranger.call(f"{TURN}/translation", {"targetLanguage": "vi"})).status_code == 404


async def test_a_missing_turn_is_404(pipeline: Provider, kept: Caller):
    answer = await kept.call(
        f"conversations/{IDS['conversationId']}/messages/ai-1/translation", {"targetLanguage": "vi"}
    )
    assert answer.status_code == 404


async def test_a_turn_without_words_is_422(pipeline: Provider, caller: Caller):
    await caller.call("conversations", conversation(messages=[said("", by="assistant")]))
    assert (await caller.call(f"{TURN}/translation", {"targetLanguage": "vi"})).status_code == 422


async def test_the_longest_text_is_translated(pipeline: Provider, caller: Caller):
    pipeline.configure(structured={"translation": [{"translation": "Xin chào."}]})
    text = ("Hello there. " * 2_000)[:MAX_TRANSLATED]
    answer = await caller.call("translate", {"text": text, "targetLanguage": "vi"})
    assert answer.json()["translation"].startswith("Xin chào. Xin chào.")


async def test_a_turn_that_is_too_long_to_be_translated_is_refused(pipeline: Provider, kept: Caller):
    await database_sync_to_async(Message.objects.using("local").update)(content="a" * (MAX_TRANSLATED + 1))
    answer = await kept.call(f"{TURN}/translation", {"targetLanguage": "vi"})
    assert (answer.status_code, answer.json()) == (422, {"error": MESSAGE_TOO_LONG})
    assert "20,000 characters" in MESSAGE_TOO_LONG


# Chatting


async def test_the_embedded_partner_answers(local: None, caller: Caller):
    body = {"messages": TALK, "topic": "Travel", "difficulty": 2, "language": "en", "mode": "casual-chat"}
    answer = (await caller.call("chat", body)).json()
    assert answer["message"].endswith("?")
    assert answer["engine"] == "local"


async def test_without_messages_it_opens_the_talk(local: None, caller: Caller):
    answer = await caller.call("chat", {"messages": [], "topic": "Travel"})
    assert "travel" in answer.json()["message"]


async def test_a_topic_of_the_learners_own_is_used(local: None, caller: Caller):
    answer = await caller.call("chat", {"messages": [], "topic": "bees"})
    assert "bees" in answer.json()["message"]


async def test_the_mode_interview_opens_an_interview(local: None, caller: Caller):
    answer = await caller.call("chat", {"messages": [], "topic": "Software", "mode": "interview"})
    assert "interview" in answer.json()["message"]


@pytest.mark.parametrize("mode", ["adventure", "lesson", "speaking-practice"])
async def test_every_mode_has_an_opening(local: None, caller: Caller, mode: str):
    assert (await caller.call("chat", {"messages": [], "mode": mode})).status_code == 200


async def test_a_provider_answers(pipeline: Provider, caller: Caller):
    pipeline.configure(replies=["How lovely! What is it like there?"])
    body = {"messages": TALK, "topic": "Travel", "difficulty": "3", "language": "vi", "mode": "interview"}
    answer = (await caller.call("chat", body)).json()
    assert answer == {"message": "How lovely! What is it like there?", "engine": "openai_pipeline"}


async def test_usage_of_a_providers_answer_is_counted(pipeline: Provider, caller: Caller):
    before = spent("talking_agent_provider_tokens_total", stage="chat", kind="text_out")
    await caller.call("chat", {"messages": TALK})
    assert spent("talking_agent_provider_tokens_total", stage="chat", kind="text_out") > before


BAD_TALKS: list[tuple[Any, str]] = [
    (None, "{name}"),
    ("Hello.", "{name}"),
    ([TALK[0]] * 2001, "{name}"),
    ([{"role": "user", "content": "a" * 19_000}] * 22, "{name}"),
    (["Hello."], "{name}[0]"),
    ([{"content": "Hello."}], "{name}[0].role"),
    ([TALK[0], {"role": "system", "content": "Hello."}], "{name}[1].role"),
    ([{"role": ["user"], "content": "Hello."}], "{name}[0].role"),
    ([{"role": "user"}], "{name}[0].content"),
    ([{"role": "user", "content": "a\0"}], "{name}[0].content"),
    ([{"role": "user", "content": "a" * 20_001}], "{name}[0].content"),
]
BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"topic": 7}, "topic"),
    ({"topic": "a" * 501}, "topic"),
    ({"topic": "\ud800"}, "topic"),
    ({"difficulty": 0}, "difficulty"),
    ({"difficulty": 6}, "difficulty"),
    ({"difficulty": 2.5}, "difficulty"),
    ({"difficulty": True}, "difficulty"),
    ({"difficulty": "hard"}, "difficulty"),
    ({"language": "xx"}, "language"),
    ({"language": ["en"]}, "language"),
    ({"mode": "shouting"}, "mode"),
    ({"mode": ["interview"]}, "mode"),
]


@pytest.mark.parametrize(("path", "name"), [("chat", "messages"), ("analyze-conversation", "conversation")])
async def test_invalid_messages_are_refused(local: None, caller: Caller, path: str, name: str):
    for messages, names in BAD_TALKS:
        answer = await caller.call(path, {name: messages})
        assert (answer.status_code, names.format(name=name) in answer.json()["error"]) == (400, True), names


@pytest.mark.parametrize(("path", "name"), [("chat", "messages"), ("analyze-conversation", "conversation")])
async def test_invalid_fields_are_refused(local: None, caller: Caller, path: str, name: str):
    for fields, names in BAD_FIELDS:
        answer = await caller.call(path, {name: TALK, **fields})
        assert (answer.status_code, names in answer.json()["error"]) == (400, True), fields


# Analysing


async def test_the_embedded_engine_analyses_and_names_the_unmeasured(local: None, caller: Caller):
    body = {"conversation": TALK, "topic": "Travel", "difficulty": 2, "timeLimit": 5, "language": "en"}
    answer = (await caller.call("analyze-conversation", body)).json()
    assert answer["componentScores"]["pronunciation"] is None
    assert answer["unmeasured"]["pronunciation"]
    assert answer["speakingMetrics"]["totalWords"] == 4
    assert answer["engine"] == "local"


async def test_a_provider_analyses(pipeline: Provider, caller: Caller):
    pipeline.configure(structured={"analysis": [ANSWER]})
    body = {"conversation": TALK, "topic": "Travel", "difficulty": 2, "timeLimit": 5, "language": "vi"}
    answer = (await caller.call("analyze-conversation", body)).json()
    assert (answer["componentScores"]["grammar"], answer["engine"]) == (40, "openai_pipeline")


async def test_invalid_figures_are_reported_as_unmeasured(pipeline: Provider, caller: Caller):
    pipeline.configure(structured={"analysis": ["70 of 100!"]})
    answer = await caller.call("analyze-conversation", {"conversation": TALK})
    assert (answer.status_code, answer.json()) == (503, {"error": GARBLED})


async def test_only_the_newest_turns_of_a_very_long_talk_are_analysed(local: None, caller: Caller):
    body = {"conversation": [{"role": "user", "content": "She have a dog. " * 100}] * 100}
    answer = (await caller.call("analyze-conversation", body)).json()
    assert answer["judgedTurns"] == {"newest": 37, "all": 100}
    assert "the newest 37 of your 100 turns" in answer["feedback"]


@pytest.mark.parametrize("limit", [0, -1, "5", True, 1e12, 5e-324])
async def test_an_invalid_time_limit_is_refused(local: None, caller: Caller, limit: Any):
    answer = await caller.call("analyze-conversation", {"conversation": TALK, "timeLimit": limit})
    assert (answer.status_code, "timeLimit" in answer.json()["error"]) == (400, True)


async def test_the_analysis_of_a_stored_conversation_is_saved_with_it(local: None, kept: Caller):
    path = f"conversations/{IDS['conversationId']}"
    answer = (await kept.call(f"{path}/analysis")).json()
    stored = (await kept.get(f"/api/{path}")).json()["conversation"]
    assert answer["analysis"]["speakingMetrics"]["totalWords"] == 4
    assert stored["analysis"] == answer["analysis"]
    assert len(stored["messages"]) == 2


async def test_another_learners_conversation_is_not_analysed(local: None, kept: Caller, stranger: Caller):
    assert (await stranger.call(f"conversations/{IDS['conversationId']}/analysis")).status_code == 404


# Moderation


@pytest.mark.parametrize(
    ("heard", "reply", "phrases"),
    [
        ("I hate all Jews.", "Why?", "hate"),
        ("I like dogs.", "I hate all Jews. And you?", "own"),
        ("I like a zebra.", "Why?", "sexual"),
        ("I like dogs.", "I like a zebra. And you?", "own"),
        ("I want to die.", "Do you like dogs?", "caring"),
    ],
)
async def test_a_chat_leads_back_from_what_is_found_on_either_side(
    pipeline: Provider, caller: Caller, settings: Any, heard: str, reply: str, phrases: str
):
    settings.OPENAI["moderation"]["model"] = "omni-moderation-latest"
    pipeline.configure(replies=[reply], flagged={"zebra": "sexual"})
    answer = await caller.call("chat", {"messages": [{"role": "user", "content": heard}]})
    assert answer.json()["message"].startswith(redirection.load()[phrases])


async def test_the_embedded_engine_leads_back_too(local: None, caller: Caller):
    for heard, phrases in (("I hate all Jews.", "hate"), ("Do you want to have sex with me?", "sexual")):
        answer = await caller.call("chat", {"messages": [{"role": "user", "content": heard}]})
        assert answer.json()["message"].startswith(redirection.load()[phrases])
        assert answer.json()["message"].endswith("?")


async def test_words_of_despair_are_not_scored(local: None, caller: Caller):
    told = [{"role": "user", "content": "Last summer I went to Rome with my sister and we ate good pizza."}]
    grave = [*told, {"role": "user", "content": "I want to die because she have left me."}]
    usual = (await caller.call("analyze-conversation", {"conversation": told})).json()
    found = (await caller.call("analyze-conversation", {"conversation": grave})).json()
    assert found["componentScores"] == usual["componentScores"]
    assert found["feedback"].startswith(SERIOUS)
    assert "she have" not in str(found)
