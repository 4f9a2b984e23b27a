"""Request answers of a language model that follow a JSON schema."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Annotated, TypeVar
from weakref import WeakSet

import httpx2
import openai
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from core.json_types import Json
from engines.openai import paying
from engines.openai.clients import TIMEOUT, client, model
from engines.openai.error_translation import GARBLED, retry_after, translated
from tutor.domain import EngineError, UnusableAnswer
from usage.metering import Used

# Seconds for one answer.
WITHIN = 30.0
# Tokens of an answer, beyond the length of the request. For estimates only.
LONGEST = 800
# Seconds before a failed request is sent once more. No learner waits for these answers in silence.
PAUSES = (0.5, 1.5)
# Seconds, even if the provider asks for more.
LONGEST_PAUSE = 5.0
NO_SCHEMA = "Answer with one JSON object and nothing else. It must follow this JSON schema:\n"
AGAIN = "Your last answer could not be used ({problem}). Answer again, with a JSON object that follows the schema."

# A text that is not blank.
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

# Clients whose servers refuse `response_format`.
_without_schemas: WeakSet[AsyncOpenAI] = WeakSet()
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)


class StructuredAnswer(BaseModel):
    """Hold an answer with these fields and no others. Values are not converted: "3" is not a number."""

    # Strict structured output requires `additionalProperties`. Extra fields that a server sends anyway are ignored.
    model_config = ConfigDict(
        strict=True, frozen=True, extra="ignore", json_schema_extra={"additionalProperties": False}
    )


Shape = TypeVar("Shape", bound=StructuredAnswer)


async def ask(
    name: str, shape: type[Shape], instructions: str, given: object, *, stage: str = "chat", within: float = WITHIN
) -> Shape:
    """Return the model's answer about `given`, which is sent as JSON, read as `shape`.

    `name` is the name of the schema. `stage` is the label under which the usage is recorded. `within` is the time limit
    in seconds for one answer, which arrives as a whole.

    An answer that does not follow the schema is requested once more. Raises EngineError.
    """
    user = {"role": "user", "content": json.dumps(given, ensure_ascii=False)}
    messages = [{"role": "system", "content": instructions}, user]
    problem = ""
    for _ in range(2):
        question = _Question(name, shape.model_json_schema(), messages, stage, within)
        text = _THOUGHTS.sub("", await _patiently(question))
        try:
            # The answer may have a code fence around it.
            return shape.model_validate_json(text[text.find("{") : text.rfind("}") + 1])
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(map(str, ("the answer", *first["loc"])))
            # The answer itself is not quoted.
            problem = "it is not a JSON object" if first["type"] == "json_invalid" else f"{place}: {first['msg']}"
            messages = [*messages, {"role": "system", "content": AGAIN.format(problem=problem)}]
    raise UnusableAnswer(GARBLED, retryable=True, detail=f"{name}: the model's answer cannot be used twice: {problem}.")


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    schema: Json
    messages: list[dict[str, str]]
    stage: str
    within: float


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
    """Return the seconds to wait before a retry: as long as the provider asks for, if it does."""
    return min(LONGEST_PAUSE, max(usual, retry_after(error) or 0.0))


async def _asked(question: _Question) -> str:
    server = client("chat")
    if server in _without_schemas:
        return await _complete(server, question, strict=False)
    try:
        return await _complete(server, question, strict=True)
    except (openai.BadRequestError, openai.UnprocessableEntityError):
        answer = await _complete(server, question, strict=False)
        # The server accepted the same request without the schema, so it had refused that.
        _without_schemas.add(server)
        return answer


async def _complete(server: AsyncOpenAI, question: _Question, *, strict: bool) -> str:
    if strict:
        wanted = {"name": question.name, "strict": True, "schema": question.schema}
        response_format = {"type": "json_schema", "json_schema": wanted}
        asked: Json = {"messages": question.messages, "response_format": response_format}
    else:
        first, *others = question.messages
        content = f"{first['content']}\n\n{NO_SCHEMA}{json.dumps(question.schema)}"
        asked = {"messages": [{**first, "content": content}, *others]}
    patience = httpx2.Timeout(question.within, connect=TIMEOUT.connect)
    with paying.call(_estimate(question)) as paid:
        completion: ChatCompletion = await server.chat.completions.create(
            model=model("chat"), timeout=patience, **asked
        )
        if took := completion.usage:
            details = took.prompt_tokens_details
            cached = (details.cached_tokens if details else 0) or 0
            tokens = {"text_in": took.prompt_tokens - cached, "cached_in": cached, "text_out": took.completion_tokens}
            paid.record(Used(question.stage, model("chat"), **tokens))
    # Other servers than OpenAI's may leave out fields that the client's types promise.
    return (completion.choices[0].message.content or "") if completion.choices else ""


def _estimate(question: _Question) -> Used:
    asked = sum(len(message["content"]) for message in question.messages)
    read = paying.of_text(asked + len(json.dumps(question.schema)))
    # Corrections and translations are about as long as the text. A short talk may get a long analysis.
    return Used(question.stage, model("chat"), text_in=read, text_out=LONGEST + paying.of_text(asked))
