"""Measure the cost of an outage: saves with the database down or frozen, and the return of the pending data.

    python bench/outage.py [--quick]

Saves of ten messages go through the API: on a server without a cloud, on one whose database and bucket are up, on the
same one with the database killed, and then with the database frozen (the first request waits, the others do not). Then
1,000 conversations with a recording each (--quick: 100) are saved while both halves are down. Both come back, and a
learner talks while the data moves.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from audio.encoding import from_pcm
from bench.rest import Rest
from bench.store import conversation, started
from bench.talk import hold_to_talk, percentile
from tests.servers import AgentServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder
from tests.talking import spoken

CLIP = "learner_london"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="end within a minute")
    quick = options.parse_args().quick
    with ExitStack() as stack:
        postgres = started(stack, PostgresServer(temporary_folder("bench-postgresql")))
        s3 = started(stack, S3Server(temporary_folder("bench-s3")))
        plain, server = serving(stack), serving(stack, postgres.env, s3.env, SECRET_KEY="x" * 50)
        results: dict[str, Any] = {"bench": "outage", "quick": quick}
        results |= saves(plain, server, postgres, times=40 if quick else 300)
        results |= draining(server, postgres, s3, 100 if quick else 1000, turns=2 if quick else 12)
    print(json.dumps(results))


def serving(stack: ExitStack, *envs: dict[str, str], **env: str) -> AgentServer:
    agent = AgentServer(temporary_folder("bench-server"), *envs, **env)
    agent.set_up()
    return started(stack, agent)


def saves(plain: AgentServer, server: AgentServer, postgres: PostgresServer, times: int) -> dict[str, float]:
    """Time saves on all servers alternately, ten at a time, so that all meet the same state of the machine."""
    here, there = Rest(plain.url), Rest(server.url)
    durations: dict[str, list[float]] = {"plain local": [], "cloud": [], "database down": []}
    print(f"{'save, ms':<44}{'p50':>9}{'p95':>9}")
    for client in (here, there):
        timed(client, 10)
    for _ in range(times // 10):
        durations["cloud"] += timed(there, 10)
    postgres.kill()
    # The first save finds out that the database is down.
    timed(there, 1)
    for _ in range(times // 10):
        durations["plain local"] += timed(here, 10)
        durations["database down"] += timed(there, 10)
    for name, taken in durations.items():
        print(f"{name:<44}{percentile(taken, 0.5) * 1000:9.1f}{percentile(taken, 0.95) * 1000:9.1f}")
    postgres.start()
    wait_until_drained(there)
    postgres.freeze()
    frozen = timed(there, 20)
    postgres.thaw()
    wait_until_drained(there)
    print(f"{'database frozen: the longest wait of all, ms':<44}{max(frozen) * 1000:9.0f}")
    ratio = percentile(durations["database down"], 0.95) / percentile(durations["plain local"], 0.95)
    return {"down_over_plain_p95": round(ratio, 2), "frozen_longest_ms": round(max(frozen) * 1000)}


def draining(server: AgentServer, postgres: PostgresServer, s3: S3Server, count: int, turns: int) -> dict[str, float]:
    client = Rest(server.url)
    before = asyncio.run(hold_to_talk(server.url, "before", [CLIP] * (turns + 1)))[1:]
    voice = base64.b64encode(from_pcm(spoken(CLIP)).data).decode()
    postgres.kill()
    s3.kill()
    for number in range(count):
        said = conversation(number)
        said["messages"][1]["audioData"] = f"data:audio/webm;base64,{voice}"
        client.post("/api/conversations", said)
    s3.start()
    talk: list[dict[str, float]] = []
    talking = threading.Thread(
        target=lambda: talk.extend(asyncio.run(hold_to_talk(server.url, "during", [CLIP] * turns)))
    )
    talking.start()
    postgres.start()
    began = time.perf_counter()
    wait_until_drained(client)
    took = time.perf_counter() - began
    talking.join()
    waited = {
        name: percentile([turn["waited"] for turn in of], 0.5) * 1000
        for name, of in (("before", before), ("during", talk))
    }
    print(f"{f'{count} conversations with recordings drained after, s':<44}{took:9.1f}")
    print(f"{'a talk meanwhile, ms to the first sound':<44}{waited['during']:9.0f}{waited['before']:9.0f} (otherwise)")
    return {
        "conversations": count,
        "drained_after_s": round(took, 1),
        "talk_during_over_before_p50": round(waited["during"] / waited["before"], 2),
    }


def timed(client: Rest, times: int) -> list[float]:
    durations = []
    for _ in range(times):
        began = time.perf_counter()
        client.post("/api/conversations", conversation())
        durations.append(time.perf_counter() - began)
    return durations


def wait_until_drained(client: Rest) -> None:
    """Wait until no half is down and the learner's newest conversation, which moves last, is in the cloud."""
    while True:
        answer = client.get("/api/conversations?limit=1")
        if "degraded" not in answer and all(each["storage"] == "cloud" for each in answer["conversations"]):
            return
        time.sleep(0.2)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")
    main()
