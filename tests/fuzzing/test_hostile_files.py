"""Files that are hard on a decoder get an answer on every route that takes audio: in time, in bounded memory, and never a 5xx."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from conversations.tests.shapes import conversation, data_url, said
from tests.faults.test_flood import Watch
from tests.fuzzing.hostile_files import FILES
from tests.servers import AgentServer

pytestmark = pytest.mark.soak

# Megabytes above the server with its models. Ten minutes of sound are 28 MB of PCM, and several copies exist while it is encoded.
ADDED_MB = 500
# Seconds. The longest of these files takes ten on a machine at rest.
PATIENT = 180.0
# Routes that keep a recording whatever is in it. A silent one is kept, and so is one with something strange behind its sound.
KEEPING = ("a conversation", "a message", "an import")


def _saved(client: httpx.Client, data: bytes) -> httpx.Response:
    return client.post("/api/conversations", json=conversation(messages=[said("Hello.", audioData=data_url(data))]))


def _appended(client: httpx.Client, data: bytes) -> httpx.Response:
    talk = conversation("conv-1714521600000-another")
    client.post("/api/conversations", json=talk)
    return client.post(f"/api/conversations/{talk['id']}/messages", json=said("Hello.", audioData=data_url(data)))


def _imported(client: httpx.Client, data: bytes) -> httpx.Response:
    entry = conversation("conv-1714521600000-imports", messages=[said("Hello.", audioData=data_url(data))])
    return client.post("/api/import", json={"entries": [entry]})


def _spoken(client: httpx.Client, data: bytes) -> httpx.Response:
    files = {"audio": ("turn.webm", data, "audio/webm")}
    return client.post("/api/conversations/hostile/turns", data={"reply": "false"}, files=files)


def _transcribed(client: httpx.Client, data: bytes) -> httpx.Response:
    return client.post("/api/speech-to-text", files={"audio": ("turn.webm", data, "audio/webm")})


ROUTES: dict[str, Callable[[httpx.Client, bytes], httpx.Response]] = {
    "a conversation": _saved,
    "a message": _appended,
    "an import": _imported,
    "a turn": _spoken,
    "transcription": _transcribed,
}


def problem(route: str, answer: httpx.Response, took_s: float) -> str:
    """Return what is wrong with an answer, or ""."""
    if answer.status_code >= 500 or took_s > PATIENT:
        return f"{answer.status_code} after {took_s:.0f} s"
    shape: Any = answer.json()
    if answer.status_code >= 400:
        return (
            ""
            if str(shape.get("error", "")).endswith((".", "?"))
            else f"{answer.status_code} without a sentence: {shape}"
        )
    # Nobody speaks in any file.
    words = str(shape.get("text", shape.get("userMessage", "")))
    return "" if route in KEEPING or not words else f"{answer.status_code}: {words}"


@pytest.fixture
def agent(own_server: AgentServer) -> AgentServer:
    """Return a server whose speech models are loaded."""
    quiet = FILES["ten seconds of silence"]()
    with httpx.Client(base_url=own_server.url, timeout=PATIENT) as client:
        client.get("/api/conversations")
        for send in ROUTES.values():
            send(client, quiet)
    return own_server


def test_hostile_files_are_answered_on_every_route(agent: AgentServer) -> None:
    wrong, slowest = list[str](), (0.0, "")
    with httpx.Client(base_url=agent.url, timeout=2 * PATIENT) as client, Watch(agent) as seen:
        client.get("/api/conversations")
        time.sleep(1)
        at_first = seen.most_mb
        for name, make in FILES.items():
            data = make()
            for route, send in ROUTES.items():
                began, before = time.monotonic(), seen.most_mb
                answer = send(client, data)
                took_s = time.monotonic() - began
                slowest = max(slowest, (round(took_s, 1), f"{name}: {route}"))
                if found := problem(route, answer, took_s):
                    wrong.append(f"{name}: {route}: {found}")
                if seen.most_mb > before + 50:
                    print(f"{name}: {route}: {seen.most_mb - at_first:.0f} MB above {at_first:.0f}", flush=True)
    print(f"{len(FILES)} files, slowest {slowest}, at most {seen.most_mb - at_first:.0f} MB above {at_first:.0f}")
    assert wrong == []
    assert seen.most_mb - at_first < ADDED_MB
    assert "Traceback" not in agent.log.read_text()
