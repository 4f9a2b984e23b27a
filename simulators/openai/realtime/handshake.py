"""Accept or refuse talks. A refusal is an HTTP error with status and body, before the WebSocket opens."""

import asyncio
import json
from urllib.parse import parse_qs

from asgiref.typing import WebSocketScope

from simulators.openai import error_shapes
from simulators.openai.error_shapes import ApiError
from simulators.openai.http_exchange import Cut, Receive, Send, check_key, headers_of
from simulators.openai.pace import Stopwatch
from simulators.openai.realtime.talk import Talk
from simulators.openai.simulation import Simulation


async def serve(simulation: Simulation, scope: WebSocketScope, receive: Receive, send: Send) -> None:
    """Serve a connection from handshake to end."""
    path = scope["path"]
    simulation.journal.begin(path, scope["client"])
    try:
        await receive()
        letting_in, gone = asyncio.create_task(_let_in(simulation, scope)), asyncio.create_task(receive())
        await asyncio.wait({letting_in, gone}, return_when=asyncio.FIRST_COMPLETED)
        # The client hung up meanwhile.
        if gone.done():
            letting_in.cancel()
            return
        gone.cancel()
        model = letting_in.result()
        await send({"type": "websocket.accept"})
        await Talk(simulation, scope, send, model).run(receive)
    except ApiError as error:
        simulation.journal.statuses[f"{path} {error.status}"] += 1
        headers = {"content-type": "application/json", **error.headers}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "websocket.http.response.start", "status": error.status, "headers": encoded})
        await send({"type": "websocket.http.response.body", "body": json.dumps(error.shape()).encode()})
    except Cut:
        # uvicorn closes the socket without a closing frame.
        pass
    finally:
        simulation.journal.end(path)


async def _let_in(simulation: Simulation, scope: WebSocketScope) -> str:
    """Check the handshake and return the model that the client asks for. Raises ApiError."""
    headers, path = headers_of(scope), scope["path"]
    model = parse_qs(scope["query_string"].decode()).get("model", [""])[0]
    key = headers.get("authorization", "").removeprefix("Bearer ")
    simulation.journal.note(path, method="WEBSOCKET", key=key, model=model)
    if fault := simulation.faults.at_handshake(path):
        if fault.kind == "silence":
            await asyncio.Event().wait()
        if fault.kind != "slow":
            raise error_shapes.ordered(fault, model)
        await asyncio.sleep(fault.delay_ms / 1000)
    await Stopwatch().until(simulation.settings.delays.connect_ms)
    check_key(headers, simulation.settings.api_key)
    if path != "/v1/realtime":
        raise error_shapes.no_such_path("GET", path)
    if not model:
        raise error_shapes.missing("model")
    if model in simulation.settings.missing_models:
        raise error_shapes.no_model(model)
    return model
