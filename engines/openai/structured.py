"""Request answers of a language model that follow a JSON schema."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from weakref import WeakSet

import httpx2
import openai
from openai import AsyncOpenAI
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from engines.openai.clients import TIMEOUT, client, model
from engines.openai.error_translation import GARBLED, translated
from tutor.domain import EngineError, UnusableAnswer
from usage import metering
from usage.metering import Used

# Seconds for one answer.
WITHIN = 30.0
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
    name: str, shape: type[Shape], messages: list[dict[str, str]], *, stage: str = "chat", within: float = WITHIN
) -> Shape:
    """Return the model's answer to these messages, read as `shape`.

    `name` is the name of the schema. `stage` is the label under which the usage is recorded. `within` is the time limit
    in seconds for one answer, which arrives as a whole.

    An answer that does not follow the schema is requested once more. Raises EngineError.
    """
    problem = ""
    for _ in range(2):
        reminder = [{"role": "system", "content": AGAIN.format(problem=problem)}] if problem else []
        question = _Question(name, shape.model_json_schema(), [*messages, *reminder], stage, within)
        text = await _patiently(question)
        try:
            return shape.model_validate_json(_json_in(text))
        except ValidationError as error:
            problem = _first_problem(error)
    raise UnusableAnswer(GARBLED, retryable=True, detail=f"{name}: the model's answer cannot be used twice: {problem}.")


def _first_problem(error: ValidationError) -> str:
    """Say where the answer is wrong, without quoting it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "it is not a JSON object"
    place = ".".join(map(str, ("the answer", *first["loc"])))
    return f"{place}: {first['msg']}"


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
    """Return the seconds to wait before a retry: as long as the provider asks for, if it does."""
    cause = error.__cause__
    asked = cause.response.headers.get("retry-after", "") if isinstance(cause, openai.APIStatusError) else ""
    try:
        return min(LONGEST_PAUSE, max(usual, float(asked)))
    # No header, or a date.
    except ValueError:
        return usual


async def _asked(question: _Question) -> str:
    server = client("chat")
    if server not in _without_schemas:
        try:
            answer = await _complete(server, question, strict=True)
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            answer = await _complete(server, question, strict=False)
            # The server accepted the same request without the schema, so it had refused that.
            _without_schemas.add(server)
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
    # Other servers than OpenAI's may leave out fields that the client's types promise.
    return (completion.choices[0].message.content or "") if completion.choices else ""


def _record(stage: str, took: CompletionUsage | None) -> None:
    if took is None:
        return
    details = took.prompt_tokens_details
    cached = (details.cached_tokens if details else 0) or 0
    tokens = {"text_in": took.prompt_tokens - cached, "cached_in": cached, "text_out": took.completion_tokens}
    metering.record(Used(stage, model("chat"), **tokens))


def _json_in(text: str) -> str:
    """Return the JSON object in this text, without a code fence or the model's reasoning around it."""
    text = _THOUGHTS.sub("", text)
    return text[text.find("{") : text.rfind("}") + 1]
