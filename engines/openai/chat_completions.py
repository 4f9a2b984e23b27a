"""Stream the agent's next line from a language model over `/chat/completions`."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import Any
from weakref import WeakSet

import openai
from openai import AsyncOpenAI, AsyncStream

from core.json_types import Json
from engines.openai import paying
from engines.openai.clients import client, model
from engines.openai.error_translation import GARBLED
from engines.openai.streams import patiently
from engines.openai.usage_fields import fields_of, tokens
from tutor.domain import EngineError, Line
from tutor.instructions import instructions, learner_data
from tutor.scenario import Brief
from tutor.transcripts import Transcript
from usage.metering import Used

# Tokens, including reasoning. The code that speaks an answer ends it much sooner.
LONGEST = 1000
# Characters of a talk that are sent to the model: about 4,000 tokens, or 60 turns.
BUDGET = 16_000
# Characters that are dropped at a time. An unchanged prefix is cheaper and faster for the provider.
STEP = 4_000
BEGIN = "(The learner is here. Greet them and begin.)"
RETURN = "(The learner is back after a while. Welcome them in a few words and ask your last question again.)"
NOT_MADE_OUT = "(The learner's words could not be made out.)"
IN_DOUBT = (
    "(The learner spoke, and was not heard well. Surely heard: {certain!r}. Correct nothing. Say in a few easy words that you are"
    " not sure that you heard everything, and ask your last question again in easier words.)"
)
# Approximate. Used where the provider sent no token count.
CHARACTERS_A_TOKEN = 4

Chunks = AsyncStream[Any]

_NO_EFFORT = re.compile(r"gpt-5\.\d+(-mini|-nano)?(-\d{4}-\d\d-\d\d)?")
_LITTLE_EFFORT = re.compile(r"gpt-5(-mini|-nano)?(-\d{4}-\d\d-\d\d)?")
_THOUGHTS = re.compile(r"\s*<think>.*?</think>\s*", re.DOTALL)
_MAYBE_THOUGHTS = re.compile(r"\s*(<(t(h(i(n(k(>.*)?)?)?)?)?)?)?", re.DOTALL)

# Clients whose servers refuse any parameter beyond model, messages and stream.
_plain_servers: WeakSet[AsyncOpenAI] = WeakSet()


def estimate(characters: int) -> Used:
    """Return the most that an answer to so many characters may use."""
    return Used("chat", model("chat"), text_in=paying.of_text(characters), text_out=LONGEST)


async def reply(lines: Sequence[Line], *, brief: Brief) -> str:
    """Return the agent's next line as a whole. Raises EngineError."""
    async with aclosing(stream(messages(brief, lines))) as deltas:
        return "".join([delta async for delta in deltas]).strip()


def messages(brief: Brief, lines: Sequence[Line]) -> list[dict[str, str]]:
    """Return the messages for the model: the brief, and as much of the talk as fits into BUDGET.

    A learner's words are in no other role than the user's. Older lines are dropped, STEP characters at a time. The dialogue
    begins and ends with the learner, and the roles alternate, because some models insist on that.
    """
    excess = sum(len(line.text) for line in lines) - BUDGET
    to_leave_out = -(-excess // STEP) * STEP
    kept = list(lines)
    while to_leave_out > 0 and len(kept) > 1:
        to_leave_out -= len(kept.pop(0).text)
    if not kept or kept[0].role != "user":
        kept = [Line("user", BEGIN), *kept]
    if kept[-1].role != "user":
        kept = [*kept, Line("user", RETURN)]
    if data := learner_data(brief):
        kept = [Line("user", data), *kept]
    said = [
        {"role": role, "content": "\n".join(line.text or NOT_MADE_OUT for line in some)}
        for role, some in groupby(kept, key=lambda line: line.role)
    ]
    return [{"role": "system", "content": instructions(brief)}, *said]


def in_doubt(heard: Transcript) -> str:
    """Return the learner's line for the model where the words are not sure."""
    return IN_DOUBT.format(certain=heard.certain)


async def stream(messages: list[dict[str, str]]) -> AsyncGenerator[str, None]:
    """Yield the answer's text as it is written, without reasoning. Raises EngineError, also if there is no answer."""
    attempts, is_empty = [_without_reasoning(messages) for _ in range(2)], True
    async with aclosing(patiently("chat", attempts)) as deltas:
        async for delta in deltas:
            is_empty = is_empty and not delta.strip()
            yield delta
    if is_empty:
        raise EngineError(GARBLED, retryable=True, detail="chat: the model wrote no answer.")


async def _without_reasoning(messages: list[dict[str, str]]) -> AsyncGenerator[str, None]:
    # Text that may still be reasoning. None once the answer has begun.
    held: str | None = ""
    async with aclosing(_deltas(messages)) as deltas:
        async for delta in deltas:
            if held is None:
                yield delta
                continue
            held = _THOUGHTS.sub("", held + delta, count=1)
            if not _MAYBE_THOUGHTS.fullmatch(held):
                yield held
                held = None
    if held and not held.lstrip().startswith("<think>"):
        yield held


async def _deltas(messages: list[dict[str, str]]) -> AsyncGenerator[str, None]:
    count = 0
    usage: Json | None = None
    characters = sum(len(message["content"]) for message in messages)
    with paying.call(estimate(characters)) as paid:
        chunks = await _requested(messages)
        try:
            async for chunk in chunks:
                # Servers differ, so any JSON is possible.
                try:
                    text = "".join(
                        (choice.get("delta") or {}).get("content") or "" for choice in chunk.get("choices") or ()
                    )
                    usage = fields_of(chunk.get("usage")) or usage
                except (AttributeError, TypeError) as error:
                    raise EngineError(GARBLED, retryable=True, detail="chat: an event has an unknown shape.") from error
                if text:
                    count += 1
                    yield text
        finally:
            await chunks.close()
            if usage:
                cached = tokens(fields_of(usage.get("prompt_tokens_details")), "cached_tokens")
                read, written = tokens(usage, "prompt_tokens") - cached, tokens(usage, "completion_tokens")
                paid.record(Used("chat", model("chat"), text_in=read, cached_in=cached, text_out=written))
            else:
                # A reply that was interrupted also costs, so its usage is estimated.
                read = characters // CHARACTERS_A_TOKEN
                paid.record(Used("chat", model("chat"), text_in=read, text_out=count))


async def _requested(messages: list[dict[str, str]]) -> Chunks:
    """Return the chunks of the answer. If the server refuses optional parameters, request it without them."""
    name, server = model("chat"), client("chat")
    plain: dict[str, object] = {"model": name, "messages": messages, "stream": True}
    if server in _plain_servers:
        return await _posted(server, plain)
    more: dict[str, object] = {"stream_options": {"include_usage": True}, "max_completion_tokens": LONGEST}
    # The lowest reasoning effort that the model allows, because a learner waits.
    if _NO_EFFORT.fullmatch(name):
        more["reasoning_effort"] = "none"
    elif _LITTLE_EFFORT.fullmatch(name):
        more["reasoning_effort"] = "minimal"
    try:
        return await _posted(server, plain | more)
    except (openai.BadRequestError, openai.UnprocessableEntityError):
        chunks = await _posted(server, plain)
        # The server accepted the same request without the extra parameters, so it had refused those.
        _plain_servers.add(server)
        return chunks


async def _posted(server: AsyncOpenAI, asked: dict[str, object]) -> Chunks:
    """Send the request and return its raw chunks.

    The client's own `chat.completions.create` builds a model object for each token, which takes longer than everything else.
    """
    return await server.post("/chat/completions", body=asked, cast_to=object, stream=True, stream_cls=Chunks)
