"""Serve `/v1/responses`, whole and streamed. Tools are accepted and never called. Nothing is stored."""

import time

from core.json_types import Json
from simulators.openai import error_shapes, scripted_words
from simulators.openai.http_exchange import HttpExchange


async def create(exchange: HttpExchange) -> None:
    asked = exchange.request_json()
    model = exchange.check_model(asked)
    if not asked.get("input"):
        raise error_shapes.missing("input")
    answer = _Answer(exchange, asked, model)
    await (answer.stream() if asked.get("stream") else answer.whole())


class _Answer:
    def __init__(self, exchange: HttpExchange, asked: Json, model: str) -> None:
        given = asked["input"]
        messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
        answer_format = (asked.get("text") or {}).get("format") or {}
        tokens = scripted_words.tokens(exchange.simulation.script.written(answer_format, messages))
        self._exchange = exchange
        self._messages = messages
        self._asked = asked
        self._tokens = tokens[: asked.get("max_output_tokens") or len(tokens)]
        self._text = "".join(self._tokens)
        self._status = "incomplete" if len(self._tokens) < len(tokens) else "completed"
        self._head = {"id": exchange.simulation.new_id("resp"), "created_at": int(time.time()), "model": model}
        self._item_id = exchange.simulation.new_id("msg")
        self._sent = 0

    async def whole(self) -> None:
        await self._exchange.pace_whole(self._tokens)
        await self._exchange.json(self._response(self._status))

    async def stream(self) -> None:
        exchange, first_ms = self._exchange, self._exchange.settings.delays.first_token_ms
        place = {"item_id": self._item_id, "output_index": 0, "content_index": 0}
        await exchange.stream()
        await self._send("response.created", response=self._response("in_progress"))
        await self._send("response.in_progress", response=self._response("in_progress"))
        await exchange.pace.until(first_ms)
        await self._send("response.output_item.added", output_index=0, item=self._item("in_progress"))
        await self._send("response.content_part.added", **place, part=self._part(""))
        async for token in exchange.paced(self._tokens, first_ms):
            await self._send("response.output_text.delta", **place, delta=token, logprobs=[])
        await self._send("response.output_text.done", **place, text=self._text, logprobs=[])
        await self._send("response.content_part.done", **place, part=self._part(self._text))
        await self._send("response.output_item.done", output_index=0, item=self._item(self._status))
        await self._send(f"response.{self._status}", response=self._response(self._status))
        await exchange.end()

    async def _send(self, kind: str, **fields: object) -> None:
        await self._exchange.event({"type": kind, "sequence_number": self._sent, **fields}, named=True)
        self._sent += 1

    def _part(self, text: str) -> dict[str, object]:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _item(self, status: str) -> dict[str, object]:
        content = [] if status == "in_progress" else [self._part(self._text)]
        return {"id": self._item_id, "type": "message", "role": "assistant", "status": status, "content": content}

    def _usage(self) -> dict[str, object]:
        texts = [self._asked.get("instructions") or "", *map(scripted_words.text_of, self._messages)]
        read, written = sum(len(scripted_words.tokens(text)) for text in texts), len(self._tokens)
        return {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        }

    def _response(self, status: str) -> dict[str, object]:
        asked, has_ended = self._asked, status != "in_progress"
        return {
            **self._head,
            "object": "response",
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": asked.get("instructions"),
            "max_output_tokens": asked.get("max_output_tokens"),
            "metadata": asked.get("metadata") or {},
            "output": [self._item(status)] if has_ended else [],
            "parallel_tool_calls": asked.get("parallel_tool_calls", True),
            "previous_response_id": asked.get("previous_response_id"),
            "service_tier": "default",
            "temperature": asked.get("temperature", 1.0),
            "text": asked.get("text") or {"format": {"type": "text"}},
            "tool_choice": asked.get("tool_choice", "auto"),
            "tools": asked.get("tools") or [],
            "top_p": asked.get("top_p", 1.0),
            "truncation": asked.get("truncation", "disabled"),
            "usage": self._usage() if has_ended else None,
        }
