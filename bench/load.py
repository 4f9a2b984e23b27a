"""Measure how much one visitor can disturb the others: floods, too many talks, endless connections, a costly script.

    python bench/load.py [--quick]

Meanwhile a second learner types turns, `/healthz` is requested ten times a second, and the server's memory is watched.
All run on the real server with the embedded engine loaded.

- The flood is a FLAC of 113 KB with nearly ten minutes of silence, sent fifty times at once: by one learner, then by
  fifty. With --quick, one learner sends it, and the slow connections are open meanwhile.
- The talks are hands-free, thirty at once, and speak as soon as they are admitted.
- The script calls a provider, the simulator, from one address. It takes a new cookie for every tenth call. Meanwhile 20
  learners at other addresses type turns.
- The slow connections send half a header, half a body, or 25 MB without the last byte.

Exit code 1 means that a limit was missed.
"""

import argparse
import asyncio
import contextlib
import json
import sqlite3
import sys
import threading
import time
import tomllib
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx

from audio.tests.sounds import silent_flac
from bench.store import started
from bench.talk import percentile
from bench.weight import Weight
from simulators.openai import Provider
from tests.servers import AgentServer
from tests.servers.postgresql import temporary_folder
from tests.talking import connected, new_learner, silence, spoken

PRICES = tomllib.loads((Path(__file__).resolve().parent.parent / "usage" / "prices.toml").read_text())
# The script's address.
ADDRESS = "203.0.113.9"
FLOOD = 50
TALKS = 30
CLIP = "learner_london"
# Longer than the level's endpointing delay.
PAUSE_S = 2.0
MOST_MB, SLOW_MB, MOST_HEALTH_MS = 1600, 150, 250
# Seconds from the start of a talk until the agent is heard: at rest, and right after the server's start.
FIRST_VOICE_S, FIRST_VOICE_AFTER_START_S = 1.5, 3.0
# Seconds until a visitor is refused, which happens before the server has done any of the work.
REFUSED_WITHIN_S = 3.0
# An admitted learner may wait TIMES the time at rest plus ALLOWED_S seconds.
ALLOWED_S, TIMES = 1.0, 3
CLOSED_WITHIN_S = 75.0
# Seconds until the slow connections have sent everything.
SENT_WITHIN_S = 5.0
# Seconds until a client gives up.
PATIENCE_S = 90.0
# The script: its calls at once, the learners beside it, seconds between two turns of one of them, and its length.
SCRIPTS, LEARNERS, TURN_EVERY_S, SCRIPT_S, SCRIPT_QUICK_S = 16, 20, 4.0, 60.0, 20.0
# Dollars a day, small enough for the script to reach them, and the calls that keep it from doing so any faster.
OWN_DOLLARS, SITE_DOLLARS, CALLS_A_MINUTE = 0.1, 20.0, 200
# The body that each call of the script sends.
LONG_TALK = [{"role": "user", "content": "I like it very much. " * 70}] * 10
# Shares of a limit by which the money may exceed it, and of the p95 at rest by which the learners may wait longer.
MORE_MONEY, MORE_WAITING = 1.02, 1.2


@dataclass
class Watched:
    """Hold the measurements of the server during an attack."""

    # Seconds.
    health: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)

    @property
    def health_p99_ms(self) -> int:
        return round(percentile(self.health, 0.99) * 1000)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="end within two minutes")
    options.add_argument("--script", action="store_true", help="run only the script")
    arguments = options.parse_args()
    quick = arguments.quick
    if arguments.script:
        with ExitStack() as stack:
            print(json.dumps(scripted(stack, SCRIPT_QUICK_S if quick else SCRIPT_S)))
        return
    with ExitStack() as stack:
        server = AgentServer(temporary_folder("bench-load"))
        server.set_up()
        results: dict[str, Any] = {"bench": "load", "quick": quick}
        results["first_voice_after_start_s"] = first_voice(started(stack, server))
        results["first_voice_at_rest_s"] = first_voice(server)
        print(f"{'the first voice, right after the start, and then, s':<52}", end="")
        print(f"{results['first_voice_after_start_s']:8.2f}{results['first_voice_at_rest_s']:9.2f}")
        results["rest_s"] = round(median(asyncio.run(typed_turns(server.url, 4 if quick else 12))), 2)
        print(f"{'':<34}{'served':>8}{'refused':>8}{'slowest':>9}{'typed, s':>10}{'healthz':>9}{'MB':>7}")
        print(f"{'at rest':<34}{'':>8}{'':>8}{'':>9}{results['rest_s']:10.2f}")
        results |= asyncio.run(quickly(server) if quick else one_by_one(server))
        server.stop()
        results["script"] = scripted(stack, SCRIPT_QUICK_S if quick else SCRIPT_S)
    results["missed"] = missed(results)
    print(json.dumps(results))
    sys.exit(bool(results["missed"]))


async def one_by_one(server: AgentServer) -> dict[str, Any]:
    slow, connections = await slowed(server, 100)
    slow |= await closed(connections)
    return {
        "slow": slow,
        "flood": await flooded(server, 1),
        "flood_many": await flooded(server, FLOOD),
        "talks": await crowded(server, 3),
    }


async def quickly(server: AgentServer) -> dict[str, Any]:
    """Run shorter attacks, with the slow connections open meanwhile: the server takes 30 s to close them."""
    slow, connections = await slowed(server, 30)
    parts = {"flood": await flooded(server, 1), "talks": await crowded(server, 1)}
    return parts | {"slow": slow | await closed(connections)}


def first_voice(server: AgentServer) -> float:
    """Return the seconds from starting a talk, with the page open, until the agent is heard."""
    urllib.request.urlopen(f"{server.url}/").close()

    async def begin() -> float:
        cookie = new_learner(server.url)
        began = time.perf_counter()
        async with connected(server.url, f"first-{began}", cookie) as talker:
            await talker.set_up()
            await talker.send("response.create")
            heard, _ = await talker.wait_for("response.output_audio.delta")
            await talker.wait_for("response.done")
            await talker.turn(spoken(CLIP))
            return round(heard - began, 2)

    return asyncio.run(begin())


async def typed_turns(url: str, count: int, over: asyncio.Event | None = None) -> list[float]:
    """Return the seconds until the complete answer to each typed turn.

    Run at least `count` turns, and continue until `over` is set.
    """
    took: list[float] = []
    async with httpx.AsyncClient(base_url=url, headers={"Cookie": new_learner(url)}, timeout=PATIENCE_S) as client:
        while len(took) < count or (over and not over.is_set()):
            began = time.perf_counter()
            body = {"text": "My sister have a big dog.", "scenario": "travel", "messageId": f"user-{began}"}
            answer = await post(client, f"/api/conversations/typed-{began}/turns", json=body)
            if answer:
                answer.raise_for_status()
            took.append(time.perf_counter() - began)
    return took


async def post(client: httpx.AsyncClient, path: str, **request: Any) -> httpx.Response | None:
    """Send a request. Return None if no answer arrives within the client's timeout."""
    try:
        return await client.post(path, **request)
    except httpx.TransportError:
        return None


# The attacks


async def flooded(server: AgentServer, learners: int) -> dict[str, Any]:
    cookies = [new_learner(server.url) for _ in range(learners)]
    sound = silent_flac()
    refused_after: list[float] = []

    async def one(client: httpx.AsyncClient, number: int) -> int:
        began = time.perf_counter()
        answer = await post(
            client,
            f"/api/conversations/flood-{number}/turns",
            headers={"Cookie": cookies[number % learners]},
            data={"reply": "false", "messageId": f"user-{number}"},
            files={"audio": ("turn.flac", sound)},
        )
        if answer is None:
            return 0
        if answer.status_code in (429, 503):
            assert int(answer.headers["Retry-After"]) > 0
            refused_after.append(time.perf_counter() - began)
        return answer.status_code

    async with httpx.AsyncClient(
        base_url=server.url, timeout=PATIENCE_S, limits=httpx.Limits(max_connections=None)
    ) as client:
        with watched(server) as seen:
            over = asyncio.Event()
            typing = asyncio.create_task(typed_turns(server.url, 3, over))
            statuses = Counter(await asyncio.gather(*(one(client, number) for number in range(FLOOD))))
            over.set()
            typed = await typing
    refused = statuses[429] + statuses[503]
    name = f"{FLOOD} recordings of {learners} learner{'s' * (learners > 1)}"
    slowest = max(refused_after, default=0.0)
    row(name, FLOOD - refused, refused, slowest, typed, seen)
    statuses_seen = {str(status): count for status, count in statuses.items()}
    return {"statuses": statuses_seen, "refused_within_s": round(slowest, 2), **figures(typed, seen)}


async def crowded(server: AgentServer, talks_alone: int) -> dict[str, Any]:
    """Open all talks at once, after `talks_alone` talks at rest. Each learner speaks when the opening is over."""
    pcm = spoken(CLIP)
    cookies = [new_learner(server.url) for _ in range(TALKS)]
    alone = max([(await a_talk(server.url, "alone", new_learner(server.url), pcm))[1] for _ in range(talks_alone)])
    # The last talk is still closing.
    await asyncio.sleep(1)
    with watched(server) as seen:
        over = asyncio.Event()
        typing = asyncio.create_task(typed_turns(server.url, 3, over))
        talks = await asyncio.gather(*(a_talk(server.url, f"crowd-{n}", each, pcm) for n, each in enumerate(cookies)))
        over.set()
        typed = await typing
    served, refused, dropped = (
        [seconds for end, seconds in talks if end == wanted] for wanted in ("served", "full", "dropped")
    )
    p90 = percentile(served, 0.9) if served else 0.0
    row(f"{TALKS} talks at once", len(served), TALKS - len(served), p90, typed, seen)
    return {
        "served": len(served),
        "refused": len(refused),
        "refused_within_s": round(max(refused, default=0.0), 2),
        "dropped": len(dropped),
        "alone_s": round(alone, 2),
        "served_p90_s": round(p90, 2),
        **figures(typed, seen),
    }


async def a_talk(url: str, name: str, cookie: str, pcm: bytes) -> tuple[str, float]:
    """Return how the talk ended, "served", "full" or "dropped", and seconds.

    For a served talk, the seconds are the learner's longest wait for a voice, for the opening or for an answer.
    Otherwise they are the time until the talk was refused or dropped.
    """
    async with connected(url, f"{name}-{time.perf_counter()}", cookie) as talker:
        began = time.perf_counter()
        try:
            await talker.wait_for("session.created", within=PATIENCE_S)
            await talker.set_up(hands_free=True)
            await talker.send("response.create")
            opened, _ = await talker.wait_for("response.output_audio.delta", within=PATIENCE_S)
            await talker.wait_for("response.done", within=PATIENCE_S)
            before = len(talker.heard)
            await talker.say(pcm + silence(PAUSE_S))
            stopped, _ = await talker.wait_for("input_audio_buffer.speech_stopped", after=before, within=PATIENCE_S)
            answered, _ = await talker.wait_for("response.output_audio.delta", after=before, within=PATIENCE_S)
            await talker.wait_for("talk.saved", after=before, count=2, within=PATIENCE_S)
        except TimeoutError:
            errors = [event["error"]["code"] for event in talker.events("error")]
            return "full" if "full" in errors else "dropped", time.perf_counter() - began
        return "served", max(opened - began, answered - stopped)


async def slowed(server: AgentServer, count: int) -> tuple[dict[str, Any], list[asyncio.Task[float | None]]]:
    """Open slow connections, and measure while they send. Return the measurements and the connections' tasks."""
    kinds = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
        head(10_000) + b"--half",
        head(25 * 1024 * 1024) + bytes(25 * 1024 * 1024 - 1),
    )
    before = Weight.of(server.pid).memory_mb
    with watched(server) as seen:
        connections = [
            asyncio.create_task(until_closed(server.port, kinds[number % len(kinds)])) for number in range(count)
        ]
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(SENT_WITHIN_S, over.set)
        typed = await typed_turns(server.url, 3, over)
    row(f"{count} slow connections", count, 0, 0.0, typed, seen)
    return {"added_mb": round(max(seen.memory_mb) - before), **figures(typed, seen)}, connections


async def closed(connections: list[asyncio.Task[float | None]]) -> dict[str, Any]:
    """Wait until the server has closed the slow connections."""
    took = await asyncio.gather(*connections)
    slowest = max((seconds for seconds in took if seconds), default=0.0)
    return {"still_open": took.count(None), "closed_within_s": round(slowest, 1)}


# The script of one address


def scripted(stack: ExitStack, lasts_s: float) -> dict[str, Any]:
    """Run learners alone, then a script beside them. Return their waiting, and what the simulator has billed."""
    provider = stack.enter_context(Provider(api_key="sk-simulated"))
    paid = {"OPENAI_API_KEY": "sk-simulated", "OPENAI_BASE_URL": provider.url, "TUTOR_ENGINE": "openai_pipeline"}
    limits = {"LEARNER_SPENDING_LIMIT": OWN_DOLLARS, "DAILY_SPENDING_LIMIT": SITE_DOLLARS}
    # An address may do no more than one learner.
    limits |= {"LEARNERS_PER_ADDRESS": 1, "CALLS_PER_MINUTE": CALLS_A_MINUTE}
    env = {"TRUST_PROXY": "on", **{name: str(value) for name, value in limits.items()}}
    server = AgentServer(temporary_folder("bench-script"), paid, env)
    server.set_up()
    started(stack, server)
    alone = asyncio.run(learners_and_script(server.url, lasts_s, calls=0))
    beside = asyncio.run(learners_and_script(server.url, lasts_s, calls=SCRIPTS))
    # The server stores what was used when it stops.
    server.stop()
    billed = dollars(provider.seen()["billed"])
    with sqlite3.connect(server.data_dir / "accounts.sqlite3") as accounts:
        (of_site,) = accounts.execute("SELECT sum(dollars) FROM usage_spending").fetchone()
        rows = accounts.execute("SELECT dollars FROM usage_dailyuse WHERE who = ?", (f"address:{ADDRESS}",))
        of_script = rows.fetchone()[0]
    results = {
        "calls": sum(beside.statuses.values()),
        "served_by": dict(beside.served_by),
        "refused": beside.statuses[429],
        "script_dollars": round(of_script, 4),
        "billed_to_counted": round(billed / of_site, 4),
        # The simulator bills all learners together: the script's part of it is what the server has counted, corrected.
        "script_billed_to_limit": round(of_script * billed / of_site / OWN_DOLLARS, 4),
        "typed_alone_p95_s": round(percentile(alone.took, 0.95), 3),
        "typed_p95_s": round(percentile(beside.took, 0.95), 3),
        "turns": len(beside.took),
        "embedded_turns": beside.embedded,
    }
    print("the script:", *(f"{name} {value}" for name, value in results.items()), sep="\n  ")
    return results


@dataclass
class ScriptRun:
    """Hold what the learners and the script saw. `took` is in seconds for each typed turn."""

    took: list[float] = field(default_factory=list)
    # Turns of the learners that no provider answered.
    embedded: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    served_by: Counter[str] = field(default_factory=Counter)


async def learners_and_script(url: str, lasts_s: float, *, calls: int) -> ScriptRun:
    """Let the learners type turns for `lasts_s` seconds, beside a script with so many calls at once."""
    run, until = ScriptRun(), time.monotonic() + lasts_s
    cookies = [new_learner(url) for _ in range(LEARNERS)]

    async def learn(number: int, cookie: str) -> None:
        headers = {"Cookie": cookie, "X-Forwarded-For": f"198.51.100.{number + 1}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S) as client:
            await asyncio.sleep(TURN_EVERY_S * number / LEARNERS)
            while time.monotonic() < until:
                began = time.monotonic()
                body = {"text": "My sister have a big dog.", "scenario": "travel", "messageId": f"user-{began}"}
                answer = await client.post(f"/api/conversations/learner-{began}/turns", json=body)
                answer.raise_for_status()
                run.took.append(time.monotonic() - began)
                run.embedded += any("enough for today" in notice for notice in answer.json()["notices"])
                await asyncio.sleep(max(0.0, began + TURN_EVERY_S - time.monotonic()))

    async def attack() -> None:
        async with httpx.AsyncClient(base_url=url, headers={"X-Forwarded-For": ADDRESS}, timeout=PATIENCE_S) as client:
            number = 0
            while time.monotonic() < until:
                number += 1
                if number % 10 == 0:
                    client.cookies.clear()
                answer = await client.post("/api/chat", json={"messages": LONG_TALK})
                run.statuses[answer.status_code] += 1
                if answer.status_code == 200:
                    run.served_by[answer.json()["engine"]] += 1
                # A script that does not read Retry-After.
                await asyncio.sleep(0.02)

    await asyncio.gather(*(learn(*each) for each in enumerate(cookies)), *(attack() for _ in range(calls)))
    return run


def dollars(billed: dict[str, float]) -> float:
    """Return the price of what the simulator bills, by the minute where the model has such a price."""
    total = 0.0
    for name, amount in billed.items():
        model, unit = name.split()
        price = PRICES[model]
        if unit == "seconds":
            total += amount / 60 * price.get("minute", 0.0)
        elif "minute" not in price:
            total += amount / 1_000_000 * price.get(unit, 0.0)
    return total


def head(length: int) -> bytes:
    return (
        f"POST /api/conversations/slow/turns HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        "Content-Type: multipart/form-data; boundary=half\r\n\r\n"
    ).encode()


async def until_closed(port: int, sent: bytes) -> float | None:
    """Return the seconds until the server closed the connection, or None if it did not within CLOSED_WITHIN_S."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(CLOSED_WITHIN_S):
            with contextlib.suppress(ConnectionError):
                writer.write(sent)
                await reader.read()
            return time.perf_counter() - began
    except TimeoutError:
        return None
    finally:
        writer.transport.abort()


# Measuring the server


@contextmanager
def watched(server: AgentServer) -> Iterator[Watched]:
    """Watch the server in a separate thread, so that this process's clients do not add to the measured latency."""
    seen, over = Watched(), threading.Event()

    def look() -> None:
        with httpx.Client(base_url=server.url, timeout=120) as client:
            while not over.wait(0.1):
                began = time.perf_counter()
                client.get("/healthz")
                seen.health.append(time.perf_counter() - began)
                seen.memory_mb.append(Weight.of(server.pid).memory_mb)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def figures(typed: list[float], seen: Watched) -> dict[str, Any]:
    return {
        "typed_longest_s": round(max(typed), 2),
        "healthz_p99_ms": seen.health_p99_ms,
        "memory_mb": round(max(seen.memory_mb)),
    }


def row(name: str, served: int, refused: int, slowest: float, typed: list[float], seen: Watched) -> None:
    of_server = f"{seen.health_p99_ms:9}{max(seen.memory_mb):7.0f}"
    print(f"{name:<34}{served:8}{refused:8}{slowest:9.2f}{max(typed):10.2f}{of_server}")


def missed(results: dict[str, Any]) -> list[str]:
    """Return the names of the missed limits."""
    found = []
    longest = TIMES * results["rest_s"] + ALLOWED_S
    for name in [name for name in ("flood", "flood_many", "talks", "slow") if name in results]:
        part = results[name]
        found += [f"{name}: typed turn"] * (part["typed_longest_s"] > longest)
        found += [f"{name}: healthz"] * (part["healthz_p99_ms"] > MOST_HEALTH_MS)
        found += [f"{name}: memory"] * (part["memory_mb"] > MOST_MB)
    found += ["first voice at rest"] * (results["first_voice_at_rest_s"] > FIRST_VOICE_S)
    found += ["first voice after the start"] * (results["first_voice_after_start_s"] > FIRST_VOICE_AFTER_START_S)
    script = results["script"]
    found += ["script: money"] * (max(script["script_billed_to_limit"], script["billed_to_counted"]) > MORE_MONEY)
    found += ["script: not stopped"] * (not script["refused"] and "local" not in script["served_by"])
    found += ["script: typed turn"] * (script["typed_p95_s"] > MORE_WAITING * script["typed_alone_p95_s"])
    found += ["script: learners without a provider"] * (script["embedded_turns"] > 0)
    for name in ("flood", "talks"):
        found += [f"{name}: refused"] * (results[name]["refused_within_s"] > REFUSED_WITHIN_S)
    talks, slow = results["talks"], results["slow"]
    found += ["talks: served"] * (talks["served"] < 4) + ["talks: dropped"] * bool(talks["dropped"])
    found += ["talks: wait"] * (talks["served_p90_s"] > TIMES * talks["alone_s"] + ALLOWED_S)
    found += ["slow: still open"] * bool(slow["still_open"])
    found += ["slow: memory"] * (slow["added_mb"] > SLOW_MB)
    return found


if __name__ == "__main__":
    main()
