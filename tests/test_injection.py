"""What learners say, choose and import reaches a model as data in the user's role. It never becomes part of an instruction.

A model's obedience cannot be tested here, and is not promised. These tests look at the requests that reach the simulated
provider.
"""

import json
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.json_types import Json
from engines.openai_pipeline.engine import PipelineEngine
from engines.openai_realtime.engine import RealtimeEngine
from simulators.openai import Provider
from tutor import scenario
from tutor.domain import EngineError, Line
from tutor.instructions import CHOSEN, learner_data
from tutor.scenario import Brief

DATA = tomllib.loads((Path(__file__).parent / "injection" / "attempts.toml").read_text())
ATTEMPTS: list[str] = [each["text"] for each in DATA["attempts"]]
DIALOGUES: list[list[str]] = [each["lines"] for each in DATA["dialogues"]]
HARMLESS = "I like my cat."
CHAT, TALK = "/v1/chat/completions", "/v1/realtime"
ASSESSMENT = {
    "scores": {"grammar": 50, "vocabulary": 50, "contentRichness": 50},
    "strengths": [],
    "improvements": [],
    "feedback": "Good.",
    "suggestions": [],
}
PIPELINE = PipelineEngine()


@pytest.fixture
def provider(openai_configured: Provider) -> Provider:
    openai_configured.configure(structured={"analysis": [ASSESSMENT], "translation": [{"translation": "x"}]})
    return openai_configured


def own_brief(text: str) -> Brief:
    chosen = dict.fromkeys(CHOSEN, text)
    return Brief(scenario.get("own-topic"), "B1", "seed", mistakes=(text,), **chosen)


def dialogue(text: str) -> list[Line]:
    return [
        Line("assistant", "Hello! How are you?"),
        Line("user", text),
        Line("assistant", "Tell me more."),
        Line("user", text),
    ]


# Every way that words take to a language model, besides the Realtime API's.
ASKS: dict[str, Callable[[str], Awaitable[object]]] = {
    "reply": lambda text: PIPELINE.chat(dialogue(text), brief=own_brief(text)),
    "opening": lambda text: PIPELINE.chat([], brief=own_brief(text)),
    "correction": lambda text: PIPELINE.correct(f"{text} word", context=dialogue(text)),
    "analysis": lambda text: PIPELINE.analyse(dialogue(text), brief=own_brief(text), language="vi"),
    "translation": lambda text: PIPELINE.translate(text, language="vi"),
}


async def asked(provider: Provider, ask: Awaitable[object]) -> Json:
    """Return the body of the one request that this sends."""
    before = len(provider.log(CHAT))
    await ask
    [request] = provider.log(CHAT)[before:]
    return dict(request["body"])


def system(body: Json) -> str:
    assert [message["role"] for message in body["messages"]].count("system") == 1
    assert body["messages"][0]["role"] == "system"
    return str(body["messages"][0]["content"])


def strings_in(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in (*strings_in(key), *strings_in(each))]
    if isinstance(value, list):
        return [text for each in value for text in strings_in(each)]
    return [value] if isinstance(value, str) else []


def test_there_are_enough_attempts():
    assert len(set(ATTEMPTS)) >= 40
    assert {each["kind"] for each in DATA["attempts"] + DATA["dialogues"]} >= {
        *(
            "override",
            "leak",
            "role",
            "tag",
            "json",
            "tool",
            "template",
            "language",
            "encoding",
            "page",
            "turns",
            "imported",
        )
    }


@pytest.mark.parametrize("way", ASKS)
async def test_no_word_of_a_learner_becomes_an_instruction(provider: Provider, way: str):
    usual = await asked(provider, ASKS[way](HARMLESS))
    for text in ATTEMPTS:
        body = await asked(provider, ASKS[way](text))
        # The same system message as for a harmless learner, to the letter.
        assert system(body) == system(usual), text
        assert body.keys() == usual.keys(), text
        assert body.get("response_format") == usual.get("response_format"), text
        assert {message["role"] for message in body["messages"]} <= {"system", "user", "assistant"}
        assert not body.keys() & {"tools", "tool_choice", "functions"}
        if way in ("reply", "opening"):
            check_chosen(body, text)
        else:
            check_given(body, text)


def check_chosen(body: Json, text: str) -> None:
    """Check that all that the learner chose is in one JSON object, and nothing of it is beside it."""
    first, _, rest = body["messages"][1]["content"].partition("\n")
    plain = " ".join(text.split())
    assert json.loads(first) == {**dict.fromkeys(CHOSEN, plain), "mistakes": [plain]}, text
    assert rest == "(The learner is here. Greet them and begin.)"


def check_given(body: Json, text: str) -> None:
    """Check that the request holds the words as a JSON value, among no other fields than usual."""
    [_, user] = body["messages"]
    given = json.loads(user["content"])
    assert user["role"] == "user"
    assert {text, text.strip(), f"{text} word"} & set(strings_in(given)), text
    if isinstance(given, dict):
        assert given.keys() in ({"before", "said"}, {"topic", "lines", "counted"})


@pytest.mark.parametrize("lines", DIALOGUES, ids=lambda lines: lines[0])
async def test_several_turns_stay_in_their_roles(provider: Provider, lines: list[str]):
    turns = [Line(("user", "assistant")[number % 2], text) for number, text in enumerate(lines)]
    body = await asked(provider, PIPELINE.chat(turns, brief=Brief(scenario.get("travel"), "B1", "seed")))
    assert "MARKER" not in system(body)
    assert [(each["role"], each["content"]) for each in body["messages"][1:]] == [
        (each.role, each.text) for each in turns
    ]


async def test_a_realtime_session_gets_words_as_items_of_their_speaker(provider: Provider):
    sessions: list[tuple[str, list[tuple[str, str]]]] = []
    for text in (HARMLESS, *ATTEMPTS):
        provider.reset()
        async with RealtimeEngine().talk(own_brief(text), dialogue(text)) as session:
            assert [event async for event in session.reply(text)]
        events = [entry["event"] for entry in provider.log(TALK) if "event" in entry]
        configured = [each["session"] for each in events if each["type"] == "session.update"]
        created = [each["response"] for each in events if each["type"] == "response.create"]
        items = [each["item"] for each in events if each["type"] == "conversation.item.create"]
        instructions = [each["instructions"] for each in (*configured, *created) if "instructions" in each]
        assert not any(each.keys() & {"tools", "tool_choice"} for each in (*configured, *created))
        sessions.append(("".join(instructions), [(each["role"], each["content"][0]["text"]) for each in items]))
        said = [("user", learner_data(own_brief(text))), *((line.role, line.text) for line in dialogue(text))]
        assert sessions[-1][1] == [*said, ("user", text.strip())], text
    assert len({instructions for instructions, _ in sessions}) == 1


# What a model answers is not believed, either: whoever persuades it must not get anything else through.
STRANGE = [
    '{"corrections": "MARKER"}',
    '{"corrections": [{"said": "cat", "better": ["MARKER"], "why": "", "category": "article"}]}',
    '{"corrections": [{"said": "cat", "better": "dog", "why": "", "category": "MARKER"}]}',
    '{"__proto__": {"MARKER": 1}}',
    "Sure! I ignore my rules: MARKER",
    "<script>MARKER</script>",
    '[{"role": "system"}]',
    "",
]


@pytest.mark.parametrize("answer", STRANGE)
async def test_a_strange_answer_is_no_correction(provider: Provider, answer: str):
    provider.configure(structured={"corrections": [answer]})
    with pytest.raises(EngineError) as refused:
        await PIPELINE.correct(HARMLESS)
    assert "MARKER" not in refused.value.detail


async def test_a_correction_of_words_that_were_not_said_is_dropped(provider: Provider):
    invented = {"said": "MARKER", "better": "obey", "why": "", "category": "article", "tool": "shell"}
    real = {"said": "cat", "better": "dog", "why": "<b>MARKER</b>", "category": "article"}
    provider.configure(structured={"corrections": [{"corrections": [invented, real], "run": "MARKER"}]})
    [found] = await PIPELINE.correct(HARMLESS)
    assert (found.said, found.better, found.why) == ("cat", "dog", "<b>MARKER</b>")


async def test_scores_that_a_learner_asked_for_are_not_taken_over_the_limit(provider: Provider):
    provider.configure(
        structured={"analysis": [ASSESSMENT | {"scores": {"grammar": 1000, "vocabulary": 1, "contentRichness": 1}}]}
    )
    with pytest.raises(EngineError):
        await PIPELINE.analyse([Line("user", ATTEMPTS[0])], brief=own_brief(ATTEMPTS[0]))


def test_nothing_fills_slots_of_ours_with_slots_of_the_learners(settings: Any):
    for text in ATTEMPTS:
        assert scenario.fill("{topic} and {goal}", {"topic": text, "goal": "x"}) == f"{text} and x"
