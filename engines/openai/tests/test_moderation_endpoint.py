"""The provider's `/moderations` is asked within bounds, and its absence costs a talk nothing."""

import asyncio
import time
from typing import Any

import pytest

from engines.openai import moderation_endpoint
from engines.openai.moderation_endpoint import judge
from simulators.openai import Provider, moderations
from tutor.moderation import Category

PATH = "/v1/moderations"


@pytest.fixture
def flagging(openai_configured: Provider, settings: Any) -> Provider:
    settings.OPENAI["moderation"]["model"] = "omni-moderation-latest"
    return openai_configured


@pytest.mark.parametrize("category", moderations.CATEGORIES)
async def test_every_category_of_the_api_is_known(flagging: Provider, category: str):
    flagging.configure(flagged={"zebra": category})
    found = await judge("A zebra.")
    assert bool(found) == (category != "violence")


async def test_several_categories_are_all_reported(flagging: Provider):
    flagging.configure(flagged={"zebra": "hate", "tulip": "self-harm/instructions"})
    assert await judge("A zebra with a tulip.") == {Category.HATE, Category.SELF_HARM, Category.THREAT}


async def test_nothing_is_found_in_other_words(flagging: Provider):
    flagging.configure(flagged={"zebra": "hate"})
    assert await judge("A cat.") == frozenset()
    assert await judge("  ") == frozenset()
    assert flagging.seen()["requests"][PATH] == 1


async def test_a_long_text_is_cut(flagging: Provider):
    await judge("word " * 10_000)
    assert flagging.seen()["bytes_in"] < 2 * moderation_endpoint.LONGEST


async def test_a_server_without_the_endpoint_is_asked_once(flagging: Provider, caplog: pytest.LogCaptureFixture):
    flagging.fail(PATH, "404", times=None)
    for _ in range(3):
        assert await judge("A zebra.") == frozenset()
    assert flagging.seen()["requests"][PATH] == 1
    assert [record.message for record in caplog.records if "word list judges alone" in record.message] == [
        "The word list judges alone: moderation: there is no model 'omni-moderation-latest', or no such service, at this "
        "address (404)."
    ]


@pytest.mark.parametrize("kind", ["400", "401", "429", "500", "503", "cut", "reset", "malformed"])
async def test_after_a_failure_it_rests(flagging: Provider, caplog: pytest.LogCaptureFixture, kind: str):
    flagging.fail(PATH, kind)
    flagging.configure(flagged={"zebra": "hate"})
    assert await judge("A zebra.") == frozenset()
    assert await judge("A zebra.") == frozenset()
    assert flagging.seen()["requests"][PATH] == 1
    assert caplog.text.count("The word list judges alone for now: ") == 1
    assert "zebra" not in caplog.text
    assert "sk-simulated" not in caplog.text


async def test_after_the_rest_it_is_asked_again(flagging: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(moderation_endpoint, "REST", 0.0)
    flagging.configure(flagged={"zebra": "hate"})
    flagging.fail(PATH, "503")
    assert await judge("A zebra.") == frozenset()
    assert await judge("A zebra.") == {Category.HATE}


async def test_it_is_not_waited_for_longer_than_its_time(flagging: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(moderation_endpoint, "WITHIN", 0.2)
    flagging.fail(PATH, "silence")
    began = time.monotonic()
    assert await asyncio.wait_for(judge("A zebra."), 5) == frozenset()
    assert time.monotonic() - began < 3


async def test_it_can_be_switched_off(flagging: Provider, settings: Any):
    settings.OPENAI["moderation"]["model"] = "off"
    assert await judge("A zebra.") == frozenset()
    assert PATH not in flagging.seen()["requests"]


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"results": []}, {"results": [None]}, {"results": [{"categories": 5}]}, "text", 7]
)
async def test_an_answer_of_any_shape_is_survived(flagging: Provider, monkeypatch: pytest.MonkeyPatch, answer: object):
    async def post(*_: object, **__: object) -> object:
        return answer

    monkeypatch.setattr(moderation_endpoint.client("moderation"), "post", post)
    assert await judge("A zebra.") == frozenset()
