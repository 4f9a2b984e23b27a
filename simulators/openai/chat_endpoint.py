"""Serve `/v1/chat/completions`, whole and streamed. Tools are accepted and never called."""

import time
from typing import Any

from simulators.openai import error_shapes, scripted_words
from simulators.openai.http_exchange import HttpExchange


async def create(exchange: HttpExchange) -> None:
    asked = exchange.asked()
    model = exchange.check_model(asked)
    if not asked.get("messages"):
        raise error_shapes.missing("messages")
    tokens = scripted_words.tokens(_reply(exchange, asked))
    limit = asked.get("max_completion_tokens") or asked.get("max_tokens") or len(tokens)
    reason = "length" if limit < len(tokens) else "stop"
    head = {"id": exchange.simulation.new_id("chatcmpl"), "created": int(time.time()), "model": model}
    usage = _usage(asked["messages"], min(limit, len(tokens)))
    if asked.get("stream"):
        wants_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        await _stream(exchange, head, tokens[:limit], reason, usage if wants_usage else None)
    else:
        await _whole(exchange, head, tokens[:limit], reason, usage)


async def _whole(
    exchange: HttpExchange, head: dict[str, Any], tokens: list[str], reason: str, usage: dict[str, Any]
) -> None:
    delays = exchange.settings.delays
    await exchange.pace.until(delays.first_token_ms + delays.token_ms * max(0, len(tokens) - 1))
    exchange.journal.tokens_out += len(tokens)
    message: dict[str, Any] = {"role": "assistant", "content": "".join(tokens), "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    await exchange.json({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


async def _stream(
    exchange: HttpExchange, head: dict[str, Any], tokens: list[str], reason: str, usage: dict[str, Any] | None
) -> None:
    head = {**head, "object": "chat.completion.chunk", **({"usage": None} if usage else {})}

    async def send(delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        await exchange.event({**head, "choices": [choice]})

    delays = exchange.settings.delays
    await exchange.pace.until(delays.first_token_ms)
    await exchange.stream()
    await send({"role": "assistant", "content": "", "refusal": None})
    for number, token in enumerate(tokens):
        await exchange.pace.until(delays.first_token_ms + delays.token_ms * number)
        exchange.journal.tokens_out += 1
        await send({"content": token})
    await send({}, reason)
    if usage:
        await exchange.event({**head, "choices": [], "usage": usage})
    await exchange.done()


def _reply(exchange: HttpExchange, asked: dict[str, Any]) -> str:
    wanted = asked.get("response_format") or {}
    script = exchange.simulation.script
    if wanted.get("type") == "json_schema":
        return script.structured(wanted["json_schema"].get("name", ""), wanted["json_schema"].get("schema", {}))
    if wanted.get("type") == "json_object":
        return script.structured("", {})
    said = [_text(message) for message in asked["messages"] if message.get("role") == "user"]
    return script.reply(said[-1] if said else "")


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def _usage(messages: list[dict[str, Any]], completion: int) -> dict[str, Any]:
    prompt = sum(len(scripted_words.tokens(_text(message))) for message in messages)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
