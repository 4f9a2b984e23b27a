"""Serve `/v1/models` and `/v1/models/ID`."""

from simulators.openai import error_shapes
from simulators.openai.http_exchange import HttpExchange

CREATED = 1_735_689_600


async def index(exchange: HttpExchange) -> None:
    await exchange.json({"object": "list", "data": [_shape(model) for model in _offered(exchange)]})


async def one(exchange: HttpExchange) -> None:
    model = exchange.path.removeprefix("/v1/models/")
    if model not in _offered(exchange):
        raise error_shapes.no_model(model)
    await exchange.json(_shape(model))


def _offered(exchange: HttpExchange) -> list[str]:
    return [model for model in exchange.settings.models if model not in exchange.settings.missing_models]


def _shape(model: str) -> dict[str, object]:
    return {"id": model, "object": "model", "created": CREATED, "owned_by": "openai"}
