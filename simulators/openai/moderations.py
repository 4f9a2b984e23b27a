"""Serve `/v1/moderations`. It flags the words that the settings name."""

import re
from typing import Any

from simulators.openai import error_shapes
from simulators.openai.http_exchange import HttpExchange

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
SURE, UNLIKELY = 0.98, 0.0001


async def create(exchange: HttpExchange) -> None:
    asked = exchange.asked()
    if not asked.get("input"):
        raise error_shapes.missing("input")
    model = exchange.check_model({"model": "omni-moderation-latest", **asked})
    results = [_result(text, exchange.settings.flagged) for text in _texts(asked["input"])]
    await exchange.pace.until(exchange.settings.delays.moderation_ms)
    await exchange.json({"id": exchange.simulation.new_id("modr"), "model": model, "results": results})


def _texts(asked: Any) -> list[str]:
    """Return one text for each result. A list of parts (text, images) is one input."""
    if isinstance(asked, str):
        return [asked]
    if all(isinstance(each, str) for each in asked):
        return list(asked)
    return [" ".join(part.get("text", "") for part in asked)]


def _result(text: str, flagged: dict[str, str]) -> dict[str, Any]:
    words = set(re.findall(r"\w+", text.lower()))
    found = {category for word, category in flagged.items() if word.lower() in words}
    return {
        "flagged": bool(found),
        "categories": {category: category in found for category in CATEGORIES},
        "category_scores": {category: SURE if category in found else UNLIKELY for category in CATEGORIES},
        "category_applied_input_types": {category: ["text"] for category in CATEGORIES},
    }
