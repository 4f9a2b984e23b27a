"""Serve the ASGI application: find the endpoint of a request, check its key, and write the journal."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

from simulators.openai import (
    chat_endpoint,
    error_shapes,
    models,
    moderations,
    speech_endpoint,
    transcriptions,
)
from simulators.openai.error_shapes import ApiError
from simulators.openai.http_exchange import ClientGone, Cut, HttpExchange, Receive, Scope, Send, check_key, read_body
from simulators.openai.journal import Journal
from simulators.openai.realtime import handshake
from simulators.openai.simulation import Simulation
from simulators.openai.simulator_settings import BadSetting

ENDPOINTS: dict[tuple[str, str], Callable[[HttpExchange], Awaitable[None]]] = {
    ("POST", "/v1/audio/transcriptions"): transcriptions.create,
    ("POST", "/v1/audio/speech"): speech_endpoint.create,
    ("POST", "/v1/chat/completions"): chat_endpoint.create,
    ("POST", "/v1/moderations"): moderations.create,
    ("GET", "/v1/models"): models.index,
}


class App:
    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await handshake.serve(self.simulation, scope, receive, send)
            return
        try:
            body = await read_body(receive)
        except ClientGone:
            return
        # Clients of the API never use this path.
        if scope["path"] == "/control":
            await _control(HttpExchange(self.simulation, Journal(), scope, body, send), scope["method"])
            return
        exchange = HttpExchange(self.simulation, self.simulation.journal, scope, body, send)
        exchange.journal.begin(exchange.path, scope["client"])
        try:
            await _while_client_stays(exchange, _answer(exchange, scope["method"]), receive)
        except Cut:
            # uvicorn closes the connection, because the answer is incomplete.
            pass
        finally:
            exchange.journal.end(exchange.path)
            exchange.entry["ended_at"] = time.monotonic()


async def _while_client_stays(exchange: HttpExchange, answering: Awaitable[None], receive: Receive) -> None:
    """Stop working for a client that has hung up, as the real API does."""
    work = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(receive())
    await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if not work.done() and not exchange.complete:
        exchange.journal.abandoned[exchange.path] += 1
        work.cancel()
        await asyncio.wait({work})
        return
    await work


async def _answer(exchange: HttpExchange, method: str) -> None:
    simulation, path = exchange.simulation, exchange.path
    exchange.journal.bytes_in += len(exchange.body)
    key = exchange.headers.get("authorization", "").removeprefix("Bearer ")
    exchange.entry = exchange.journal.note(path, method=method, key=key)
    try:
        await exchange.apply(simulation.faults.for_request(path))
        check_key(exchange.headers, exchange.settings.api_key)
        if method == "GET" and path.startswith("/v1/models/"):
            await models.one(exchange)
        elif endpoint := ENDPOINTS.get((method, path)):
            await endpoint(exchange)
        else:
            raise error_shapes.no_such_path(method, path)
    except ApiError as error:
        await exchange.json(error.shape(), status=error.status, headers=error.headers)


async def _control(exchange: HttpExchange, method: str) -> None:
    """Answer with the journal and the settings. With POST, obey the orders first."""
    try:
        if method == "POST":
            exchange.simulation.obey(json.loads(exchange.body))
        status, answer = 200, exchange.simulation.shape()
    except (BadSetting, ValueError, TypeError) as error:
        status, answer = 400, {"error": {"message": str(error)}}
    await exchange.json(answer, status=status)
