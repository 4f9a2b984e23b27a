"""Measure the latency that this server adds with the OpenAI engines. The delays of the simulated provider are known.

    python bench/latency.py [--quick] [--soak] [--only PART]

The latency runs from the end of the learner's audio, streamed at speaking speed, to the first audible sample (above -40
dB) of the answer. Clients measure it with the real server. The server and the provider are one process each. Compared
turn by turn in the same run are:

- the Realtime API through this server, and the same client connected directly to the provider;
- the pipeline, and its lower bound (transcription, the first sentence's tokens, the first byte of speech);
- the same overlap written by hand, pipecat-ai (in `.venv-pipecat`, created on first use), and sequential stages.

`--soak` runs fifty talks for ten minutes with each engine.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from openai import AsyncOpenAI

from audio.encoding import BYTES_PER_SECOND
from bench import pipeline_talks, realtime_talks
from bench.peers_talk import pipecat_peer
from bench.peers_talk.sequential import ByHand
from bench.store import started
from bench.talk import percentile
from bench.weight import Weight
from simulators.openai import Provider
from tests.servers import AgentServer
from tests.servers.agent import collected_static
from tests.servers.postgresql import temporary_folder
from tests.talking import bytes_before_voice, spoken

KEY = "sk-simulated"
ENGINES = ("openai_realtime", "openai_pipeline")
SAID = "My brother went to London last week."
# The first sentence has 13 tokens, the rest 23.
REPLY = (
    "I think that is a lovely plan for your next summer holiday. "
    "My sister went there last year and she loved the quiet little beaches. What would you like to see there first?"
)
STAGES = {"transcription_ms": 300, "first_token_ms": 250, "token_ms": 20, "speech_first_byte_ms": 120}
# Sound arrives before the learner's transcript, so waiting for the transcript would show.
REALTIME = {"realtime_first_audio_ms": 250, "realtime_per_second_ms": 50}
LIMIT_MS = 300 + 250 + 12 * 20 + 120
CLIP = "learner_london"
# Seconds of the clip that are used where only its end matters.
SHORT_S = 0.5
# Talks to open first. Then every thread has its connection to the database.
WARMING = 10
# Seconds to wait after the last talk has closed.
SETTLED_S = 5.0

Turn = Callable[[bytes], Awaitable[float]]


@dataclass(frozen=True)
class Effort:
    """Hold the number of measurements."""

    # Turns of one talk.
    turns: int
    many_realtime: int
    many_pipeline: int
    # Rounds of the talks at once.
    rounds: int
    peers: int
    hands_free: int
    hesitating: int
    # Of the answer's speech. 60 is a person's speed.
    ms_per_character: float
    soak_s: float


QUICK = Effort(3, 6, 6, 1, 2, 1, 1, ms_per_character=30, soak_s=0)
FULL = Effort(40, 50, 20, 3, 12, 10, 5, ms_per_character=60, soak_s=40)


@dataclass(frozen=True)
class Place:
    """Hold the servers under test."""

    provider: Provider
    realtime: AgentServer
    pipeline: AgentServer
    # None if it cannot be installed.
    pipecat: pipecat_peer.PipecatServer | None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="end within a minute")
    options.add_argument("--soak", action="store_true", help="run fifty talks with each engine for ten minutes")
    options.add_argument("--only", choices=[*PARTS, "soak"], help="run only this part")
    chosen = options.parse_args()
    effort = QUICK if chosen.quick else FULL
    with ExitStack() as stack:
        place = set_up(stack, effort)
        results: dict[str, Any] = {"bench": "latency", "quick": chosen.quick}
        print(f"{'milliseconds':<58}{'turns':>6}{'p50':>9}{'p95':>9}")
        for name, part in PARTS.items():
            if chosen.only in (None, name):
                results |= asyncio.run(part(place, effort))
        soak_s = 600 if chosen.soak else effort.soak_s
        if soak_s and chosen.only in (None, "soak"):
            results |= asyncio.run(soaked(place, effort, soak_s))
    print(json.dumps(results))


def set_up(stack: ExitStack, effort: Effort) -> Place:
    settings: dict[str, Any] = {"api_key": KEY, "transcripts": [SAID], "replies": [REPLY], "delays": STAGES | REALTIME}
    provider = stack.enter_context(Provider(**settings, ms_per_character=effort.ms_per_character))
    collected_static()
    with ThreadPoolExecutor() as threads:
        peer = threads.submit(peer_server, stack, provider)
        realtime, pipeline = (threads.submit(served, stack, provider, name) for name in ENGINES)
        return Place(provider, realtime.result(), pipeline.result(), peer.result())


def served(stack: ExitStack, provider: Provider, engine: str) -> AgentServer:
    server = AgentServer(
        temporary_folder(f"bench-{engine}"),
        OPENAI_API_KEY=KEY,
        OPENAI_BASE_URL=provider.url,
        OPENAI_SPEECH_MODEL="gpt-4o-mini-tts",
        TUTOR_ENGINE=engine,
    )
    server.set_up()
    return started(stack, server)


def peer_server(stack: ExitStack, provider: Provider) -> pipecat_peer.PipecatServer | None:
    try:
        pipecat_peer.install()
    except pipecat_peer.NotInstalled as problem:
        print(f"    pipecat-ai is not compared: it cannot be installed here ({problem})")
        return None
    server = pipecat_peer.PipecatServer(temporary_folder("bench-pipecat"), provider.url)
    started(stack, server)
    return server


# (a)


async def realtime(place: Place, effort: Effort) -> dict[str, Any]:
    pcm = short()
    url, server = place.provider.url, place.realtime
    async with realtime_talks.side_by_side(url, KEY, server.url, 1) as ((directly,), (through_us,)):
        ways = [directly.turn, through_us.turn]
        # Open the connections first.
        await asyncio.gather(*(way(pcm) for way in ways))
        direct, ours = await in_turns(ways, pcm, effort.turns)
    results = {"realtime": over("realtime: to the provider", direct, "realtime: to our server", ours)}
    many, before = effort.many_realtime, Weight.of(server.pid)
    async with realtime_talks.side_by_side(url, KEY, server.url, many) as (directly_all, through_us_all):
        await asyncio.gather(*(realtime_talks.a_turn_each(all_of, pcm) for all_of in (directly_all, through_us_all)))
        opened, direct, ours = Weight.of(server.pid), [], []
        for _round in range(effort.rounds):
            direct += await realtime_talks.a_turn_each(directly_all, pcm)
            ours += await realtime_talks.a_turn_each(through_us_all, pcm)
        used = Weight.of(server.pid)
    results["many"] = over(
        f"realtime, {many} at once: to the provider", direct, "realtime, at once: to our server", ours
    )
    megabytes, cpu_ms = (opened.memory_mb - before.memory_mb) / many, (used.cpu_s - opened.cpu_s) * 1000 / len(ours)
    print(f"    a talk of {many}: {megabytes:.2f} MB, {cpu_ms:.0f} ms of CPU a turn")
    one, at_once = results["realtime"], results["many"]
    return {
        "realtime_overhead_p50_ms": one["p50"],
        "realtime_overhead_p95_ms": one["p95"],
        "realtime_many": many,
        "realtime_many_overhead_p50_ms": at_once["p50"],
        "realtime_many_overhead_p95_ms": at_once["p95"],
        "realtime_talk_mb": round(megabytes, 2),
        "realtime_turn_cpu_ms": round(cpu_ms),
    }


async def in_turns(ways: Sequence[Turn], pcm: bytes, count: int) -> list[list[float]]:
    """Return the waits in seconds of each variant.

    The variants are measured alternately, turn by turn, so that all meet the same state of the machine.
    """
    waits: list[list[float]] = [[] for _ in ways]
    for _ in range(count):
        for way, waited in zip(ways, waits, strict=True):
            waited.append(await way(pcm))
    return waits


def over(their_name: str, theirs: list[float], our_name: str, ours: list[float]) -> dict[str, float]:
    """Print both rows. Return the difference of the percentiles, ours minus theirs, in milliseconds."""
    row(their_name, theirs)
    row(our_name, ours)
    return {
        f"p{share}": round((percentile(ours, share / 100) - percentile(theirs, share / 100)) * 1000, 1)
        for share in (50, 95)
    }


# (b) and (c)


async def pipeline(place: Place, effort: Effort) -> dict[str, Any]:
    peer = place.pipecat
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(AsyncOpenAI(api_key=KEY, base_url=place.provider.url))
        talkers = await stack.enter_async_context(pipeline_talks.opened(place.pipeline.url, "one", 1))
        pipecat = await stack.enter_async_context(peer.talk()) if peer else None
        ways: list[Turn] = [partial(pipeline_talks.hold_to_talk, talkers[0])]
        ways += [ByHand(client).overlapped, ByHand(client).sequential]
        ways += [pipecat.turn] if pipecat else []
        await warmed(place.provider, ways)
        before = [Weight.of(pid).cpu_s for pid in (place.pipeline.pid, peer.pid if peer else place.pipeline.pid)]
        waits = await in_turns(ways, short(), effort.peers)
        cpu_ms = round((Weight.of(place.pipeline.pid).cpu_s - before[0]) * 1000 / effort.peers)
        results = compared(*waits[:3]) | {"turn_cpu_ms": cpu_ms, "pipecat_ratio": None, "pipecat_turn_cpu_ms": None}
        if pipecat:
            row("pipeline: pipecat-ai 1.14", waits[3])
            results["pipecat_ratio"] = ratio(waits[0], waits[3])
        results |= await many_at_once(place, effort)
        results |= await hands_free(place, effort)
        if pipecat and peer:
            await pipecat.finished()
            theirs = round((Weight.of(peer.pid).cpu_s - before[1]) * 1000 / effort.peers)
            results["pipecat_turn_cpu_ms"] = theirs
            print(
                f"    CPU a turn: {cpu_ms} ms of our server, which hears voices and saves, too; {theirs} ms of pipecat"
            )
    return results


async def warmed(provider: Provider, ways: Sequence[Turn]) -> None:
    """Run a short turn with each variant, so that connections are open and late imports are loaded."""
    provider.configure(replies=["Yes."])
    await asyncio.gather(*(way(short()) for way in ways))
    provider.configure(replies=[REPLY])


def compared(ours: list[float], overlapped: list[float], sequential: list[float]) -> dict[str, Any]:
    print(f"{'pipeline: the lower bound, the sum of the delays':<58}{'':>6}{LIMIT_MS:9}{LIMIT_MS:9}")
    row("pipeline: overlapped by hand", overlapped)
    row("pipeline: our server", ours)
    row("pipeline: sequential", sequential)
    return {
        "limit_ms": LIMIT_MS,
        "pipeline_over_limit_p50_ms": over_limit(ours, 0.5),
        "pipeline_over_limit_p95_ms": over_limit(ours, 0.95),
        "by_hand_over_limit_p50_ms": over_limit(overlapped, 0.5),
        "sequential_ratio": ratio(ours, sequential),
    }


async def many_at_once(place: Place, effort: Effort) -> dict[str, Any]:
    many, ours = effort.many_pipeline, []
    async with pipeline_talks.opened(place.pipeline.url, "many", many) as talkers:
        await pipeline_talks.a_turn_each(talkers, short())
        for _ in range(effort.rounds):
            ours += await pipeline_talks.a_turn_each(talkers, short())
    row(f"pipeline, {many} at once: our server", ours)
    return {
        "pipeline_many": many,
        "pipeline_many_over_limit_p50_ms": over_limit(ours, 0.5),
        "pipeline_many_over_limit_p95_ms": over_limit(ours, 0.95),
    }


def over_limit(waits: list[float], share: float) -> float:
    return round(milliseconds(waits, share) - LIMIT_MS, 1)


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return our median by theirs. Below 1, this server is faster."""
    return round(percentile(ours, 0.5) / percentile(theirs, 0.5), 3)


async def hands_free(place: Place, effort: Effort) -> dict[str, Any]:
    """Run a fluent learner beside one who hesitates in every turn, and count the discarded preemptive replies."""
    url = place.pipeline.url
    fluent, hesitating = await asyncio.gather(
        turns_of(url, "fluent", effort.hands_free), turns_of(url, "hesitating", effort.hesitating)
    )
    said = [said for _, said in fluent + hesitating]
    row("hands-free, from the end of the pause in the sound", [sounded for sounded, _ in fluent])
    row("hands-free, a learner who hesitates", [sounded for sounded, _ in hesitating])
    row("both, from the event that ends the turn", said)
    thrown = thrown_away(place.pipeline, "hesitating")
    share = thrown / (thrown + len(hesitating))
    print(
        f"    of {thrown + len(hesitating)} answers begun for a learner who hesitates in every turn, {share:.0%} were discarded"
    )
    return {
        "hands_free_p50_ms": milliseconds(said, 0.5),
        "hands_free_p95_ms": milliseconds(said, 0.95),
        "thrown_away_share": round(share, 2),
    }


async def turns_of(url: str, name: str, count: int) -> list[tuple[float, float]]:
    async with pipeline_talks.opened(url, name, 1, hands_free=True) as (talker,):
        hesitates = name == "hesitating"
        return [await pipeline_talks.hands_free(talker, spoken(CLIP), hesitates=hesitates) for _ in range(count)]


def thrown_away(server: AgentServer, name: str) -> int:
    """Return the number that the server logs when a talk has closed."""
    for _ in range(50):
        if found := re.search(rf"(\d+) replies begun ahead were thrown away in {name}-0", server.log.read_text()):
            return int(found[1])
        time.sleep(0.1)
    return 0


# (d)


async def soaked(place: Place, effort: Effort, seconds: float) -> dict[str, Any]:
    many, port = effort.many_realtime, place.provider.port
    results = {}
    for name, server in (("realtime", place.realtime), ("pipeline", place.pipeline)):
        async with pipeline_talks.opened(server.url, f"before-{name}", WARMING) as talkers:
            await pipeline_talks.a_turn_each(talkers, short())
        before = Weight.of(server.pid, port)
        async with pipeline_talks.opened(server.url, f"soak-{name}", many) as talkers:
            await pipeline_talks.a_turn_each(talkers, short())
            weights, until = [Weight.of(server.pid)], time.monotonic() + seconds
            began = time.monotonic()
            while time.monotonic() < until:
                await pipeline_talks.a_turn_each(talkers, short())
                weights.append(Weight.of(server.pid))
            took = time.monotonic() - began
        await asyncio.sleep(SETTLED_S)
        left = Weight.of(server.pid, port).open_beyond(before) | {"under way": place.provider.seen()["under_way"]}
        third = max(1, len(weights) // 3)
        middle, last = (max(each.memory_mb for each in part) for part in (weights[third : 2 * third], weights[-third:]))
        cpu = (weights[-1].cpu_s - weights[0].cpu_s) / took
        print(
            f"    {many} talks with {name} for {took:.0f} s: {weights[0].memory_mb:.0f} MB at first, {middle:.0f} in the middle, "
            f"{last:.0f} at the end; {cpu / many:.2%} of a core a talk; left behind: {left}"
        )
        results[f"soak_{name}"] = {
            "talk_mb": round((weights[0].memory_mb - before.memory_mb) / many, 2),
            "growth_mb": round(last - middle, 1),
            "core_share_a_talk": round(cpu / many, 4),
            "left_behind": left,
        }
    return results


def short() -> bytes:
    pcm = spoken(CLIP)
    return pcm[bytes_before_voice(pcm) :][: int(SHORT_S * BYTES_PER_SECOND) // 2 * 2]


def milliseconds(waits: list[float], share: float) -> float:
    return round(percentile(waits, share) * 1000, 1)


def row(name: str, waits: list[float]) -> None:
    print(f"{name:<58}{len(waits):>6}{milliseconds(waits, 0.5):9.1f}{milliseconds(waits, 0.95):9.1f}")


PARTS = {"realtime": realtime, "pipeline": pipeline}


if __name__ == "__main__":
    main()
