"""Answers follow a schema, from a provider that usually keeps to it."""

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from engines.openai import structured
from engines.openai.structured import StructuredAnswer
from simulators.openai import Provider
from tutor.domain import EngineError
from usage import metering

CHAT = "/v1/chat/completions"
FIT = {"colour": "blue", "size": 3}
QUESTION = "Choose.", "The sky."


class Thing(StructuredAnswer):
    colour: Literal["red", "blue"]
    size: Annotated[int, Field(ge=1, le=9)]


class Box(StructuredAnswer):
    things: list[Thing]


SCHEMA = Thing.model_json_schema()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structured, "PAUSES", (0.0, 0.0))


async def asked() -> dict[str, Any]:
    return (await structured.ask("thing", Thing, *QUESTION, stage="analysis")).model_dump()


def requests(provider: Provider) -> list[dict[str, Any]]:
    return [entry.get("body", {}) for entry in provider.log(CHAT)]


async def test_an_answer_that_follows_the_schema_is_returned(openai_configured):
    openai_configured.configure(structured={"thing": [FIT]})
    assert await asked() == FIT


async def test_an_answer_that_takes_too_long_is_given_up(openai_configured):
    openai_configured.fail(CHAT, "silence", times=None)
    with pytest.raises(EngineError) as raised:
        await structured.ask("thing", Thing, *QUESTION, within=0.05)
    assert raised.value.detail == "thing: no answer in time."


async def test_the_schema_is_strict(openai_configured):
    openai_configured.configure(structured={"thing": [FIT]})
    await asked()
    [body] = requests(openai_configured)
    assert body["response_format"]["json_schema"] == {"name": "thing", "strict": True, "schema": SCHEMA}
    assert (SCHEMA["required"], SCHEMA["additionalProperties"]) == (["colour", "size"], False)


@pytest.mark.parametrize(
    "bad",
    [
        "I think it is blue.",
        '{"colour": "blue", "si',
        "",
        "[]",
        {"colour": "blue"},
        {"colour": "green", "size": 3},
        {"colour": "blue", "size": 12},
        {"colour": "blue", "size": "3"},
        {"colour": "blue", "size": True},
        {"colour": "blue", "size": 3.0},
        {"colour": None, "size": 3},
    ],
)
async def test_an_unusable_answer_is_requested_again(openai_configured, bad):
    openai_configured.configure(structured={"thing": [bad, FIT]})
    assert await asked() == FIT
    assert len(requests(openai_configured)) == 2


async def test_the_second_request_names_the_problem(openai_configured):
    openai_configured.configure(structured={"thing": [{"colour": "green", "size": 3}, FIT]})
    await asked()
    assert (
        "the answer.colour: Input should be 'red' or 'blue'"
        in requests(openai_configured)[1]["messages"][-1]["content"]
    )


async def test_two_unusable_answers_are_an_error(openai_configured):
    openai_configured.configure(structured={"thing": ["My key is sk-123.", "{}"]})
    with pytest.raises(EngineError) as raised:
        await asked()
    assert raised.value.retryable
    assert raised.value.detail == "thing: the model's answer cannot be used twice: the answer.colour: Field required."
    assert len(requests(openai_configured)) == 2


async def test_an_unusable_answer_is_not_quoted(openai_configured):
    openai_configured.configure(structured={"thing": ["My key is sk-123."]})
    with pytest.raises(EngineError) as raised:
        await asked()
    assert "sk-123" not in f"{raised.value} {raised.value.detail}"


@pytest.mark.parametrize("text", [f"```json\n{json.dumps(FIT)}\n```", f"<think>{{red?}}</think> {json.dumps(FIT)}"])
async def test_json_is_found_in_the_text_around_it(openai_configured, text):
    openai_configured.configure(structured={"thing": [text]})
    assert await asked() == FIT


async def test_extra_fields_are_ignored(openai_configured):
    openai_configured.configure(structured={"thing": [FIT | {"command": "rm"}]})
    assert await asked() == FIT


@pytest.mark.parametrize("kind", ["500", "429", "cut", "malformed"])
async def test_a_short_failure_is_retried(openai_configured, kind):
    openai_configured.configure(structured={"thing": [FIT]})
    openai_configured.fail(CHAT, kind)
    assert await asked() == FIT


async def test_a_lasting_failure_is_an_error(openai_configured):
    openai_configured.fail(CHAT, "500", times=None)
    with pytest.raises(EngineError) as raised:
        await asked()
    assert raised.value.detail == "thing: the provider failed (500)."
    assert len(requests(openai_configured)) == 3


async def test_a_refused_key_is_not_retried(openai_configured):
    openai_configured.fail(CHAT, "401", times=None)
    with pytest.raises(EngineError, match="cannot be used now") as raised:
        await asked()
    assert not raised.value.retryable
    assert len(requests(openai_configured)) == 1


@pytest.mark.parametrize(("retry_after", "pause"), [(2, 2.0), (60, 5.0), (0, 0.5), (None, 0.5)])
async def test_the_pause_follows_retry_after(openai_configured, retry_after, pause):
    openai_configured.fail(CHAT, "429", times=None, retry_after=retry_after)
    messages = [{"role": "user", "content": "The sky."}]
    with pytest.raises(EngineError) as raised, structured.translated("thing"):
        await structured._asked(structured._Question("thing", SCHEMA, messages, "analysis", structured.WITHIN))
    assert structured._pause(raised.value, 0.5) == pause


async def test_a_server_that_refuses_schemas_gets_the_schema_as_text(openai_configured):
    openai_configured.configure(replies=[json.dumps(FIT)])
    openai_configured.fail(CHAT, "400")
    assert await asked() == FIT
    _, second = requests(openai_configured)
    assert "response_format" not in second
    assert json.dumps(SCHEMA) in second["messages"][0]["content"]


async def test_a_server_that_refused_schemas_gets_none_later(openai_configured):
    openai_configured.configure(replies=[json.dumps(FIT)])
    openai_configured.fail(CHAT, "400")
    await asked()
    await asked()
    assert [entry["status"] for entry in openai_configured.log(CHAT)] == [400, 200, 200]


async def test_a_request_that_is_refused_without_a_schema_too_is_an_error(openai_configured):
    openai_configured.fail(CHAT, "400", times=None)
    with pytest.raises(EngineError) as raised:
        await asked()
    assert "400" in raised.value.detail


async def test_usage_is_recorded(openai_configured):
    openai_configured.configure(structured={"thing": ["nonsense", FIT]})
    with metering.collected() as used:
        await asked()
    assert [(one.stage, one.text_in > 0, one.text_out > 0) for one in used] == [("analysis", True, True)] * 2


async def test_every_element_of_a_list_is_checked(openai_configured):
    openai_configured.configure(structured={"box": [{"things": [FIT, {"colour": "red"}]}]})
    with pytest.raises(EngineError) as raised:
        await structured.ask("box", Box, *QUESTION)
    assert raised.value.detail.endswith("the answer.things.1.size: Field required.")


async def test_extra_fields_in_lists_are_ignored(openai_configured):
    openai_configured.configure(structured={"box": [{"things": [FIT | {"command": "rm"}]}]})
    assert (await structured.ask("box", Box, *QUESTION)).model_dump() == {"things": [FIT]}
