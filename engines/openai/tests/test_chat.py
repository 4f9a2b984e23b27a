"""The chat model gets the right part of the dialogue, and its answer is streamed."""

from contextlib import aclosing
from typing import Any

import pytest

from engines.openai import chat_completions, clients
from engines.openai.tests.compatible import Answer, compatible, refused, written
from simulators.openai import Provider, scripted_words
from tutor import scenario
from tutor.domain import EngineError, Line
from tutor.instructions import instructions
from tutor.scenario import Brief
from usage import metering

CHAT = "/v1/chat/completions"
BRIEF = Brief(scenario=scenario.get("travel"), level="B1", seed="talk")
REPLY = "You went home. Why?"
ASKED = [{"role": "user", "content": "I goes home."}]


def line(role: str, text: str) -> Line:
    return Line({"u": "user", "a": "assistant"}[role], text)


async def deltas_of(respond: Any, settings: Any) -> list[str]:
    """Return the deltas of a server that answers like this."""
    async with compatible(respond) as server:
        settings.OPENAI["chat"]["url"] = server.url
        try:
            return [delta async for delta in chat_completions.stream(ASKED)]
        finally:
            await clients.close()


class TestMessages:
    def test_the_brief_comes_first(self):
        assert chat_completions.messages(BRIEF, [])[0] == {"role": "system", "content": instructions(BRIEF)}

    @pytest.mark.parametrize("roles", ["", "a", "u", "au", "ua", "aua", "uuaa", "aauua"])
    def test_learner_and_agent_take_turns_and_the_learner_is_first_and_last(self, roles: str):
        said = chat_completions.messages(BRIEF, [line(role, f"line {at}") for at, role in enumerate(roles)])[1:]
        expected = ["user", "assistant"] * len(said)
        assert [each["role"] for each in said] == expected[: len(said)]
        assert len(said) % 2

    def test_nothing_said_is_left_out_of_a_short_talk(self):
        lines = [line(role, f"line {at}") for at, role in enumerate("auauuaau")]
        told = "\n".join(each["content"] for each in chat_completions.messages(BRIEF, lines))
        assert all(each.text in told for each in lines)

    def test_a_long_talk_keeps_its_newest_lines_within_the_budget(self):
        lines = [line("ua"[at % 2], f"line {at} ".ljust(100, ".")) for at in range(999)]
        said = chat_completions.messages(BRIEF, lines)[1:]
        assert said[-1]["content"] == lines[-1].text
        assert (
            chat_completions.BUDGET - chat_completions.STEP - 200
            <= sum(len(each["content"]) for each in said)
            <= chat_completions.BUDGET + 200
        )

    def test_the_dropped_part_stays_the_same_for_many_turns(self):
        lines = [line("ua"[at % 2], f"line {at} ".ljust(100, ".")) for at in range(400)]
        begins = [chat_completions.messages(BRIEF, lines[:count])[2]["content"] for count in range(301, 399, 2)]
        assert len(set(begins)) <= 4

    def test_one_line_that_is_longer_than_the_budget_is_kept(self):
        assert chat_completions.messages(BRIEF, [line("u", "x" * 99_999)])[-1]["content"] == "x" * 99_999


async def test_an_answer_comes_token_by_token(openai_configured: Provider):
    openai_configured.configure(replies=[REPLY])
    assert [delta async for delta in chat_completions.stream(ASKED)] == scripted_words.tokens(REPLY)


async def test_an_answer_is_returned_as_a_whole(openai_configured: Provider):
    openai_configured.configure(replies=[REPLY])
    assert await chat_completions.reply([line("u", "I goes home.")], brief=BRIEF) == REPLY


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("gpt-5.4-mini", "none"),
        ("gpt-5.1", "none"),
        ("gpt-5-mini", "minimal"),
        ("gpt-5-chat-latest", None),
        ("llama3", None),
    ],
)
async def test_a_reasoning_model_gets_its_lowest_effort(
    openai_configured: Provider, settings: Any, model: str, effort: str | None
):
    settings.OPENAI["chat"]["model"] = model
    await chat_completions.reply([], brief=BRIEF)
    asked = openai_configured.log(CHAT)[0]["body"]
    assert asked.get("reasoning_effort") == effort
    assert asked["max_completion_tokens"] == chat_completions.LONGEST


async def test_usage_is_recorded(openai_configured: Provider):
    openai_configured.configure(replies=[REPLY])
    with metering.collected() as collected:
        await chat_completions.reply([], brief=BRIEF)
    assert [(each.stage, each.text_out) for each in collected] == [("chat", len(scripted_words.tokens(REPLY)))]
    assert collected[0].text_in > 100


async def test_the_usage_of_an_interrupted_answer_is_recorded(openai_configured: Provider):
    with metering.collected() as collected:
        async with aclosing(chat_completions.stream(ASKED)) as deltas:
            await anext(deltas)
    assert [(each.stage, each.text_in, each.text_out) for each in collected] == [("chat", 3, 1)]


@pytest.mark.parametrize(
    "tokens",
    [
        ("<think>", "The learner ", "errs.", "</think>", "\n\n", "You went?"),
        ("\n<thi", "nk> a < b </thi", "nk> You ", "went?"),
        ("<think></think>You went?",),
        ("", "You", " went?"),
    ],
)
async def test_reasoning_is_left_out(openai_configured: Provider, settings: Any, tokens: tuple[str]):
    deltas = await deltas_of(lambda path, body: written(*tokens), settings)
    assert "".join(deltas).strip() == "You went?"


async def test_reasoning_alone_is_not_an_answer(openai_configured: Provider, settings: Any):
    with pytest.raises(EngineError):
        await deltas_of(lambda path, body: written("<think>Well,", " let me see."), settings)


async def test_a_server_that_refuses_optional_parameters_gets_none(openai_configured: Provider, settings: Any):
    def respond(path: str, body: dict[str, Any]) -> Answer:
        return refused() if body.keys() - {"model", "messages", "stream"} else written("You", " went?")

    async with compatible(respond) as server:
        settings.OPENAI["chat"]["url"] = server.url
        for _ in range(2):
            assert "".join([delta async for delta in chat_completions.stream(ASKED)]) == "You went?"
        await clients.close()
    assert len(server.asked) == 3


@pytest.mark.parametrize("chunk", ["[]", '"x"', '{"choices": 5}', '{"choices": ["x"]}', '{"choices": [{"delta": []}]}'])
async def test_an_event_of_an_unknown_shape_is_an_error(openai_configured: Provider, settings: Any, chunk: str):
    body = f"data: {chunk}\n\ndata: [DONE]\n\n".encode()
    with pytest.raises(EngineError) as failure:
        await deltas_of(lambda path, asked: (200, "text/event-stream", body), settings)
    assert failure.value.detail.startswith("chat: ")


@pytest.mark.parametrize("usage", [[1], "x", {"prompt_tokens": "x", "prompt_tokens_details": [2]}])
async def test_usage_of_an_unknown_shape_does_not_end_the_answer(
    openai_configured: Provider, settings: Any, usage: object
):
    found = await deltas_of(lambda path, body: written("You", " went?", choices=[], usage=usage), settings)
    assert "".join(found) == "You went?"


async def test_usage_may_come_with_the_last_token(openai_configured: Provider, settings: Any):
    took = {"prompt_tokens": 50, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 40}}
    with metering.collected() as collected:
        await deltas_of(lambda path, body: written("You", " went?", choices=[], usage=took), settings)
    assert (collected[0].text_in, collected[0].cached_in, collected[0].text_out) == (10, 40, 2)
