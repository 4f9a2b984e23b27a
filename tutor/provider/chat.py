"""What the agent says next, by a language model over `/chat/completions`, as it is written."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from itertools import groupby
from typing import Any
from weakref import WeakSet

import openai
from openai import AsyncOpenAI, AsyncStream

from tutor import usage
from tutor.engines.base import EngineError, Line
from tutor.instructions import instructions
from tutor.provider.clients import client, model
from tutor.provider.errors import GARBLED
from tutor.provider.streams import patiently
from tutor.scenario import Brief
from tutor.usage import Used

LONGEST = 1000  # tokens, thoughts and all; whoever speaks an answer ends it much sooner
BUDGET = 16_000  # characters of a talk that the model is reminded of: about 4,000 tokens, 60 turns
STEP = 4_000  # characters that are left out at a time: what stays the same is cheaper and faster for the provider
BEGIN = "(The learner is here. Greet them and begin.)"
RETURN = "(The learner is back after a while. Welcome them in a few words and ask your last question again.)"
CHARACTERS_A_TOKEN = 4  # about, where the provider did not come to count them

Chunks = AsyncStream[object]

_NO_EFFORT = re.compile(r"gpt-5\.\d+(-mini|-nano)?(-\d{4}-\d\d-\d\d)?")
_LITTLE_EFFORT = re.compile(r"gpt-5(-mini|-nano)?(-\d{4}-\d\d-\d\d)?")
_THOUGHTS = re.compile(r"\s*<think>.*?</think>\s*", re.DOTALL)
_MAYBE_THOUGHTS = re.compile(r"\s*(<(t(h(i(n(k(>.*)?)?)?)?)?)?)?", re.DOTALL)

_plain_servers: WeakSet[AsyncOpenAI] = WeakSet()  # they refuse what goes beyond model, messages and stream


async def reply(lines: Sequence[Line], *, brief: Brief) -> str:
    """The agent's next line, whole. Raises EngineError."""
    async with aclosing(stream(messages(brief, lines))) as deltas:
        return "".join([delta async for delta in deltas]).strip()


def messages(brief: Brief, lines: Sequence[Line]) -> list[dict[str, str]]:
    """What the model is given: the brief, and as much of the talk as fits into BUDGET. Older lines are left out, STEP
    characters at a time. It begins and ends with the learner, and the two take turns: some models insist on that."""
    kept = _newest(lines)
    if not kept or kept[0].role != "user":
        kept = [Line("user", BEGIN), *kept]
    if kept[-1].role != "user":
        kept = [*kept, Line("user", RETURN)]
    said = [
        {"role": role, "content": "\n".join(line.text for line in some)}
        for role, some in groupby(kept, key=lambda line: line.role)
    ]
    return [{"role": "system", "content": instructions(brief)}, *said]


async def stream(messages: list[dict[str, str]]) -> AsyncGenerator[str, None]:
    """The answer's text as it is written, without what a model writes to itself before it. Raises EngineError, also if there
    is no answer at all."""
    ask, is_empty = partial(_written, messages), True
    async with aclosing(patiently(ask, what="chat", model=model("chat"))) as deltas:
        async for delta in deltas:
            is_empty = is_empty and not delta.strip()
            yield delta
    if is_empty:
        raise EngineError(GARBLED, retryable=True, detail="chat: the model wrote no answer.")


def _newest(lines: Sequence[Line]) -> list[Line]:
    excess = sum(len(line.text) for line in lines) - BUDGET
    to_leave_out = -(-excess // STEP) * STEP
    kept = list(lines)
    while to_leave_out > 0 and len(kept) > 1:
        to_leave_out -= len(kept.pop(0).text)
    return kept


async def _written(messages: list[dict[str, str]]) -> AsyncGenerator[str, None]:
    held: str | None = ""  # what may be thoughts yet; None once the answer has begun
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
    count, took = 0, None
    chunks = await _asked(messages)
    try:
        async for chunk in chunks:
            text, took = _read(chunk, took)
            if text:
                count += 1
                yield text
    finally:
        await chunks.close()
        _record(took, messages, count)


async def _asked(messages: list[dict[str, str]]) -> Chunks:
    plain = {"model": model("chat"), "messages": messages, "stream": True}
    server = client("chat")
    if server not in _plain_servers:
        more = {"stream_options": {"include_usage": True}, "max_completion_tokens": LONGEST, **_effort(model("chat"))}
        try:
            return await _posted(server, plain | more)
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            chunks = await _posted(server, plain)
            _plain_servers.add(server)  # the same without it was accepted, so this is what it refused
            return chunks
    return await _posted(server, plain)


async def _posted(server: AsyncOpenAI, asked: dict[str, Any]) -> Chunks:
    """The client's own `chat.completions.create` makes a model of each token, which takes longer than all the rest."""
    return await server.post("/chat/completions", body=asked, cast_to=object, stream=True, stream_cls=Chunks)


def _effort(name: str) -> dict[str, str]:
    """A learner waits: as few thoughts as these models can do with."""
    if _NO_EFFORT.fullmatch(name):
        return {"reasoning_effort": "none"}
    return {"reasoning_effort": "minimal"} if _LITTLE_EFFORT.fullmatch(name) else {}


def _read(chunk: Any, took: dict[str, Any] | None) -> tuple[str, dict[str, Any] | None]:
    """The text of a chunk, and the usage so far. Raises EngineError: servers differ."""
    try:
        text = "".join((choice.get("delta") or {}).get("content") or "" for choice in chunk.get("choices") or ())
        return text, chunk.get("usage") or took
    except (AttributeError, TypeError) as error:
        raise EngineError(GARBLED, retryable=True, detail="chat: an event has an unknown shape.") from error


def _record(took: dict[str, Any] | None, messages: list[dict[str, str]], count: int) -> None:
    """As the provider counts; about as much where it was interrupted, for that costs, too."""
    if took:
        cached = (took.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        read, written = (took.get("prompt_tokens") or 0) - cached, took.get("completion_tokens") or 0
        usage.record(Used("chat", model("chat"), text_in=read, cached_in=cached, text_out=written))
    else:
        read = sum(len(message["content"]) for message in messages) // CHARACTERS_A_TOKEN
        usage.record(Used("chat", model("chat"), text_in=read, text_out=count))
