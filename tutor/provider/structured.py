"""Answers of a language model that follow a JSON schema."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import httpx2
import openai
from openai import AsyncOpenAI
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion

from tutor import usage
from tutor.engines.base import EngineError, Unusable
from tutor.provider.clients import TIMEOUT, client, model
from tutor.provider.errors import GARBLED, translated
from tutor.usage import Used

WITHIN = 30.0  # seconds, for one answer
PAUSES = (0.5, 1.5)  # seconds, before a request that failed is sent once more: nobody waits for it in silence
LONGEST_PAUSE = 5.0  # however much longer the provider asks for
NO_SCHEMA = "Answer with one JSON object and nothing else. It must follow this JSON schema:\n"
AGAIN = "Your last answer could not be used ({problem}). Answer again, with a JSON object that follows the schema."

_without_schemas: WeakSet[AsyncOpenAI] = WeakSet()  # their servers refuse `response_format`
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


class Unfit(ValueError):
    """An answer that does not follow its schema; the text says where, and holds nothing of the answer."""


async def ask(
    name: str, schema: dict[str, Any], messages: list[dict[str, str]], *, stage: str = "chat", within: float = WITHIN
) -> dict[str, Any]:
    """The model's answer to these messages, with the fields of `schema` and no others. `name`: of the schema; `stage`: what
    the usage is recorded as; `within`: seconds for one answer, which comes as a whole.

    The schema may hold objects whose properties are all required, arrays, enums, and the plain types with `minimum`,
    `maximum` and `minLength`. An answer that does not follow it is asked for once more. Raises EngineError.
    """
    problem = ""
    for _ in range(2):
        reminder = [{"role": "system", "content": AGAIN.format(problem=problem)}] if problem else []
        text = await _patiently(_Question(name, schema, [*messages, *reminder], stage, within))
        try:
            return fitting(schema, _parsed(text))
        except Unfit as error:
            problem = str(error)
    raise Unusable(GARBLED, retryable=True, detail=f"{name}: the model's answer cannot be used twice: {problem}.")


def fitting(schema: Mapping[str, Any], answer: Any, place: str = "the answer") -> Any:
    """The answer without what the schema does not name. Raises Unfit."""
    kind = schema["type"]
    if not _is_of(kind, answer):
        raise Unfit(f"{place} is not of the type {kind}")
    if "enum" in schema and answer not in schema["enum"]:
        raise Unfit(f"{place} is none of {', '.join(schema['enum'])}")
    if kind in ("integer", "number") and not schema.get("minimum", answer) <= answer <= schema.get("maximum", answer):
        raise Unfit(f"{place} is not from {schema.get('minimum', '')} to {schema.get('maximum', '')}")
    if kind == "string" and len(answer.strip()) < schema.get("minLength", 0):
        raise Unfit(f"{place} is empty")
    if kind == "array":
        return [fitting(schema["items"], each, f"{place}[{at}]") for at, each in enumerate(answer)]
    if kind == "object":
        if missing := schema["properties"].keys() - answer.keys():
            raise Unfit(f"{place} has no {min(missing)}")
        return {key: fitting(each, answer[key], f"{place}.{key}") for key, each in schema["properties"].items()}
    return answer


def of(properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object that has all of these, as strict structured output wants it."""
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def one_of(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": [*words]}


def _is_of(kind: str, answer: object) -> bool:
    return isinstance(answer, _TYPES[kind]) and (kind == "boolean" or not isinstance(answer, bool))


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    schema: dict[str, Any]
    messages: list[dict[str, str]]
    stage: str
    within: float

    def with_schema_in_words(self) -> list[dict[str, str]]:
        first, *others = self.messages
        return [{**first, "content": f"{first['content']}\n\n{NO_SCHEMA}{json.dumps(self.schema)}"}, *others]


async def _patiently(question: _Question) -> str:
    for pause in (*PAUSES, None):
        try:
            with translated(question.name, model("chat")):
                return await _asked(question)
        except EngineError as error:
            if pause is None or not error.retryable:
                raise
            await asyncio.sleep(_pause(error, pause))
    raise AssertionError


def _pause(error: EngineError, usual: float) -> float:
    """As long as the provider asks for, if it does."""
    cause = error.__cause__
    asked = cause.response.headers.get("retry-after", "") if isinstance(cause, openai.APIStatusError) else ""
    try:
        return min(LONGEST_PAUSE, max(usual, float(asked)))
    except ValueError:  # none, or a date
        return usual


async def _asked(question: _Question) -> str:
    server = client("chat")
    if server not in _without_schemas:
        try:
            answer = await _complete(server, question, strict=True)
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            answer = await _complete(server, question, strict=False)
            _without_schemas.add(server)  # the same without it was accepted, so this is what it refused
        return answer
    return await _complete(server, question, strict=False)


async def _complete(server: AsyncOpenAI, question: _Question, *, strict: bool) -> str:
    asked: Any = {"messages": question.messages if strict else question.with_schema_in_words()}
    if strict:
        wanted = {"name": question.name, "strict": True, "schema": question.schema}
        asked["response_format"] = {"type": "json_schema", "json_schema": wanted}
    patience = httpx2.Timeout(question.within, connect=TIMEOUT.connect)
    completion: ChatCompletion = await server.chat.completions.create(model=model("chat"), timeout=patience, **asked)
    _record(question.stage, completion.usage)
    # A server that is not OpenAI's may leave out what the client's types promise.
    return (completion.choices[0].message.content or "") if completion.choices else ""


def _record(stage: str, took: CompletionUsage | None) -> None:
    if took is None:
        return
    details = took.prompt_tokens_details
    cached = (details.cached_tokens if details else 0) or 0
    tokens = {"text_in": took.prompt_tokens - cached, "cached_in": cached, "text_out": took.completion_tokens}
    usage.record(Used(stage, model("chat"), **tokens))


def _parsed(text: str) -> Any:
    """The JSON object in this text, around which a model may have put a fence or its thoughts. Raises Unfit."""
    text = _THOUGHTS.sub("", text)
    try:
        return json.loads(text[text.find("{") : text.rfind("}") + 1])
    except (ValueError, RecursionError) as error:
        raise Unfit("it is not a JSON object") from error
