"""Serve `/v1/moderations`. It flags the words that the settings name."""

import re

from simulators.openai import error_shapes
from simulators.openai.http_exchange import HttpExchange

CATEGORIES = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"),
    *("self-harm", "self-harm/instructions", "self-harm/intent"),
    *("sexual", "sexual/minors", "violence", "violence/graphic"),
)
SURE, UNLIKELY = 0.98, 0.0001


async def create(exchange: HttpExchange) -> None:
    asked = exchange.request_json()
    if not asked.get("input"):
        raise error_shapes.missing("input")
    model = exchange.check_model({"model": "omni-moderation-latest", **asked})
    given = asked["input"]
    # One result for each text. A list of parts (text, images) is one input.
    if isinstance(given, str):
        texts = [given]
    elif all(isinstance(each, str) for each in given):
        texts = given
    else:
        texts = [" ".join(part.get("text", "") for part in given)]
    results = []
    for text in texts:
        words = set(re.findall(r"\w+", text.lower()))
        found = {category for word, category in exchange.settings.flagged.items() if word.lower() in words}
        results.append(
            {
                "flagged": bool(found),
                "categories": {category: category in found for category in CATEGORIES},
                "category_scores": {category: SURE if category in found else UNLIKELY for category in CATEGORIES},
                "category_applied_input_types": {category: ["text"] for category in CATEGORIES},
            }
        )
    await exchange.pace.until(exchange.settings.delays.moderation_ms)
    await exchange.json({"id": exchange.simulation.new_id("modr"), "model": model, "results": results})
