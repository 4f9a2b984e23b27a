"""One visitor floods the server with recordings or talks. The others are served, and no accepted turn is lost."""

import asyncio
import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from statistics import median
from typing import Any, Self

import httpx
import psutil
import pytest

from audio.encoding import from_pcm
from audio.tests.sounds import silent_flac
from tests.servers import AgentServer
from tests.talking import Talker, connected, new_learner, spoken

PATIENT = 120.0  # seconds
MOST_MB = 1600
# Another learner's turn may take TIMES its time at rest, plus ALLOWED_S seconds. bench/load.py is stricter, on a machine at rest.
TIMES, ALLOWED_S = 3, 4.0
# Seconds. `/healthz` needs no thread, so it does not wait for the work.
HEALTH_S = 0.5
TALKS = 4
TOKEN = "for-the-metrics"
SENTENCE = from_pcm(spoken("learner_london")).data


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    server = AgentServer(tmp_path_factory.mktemp("flooded"), LOCAL_TALKS=str(TALKS), METRICS_TOKEN=TOKEN)
    server.set_up()
    server.start()
    yield server
    server.kill()


@contextlib.asynccontextmanager
async def learner(server: AgentServer) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Cookie": new_learner(server.url)}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=PATIENT, limits=limits) as client:
        yield client


async def recorded(client: httpx.AsyncClient, sound: bytes, number: int, **fields: str) -> httpx.Response:
    return await client.post(
        "/api/conversations/flood/turns",
        data={"reply": "false", "messageId": f"user-{1_700_000_000_000 + number}", **fields},
        files={"audio": ("turn.flac", sound)},
    )


async def first(count: int, turns: Collection[asyncio.Task[httpx.Response]]) -> list[httpx.Response]:
    """Return this many answers, the first ones to arrive."""
    waiting, answered = set(turns), set[asyncio.Task[httpx.Response]]()
    while len(answered) < count:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        answered |= done
    return [turn.result() for turn in answered][:count]


async def disconnect(turns: list[asyncio.Task[httpx.Response]]) -> None:
    """Disconnect the clients of these turns."""
    for turn in turns:
        turn.cancel()
    await asyncio.gather(*turns, return_exceptions=True)


async def typed(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(
        "/api/conversations/typed/turns", json={"text": "My sister have a dog.", "scenario": "travel"}
    )


def metric(server: AgentServer, name: str, door: str) -> float:
    """Return a value of /metrics."""
    found = re.search(rf'^talking_agent_{name}{{door="{door}"}} (\S+)$', metrics(server), re.MULTILINE)
    return float(found[1]) if found else 0.0


def metrics(server: AgentServer) -> str:
    return httpx.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENT).text


def is_refused(answer: httpx.Response) -> bool:
    return answer.status_code in (429, 503) and int(answer.headers["Retry-After"]) > 0 and bool(answer.json()["error"])


class Watch:
    """Watch a server in a separate thread: its memory, and how long `/healthz` takes."""

    def __init__(self, server: AgentServer) -> None:
        self._server, self._over = server, threading.Event()
        self.most_mb = 0.0
        # Seconds.
        self.health: list[float] = []

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with httpx.Client(base_url=self._server.url, timeout=PATIENT) as client:
            while not self._over.wait(0.05):
                self.most_mb = max(self.most_mb, memory_mb(self._server))
                began = time.monotonic()
                client.get("/healthz")
                self.health.append(time.monotonic() - began)


async def timed(client: httpx.AsyncClient) -> float:
    """Return the seconds of a typed turn that was answered."""
    began = time.monotonic()
    assert (await typed(client)).json()["reply"]["content"]
    return time.monotonic() - began


def decoded_recordings(server: AgentServer) -> int:
    """Return how many recordings of silence the server has decoded completely."""
    lines = re.findall(r"^talking_agent_request_seconds_count\{(.*)\} (\S+)$", metrics(server), re.MULTILINE)
    return sum(int(float(count)) for labels, count in lines if "/turns" in labels and 'status="422"' in labels)


async def test_a_flood_of_recordings_is_refused_and_turns_of_disconnected_clients_are_dropped(flooded: AgentServer):
    sound = silent_flac()
    async with learner(flooded) as attacker, learner(flooded) as other:
        at_rest = median([await timed(other) for _ in range(3)])
        before = decoded_recordings(flooded)
        with Watch(flooded) as seen:
            turns = [asyncio.create_task(recorded(attacker, sound, number)) for number in range(50)]
            answers = await first(30, turns)
            # They are answered before the server has done any of the work.
            assert all(map(is_refused, answers))
            assert decoded_recordings(flooded) == before
            assert await timed(other) < TIMES * at_rest + ALLOWED_S
            answered = sum(turn.done() and turn.result().status_code == 422 for turn in turns)
            await disconnect(turns)
            until(lambda: not metric(flooded, "waiting", "recorded turns"))
            until(lambda: not metric(flooded, "at_work", "recorded turns"))
    assert seen.most_mb < MOST_MB
    assert median(seen.health) < HEALTH_S
    # The server works on one recording of a learner at a time. It drops those that waited.
    assert decoded_recordings(flooded) <= before + answered + 1


async def test_a_flood_by_many_learners_is_refused(flooded: AgentServer):
    sound = silent_flac(10)
    async with contextlib.AsyncExitStack() as stack:
        attackers = [await stack.enter_async_context(learner(flooded)) for _ in range(50)]
        other = await stack.enter_async_context(learner(flooded))
        at_rest = median([await timed(other) for _ in range(3)])
        with Watch(flooded) as seen:
            turns = [asyncio.create_task(recorded(each, sound, 0)) for each in attackers]
            assert await timed(other) < TIMES * at_rest + ALLOWED_S
            statuses = Counter([answer.status_code for answer in await asyncio.gather(*turns)])
    assert set(statuses) <= {422, 503}
    assert statuses[422]
    assert seen.most_mb < MOST_MB
    assert median(seen.health) < HEALTH_S


async def test_a_refused_turn_can_be_sent_again_and_is_stored_once(flooded: AgentServer):
    async with learner(flooded) as client:

        async def until_taken(number: int) -> int:
            times = 0
            while (answer := await recorded(client, SENTENCE, number)).status_code != 200:
                assert is_refused(answer)
                times += 1
                await asyncio.sleep(0.2)
            return times

        turned_away = await asyncio.gather(*(until_taken(number) for number in range(8)))
        kept = (await client.get("/api/conversations/flood")).json()["conversation"]["messages"]
    assert sum(turned_away)
    assert sorted(each["id"] for each in kept) == [f"user-{1_700_000_000_000 + number}" for number in range(8)]
    assert all(each["audioUrl"] for each in kept)


@pytest.mark.parametrize("path", ["/api/analyze-conversation", "/api/chat"])
async def test_a_flood_of_long_texts_delays_no_turn(flooded: AgentServer, path: str):
    turn = {
        "role": "user",
        "content": "Yesterday I have went to the market with my sister and we buyed many thing. " * 12,
    }
    field = "messages" if path.endswith("chat") else "conversation"
    async with learner(flooded) as attacker, learner(flooded) as other:
        at_rest = median([await timed(other) for _ in range(3)])
        with Watch(flooded) as seen:
            calls = [asyncio.create_task(attacker.post(path, json={field: [turn] * 59})) for _ in range(32)]
            answers = await first(20, calls)
            assert await timed(other) < TIMES * at_rest + ALLOWED_S
            statuses = Counter([answer.status_code for answer in [*answers, *await asyncio.gather(*calls)]])
    assert set(statuses) <= {200, 429, 503}
    assert statuses[200]
    assert statuses[429]
    assert median(seen.health) < HEALTH_S


async def test_requests_without_a_cookie_count_as_one_visitor(flooded: AgentServer):
    sound = silent_flac()
    async with httpx.AsyncClient(base_url=flooded.url, timeout=PATIENT) as client:
        turns = [asyncio.create_task(recorded(client, sound, number)) for number in range(30)]
        answers = await first(20, turns)
        await disconnect(turns)
    assert {answer.status_code for answer in answers} == {429}


@pytest.mark.parametrize("path", ["/api/conversations", "/api/import", "/api/conversations/flood/messages"])
async def test_concurrent_uploads_of_one_learner_are_limited(flooded: AgentServer, path: str):
    async with learner(flooded) as client, learner(flooded) as other:
        await client.post("/api/conversations", json={"id": "flood", "messages": []})
        body = upload(path)
        uploads = [asyncio.create_task(client.post(path, json=body)) for _ in range(60)]
        assert (await typed(other)).status_code == 200
        statuses = Counter([answer.status_code for answer in await asyncio.gather(*uploads)])
    assert statuses[429]
    assert set(statuses) <= {200, 201, 429}


def upload(path: str) -> Any:
    said = {"id": "user-1", "role": "user", "content": "Hello.", "timestamp": 1_700_000_000_000}
    if path.endswith("messages"):
        return said
    whole = {"id": "flood", "messages": [said] * (path != "/api/import")}
    return {"entries": [whole | {"messages": [said]}]} if path == "/api/import" else whole


# Talks


def asking(server: AgentServer, name: str, cookie: str = "") -> contextlib.AbstractAsyncContextManager[Talker]:
    return connected(server.url, name, cookie or new_learner(server.url))


async def test_talks_over_the_capacity_are_refused_as_full(flooded: AgentServer):
    async with contextlib.AsyncExitStack() as stack:
        talkers = [await stack.enter_async_context(asking(flooded, f"talk-{number}")) for number in range(TALKS)]
        for talker in talkers:
            await talker.wait_for("session.created")
        async with asking(flooded, "one-too-many") as turned_away:
            _, said = await turned_away.wait_for("error")
            assert said["error"]["code"] == "full"
            assert "Try again" in said["error"]["message"]
            assert await turned_away.closed() == 4029
        # Admitted talks are answered, and a typed turn needs no slot.
        await talkers[0].set_up()
        assert await talkers[0].turn(spoken("learner_london"))
        async with learner(flooded) as other:
            assert (await typed(other)).status_code == 200
        await stack.aclose()
        until(lambda: not metric(flooded, "at_work", "talks with the embedded engine"))
        async with asking(flooded, "one-too-many") as next_one:
            await next_one.wait_for("session.created")


async def test_a_talk_that_is_taken_over_keeps_its_place(flooded: AgentServer):
    cookie = new_learner(flooded.url)
    async with contextlib.AsyncExitStack() as stack:
        for number in range(TALKS - 1):
            other = await stack.enter_async_context(asking(flooded, f"other-{number}"))
            await other.wait_for("session.created")
        for _ in range(3):
            mine = await stack.enter_async_context(asking(flooded, "mine", cookie))
            await mine.wait_for("session.created")
        assert metric(flooded, "at_work", "talks with the embedded engine") == TALKS
    until(lambda: not metric(flooded, "at_work", "talks with the embedded engine"))


async def test_talks_of_one_learner_are_limited(flooded: AgentServer):
    cookie = new_learner(flooded.url)
    async with contextlib.AsyncExitStack() as stack:
        for number in range(3):
            talker = await stack.enter_async_context(asking(flooded, f"window-{number}", cookie))
            await talker.wait_for("session.created")
        fourth = await stack.enter_async_context(asking(flooded, "window-3", cookie))
        _, said = await fourth.wait_for("error")
        assert "other windows" in said["error"]["message"]
        assert await fourth.closed() == 4029
        async with asking(flooded, "somebody-elses") as other:
            await other.wait_for("session.created")


async def test_an_event_with_too_many_values_is_refused_and_the_talk_continues(flooded: AgentServer):
    async with asking(flooded, "values") as talker:
        await talker.wait_for("session.created")
        await talker.send_raw('{"type": "talk.hint", "more": [' + "[]," * 20_000 + "0]}")
        _, said = await talker.wait_for("error")
        assert said["error"]["code"] == "invalid_json"
        await talker.send("talk.hint")
        await talker.wait_for("talk.hint")


async def test_a_client_that_pings_and_reads_nothing_is_disconnected(flooded: AgentServer):
    reader, writer = await asyncio.open_connection("127.0.0.1", flooded.port, limit=1024)
    handshake = (
        "GET /v1/realtime?conversation=pings HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Cookie: {new_learner(flooded.url)}\r\n\r\n"
    )
    writer.write(handshake.encode())
    assert b"101" in await reader.readline()
    ping = b"\x89\xfd\0\0\0\0" + bytes(125)

    async def send_on() -> None:
        while True:
            writer.write(ping * 1000)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(send_on(), PATIENT)


# The first audio


def test_the_talk_page_loads_the_engine(own_server: AgentServer):
    def is_loaded() -> bool:
        maps = psutil.Process(own_server.pid).memory_maps()
        return any("ctranslate2" in each.path for each in maps)

    httpx.get(f"{own_server.url}/history", timeout=PATIENT)
    assert not is_loaded()
    assert httpx.get(own_server.url, timeout=PATIENT).status_code == 200
    until(is_loaded)


def memory_mb(server: AgentServer) -> float:
    return psutil.Process(server.pid).memory_info().rss / 2**20


def until(happened: Any) -> None:
    deadline = time.monotonic() + PATIENT
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)
