"""Serve `/v1/chat/completions`, whole and streamed. Tools are accepted and never called."""

import time

from simulators.openai import error_shapes, scripted_words
from simulators.openai.http_exchange import HttpExchange

COMPLETION_DETAILS = ("reasoning_tokens", "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens")


async def create(exchange: HttpExchange) -> None:
    asked = exchange.request_json()
    model = exchange.check_model(asked)
    messages = asked.get("messages")
    if not messages:
        raise error_shapes.missing("messages")
    wanted = asked.get("response_format") or {}
    answer_format = {**wanted, **wanted["json_schema"]} if wanted.get("type") == "json_schema" else wanted
    tokens = scripted_words.tokens(exchange.simulation.script.written(answer_format, messages))
    limit = asked.get("max_completion_tokens") or asked.get("max_tokens") or len(tokens)
    reason = "length" if limit < len(tokens) else "stop"
    head = {"id": exchange.simulation.new_id("chatcmpl"), "created": int(time.time()), "model": model}
    tokens = tokens[:limit]
    read = sum(len(scripted_words.tokens(scripted_words.text_of(message))) for message in messages)
    usage = {
        "prompt_tokens": read,
        "completion_tokens": len(tokens),
        "total_tokens": read + len(tokens),
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": dict.fromkeys(COMPLETION_DETAILS, 0),
    }
    # An answer whose client hangs up is billed, too.
    exchange.journal.bill(model, text_in=read, text_out=len(tokens))
    if asked.get("stream"):
        wants_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        await _stream(exchange, head, tokens, reason, usage if wants_usage else None)
        return
    delays = exchange.settings.delays
    await exchange.pace.until(delays.first_token_ms + delays.token_ms * max(0, len(tokens) - 1))
    exchange.journal.tokens_out += len(tokens)
    message: dict[str, object] = {"role": "assistant", "content": "".join(tokens), "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    await exchange.json({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


async def _stream(
    exchange: HttpExchange, head: dict[str, object], tokens: list[str], reason: str, usage: dict[str, object] | None
) -> None:
    head = {**head, "object": "chat.completion.chunk", **({"usage": None} if usage else {})}

    async def send(delta: dict[str, object], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        await exchange.event({**head, "choices": [choice]})

    first_ms = exchange.settings.delays.first_token_ms
    await exchange.pace.until(first_ms)
    await exchange.stream()
    await send({"role": "assistant", "content": "", "refusal": None})
    async for token in exchange.paced(tokens, first_ms):
        await send({"content": token})
    await send({}, reason)
    if usage:
        await exchange.event({**head, "choices": [], "usage": usage})
    await exchange.done()
