"""Measure the store's overhead over its databases and bucket: ratios to plain drivers in the same run.

    python bench/store.py [--quick]

For PostgreSQL and the MongoDB-wire server of the tests, through the API over HTTP: a request that does nothing, saving
a conversation of ten messages, getting it, and listing the newest fifty, against the same rows written and read by
psycopg and pymongo. Also `keep` of 64 KB against boto3's `put_object`, and signing links. Without --quick, it also
shows how the time to list grows with the learner's conversations (see SIZES), for the store and for the plain driver.
PostgreSQL runs without fsync, to show
the store's share and not the disk's.
"""

import argparse
import json
import os
import secrets
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pymongo

from bench.peers import Peer, PlainMongo, PlainPostgres
from bench.rest import Rest
from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder

MESSAGES = 10
LISTED = 50
# An id that is too long to be stored, so no database is asked. The request passes all middleware and a view.
UNSTORABLE = "x" * 300
# Repetitions for each size.
LISTINGS = 30
KEPT_BYTES = 64 * 1024
# Conversations of one learner. The MongoDB-wire server reads and decodes all of them, whatever the limit and the index.
# 5,000 fit into a request's patience even on a busy machine, and 100,000 do not.
SIZES = {"postgresql": (1_000, 1_000_000), "mongodb": (1_000, 5_000, 100_000)}
SECRET_KEY = secrets.token_urlsafe(40)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="end within a minute")
    quick = options.parse_args().quick
    results: dict[str, Any] = {"bench": "store", "quick": quick}
    with ExitStack() as stack:
        s3 = started(stack, S3Server(temporary_folder("bench-s3")))
        postgres = started(stack, PostgresServer(temporary_folder("bench-postgresql")))
        mongo = started(stack, MongoServer(temporary_folder("bench-mongodb")))
        agent = serving(stack, postgres.env, s3.env)
        set_up_django(agent, postgres.env, s3.env)
        print(f"{'milliseconds, p50':<44}{'ours':>9}{'plain':>9}{'ratio':>8}")
        results["postgresql"] = through_api(agent, PlainPostgres(postgres), times=20 if quick else 200)
        results["keep"] = keeping(s3, times=100 if quick else 800)
        results["signing_ratio"] = signing(s3)
        on_mongo = serving(stack, mongo.env, s3.env)
        results["mongodb"] = through_api(on_mongo, PlainMongo(mongo), times=10 if quick else 100)
        if not quick:
            for name, server, peer in (
                ("postgresql", agent, PlainPostgres(postgres)),
                ("mongodb", on_mongo, PlainMongo(mongo)),
            ):
                results[name] |= listing(name, server, peer)
    print(json.dumps(results))


def started(stack: ExitStack, server: Any) -> Any:
    stack.callback(server.kill)
    server.start()
    return server


def serving(stack: ExitStack, *envs: dict[str, str]) -> AgentServer:
    agent = AgentServer(temporary_folder("bench-server"), *envs, SECRET_KEY=SECRET_KEY)
    agent.set_up()
    return started(stack, agent)


def set_up_django(agent: AgentServer, *envs: dict[str, str]) -> None:
    """Set up Django in this process on the server's stores, for measurements without HTTP."""
    ours = {"ENV_FILES": "", "DATA_DIR": str(agent.data_dir), "SECRET_KEY": SECRET_KEY}
    for env in (*envs, ours, {"DJANGO_SETTINGS_MODULE": "talking_agent.settings"}):
        os.environ.update(env)
    import django

    django.setup()


def p50_ms(call: Callable[[], object], times: int) -> float:
    return p50s_ms([call], times)[0]


def p50s_ms(calls: Sequence[Callable[[], object]], times: int) -> list[float]:
    """Return the median milliseconds of each call. The calls take turns, so that all meet the same machine state."""
    durations: list[list[float]] = [[] for _ in calls]
    for _ in range(times):
        for call, took in zip(calls, durations, strict=True):
            began = time.perf_counter()
            call()
            took.append(time.perf_counter() - began)
    return [statistics.median(took) * 1000 for took in durations]


def row(name: str, ours: float, plain: float) -> float:
    ratio = round(ours / plain, 2)
    print(f"{name:<44}{ours:9.2f}{plain:9.2f}{ratio:8.2f}")
    return ratio


def conversation(number: int = 0) -> dict[str, Any]:
    said = [
        {
            "id": f"{'user' if turn % 2 else 'ai'}-{turn}",
            "role": "user" if turn % 2 else "assistant",
            "content": "The station is two streets from here, past the old bridge.",
            "timestamp": 1_760_000_000_000 + turn * 1000,
        }
        for turn in range(MESSAGES)
    ]
    return {
        "id": f"conv-{number}-{secrets.token_hex(4)}",
        "messages": said,
        "config": {"topic": "Travel", "level": "B1"},
    }


def through_api(agent: AgentServer, peer: Peer, times: int) -> dict[str, float]:
    client = Rest(agent.url)
    first = conversation()
    client.post("/api/conversations", first)
    peer.take_as_example(first["id"])
    for number in range(LISTED):
        client.post("/api/conversations", conversation(number))
    learner = peer.learner
    name = type(peer).__name__.removeprefix("Plain")
    floor = p50_ms(lambda: client.delete(f"/api/conversations/{UNSTORABLE}"), times)
    print(f"{f'{name}: a request that does nothing':<44}{floor:>9.2f}")
    return {
        "floor_ms": round(floor, 2),
        "save_ratio": row(
            f"{name}: save {MESSAGES} messages",
            p50_ms(lambda: client.post("/api/conversations", conversation()), times),
            p50_ms(peer.save, times),
        ),
        "get_ratio": row(
            f"{name}: get",
            p50_ms(lambda: client.get(f"/api/conversations/{first['id']}"), times),
            p50_ms(peer.get, times),
        ),
        "list_ratio": row(
            f"{name}: list {LISTED}",
            p50_ms(lambda: client.get(f"/api/conversations?limit={LISTED}"), times),
            p50_ms(lambda: peer.newest(learner, LISTED), times),
        ),
    }


def keeping(s3: S3Server, times: int) -> dict[str, float]:
    """Compare `keep` with `put_object` in turns. Return the ratios of operations per second."""
    from audio import recordings
    from audio.encoding import Clip
    from audio.recordings import Owner

    client = s3.client()
    bucket = s3.env["S3_BUCKET_NAME"]

    def keep(_: int) -> None:
        owner = Owner(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), "user")
        recordings.keep(owner, Clip(os.urandom(KEPT_BYTES), "audio/webm", 20.0))

    def put(_: int) -> None:
        client.put_object(
            Bucket=bucket, Key=f"bench/{uuid.uuid4()}", Body=os.urandom(KEPT_BYTES), ContentType="audio/webm"
        )

    results = {}
    for at_a_time in (1, 8):
        with ThreadPoolExecutor(at_a_time) as threads:
            rates: dict[str, list[float]] = {"keep": [], "put": []}
            for name, work in (("keep", keep), ("put", put)) * 5:
                began = time.perf_counter()
                list(threads.map(work, range(times // 5)))
                rates[name].append(times // 5 / (time.perf_counter() - began))
        ours, plain = statistics.median(rates["keep"]), statistics.median(rates["put"])
        results[f"throughput_ratio_{at_a_time}"] = round(ours / plain, 2)
        print(
            f"{f'keep 64 KB, {at_a_time} at a time: operations a second':<44}{ours:9.0f}{plain:9.0f}{ours / plain:8.2f}"
        )
    return results


def signing(s3: S3Server) -> float:
    from django.core.files.storage import storages

    keys = [f"audio/{uuid.uuid4()}-user.webm" for _ in range(1000)]
    client, bucket = s3.client(), s3.env["S3_BUCKET_NAME"]
    ours = p50_ms(lambda: [storages["audio_cloud"].url(key) for key in keys], 5)
    plain = p50_ms(
        lambda: [client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}) for key in keys], 5
    )
    return row("signing 1,000 links", ours, plain)


def listing(name: str, agent: AgentServer, peer: Peer) -> dict[str, Any]:
    """List the newest conversations of learners with few and with many, by the store and by the plain driver.

    Returns the ratios, how many times as long each takes with many, and the first learner's ratio beside the others'
    data. A server that reads all of a learner's rows slows both down, so only the ratio measures the store.
    """
    example = conversation()
    Rest(agent.url).post("/api/conversations", example)
    peer.take_as_example(example["id"])
    learners = {count: uuid.uuid4() for count in SIZES[name]}
    measured: dict[int, list[float]] = {}
    for count, learner in learners.items():
        peer.fill(learner, count)
        if both := listed(f"{name}: list {LISTED} of {count:,}", agent, peer, learner):
            measured[count] = both
    few = min(learners)
    beside = listed(f"{name}: list {LISTED} of {few:,}, beside these", agent, peer, learners[few])
    return {
        "list_ratios": {count: round(ours / plain, 2) for count, (ours, plain) in measured.items()},
        "list_growth": growth(name, measured),
        "list_ratio_beside": round(beside[0] / beside[1], 2) if beside else None,
    }


def growth(name: str, measured: dict[int, list[float]]) -> list[float] | None:
    """Return how many times as long the longest list takes as the shortest, for the store and for the plain driver.

    Return None if only one list arrived in time.
    """
    if len(measured) < 2:
        return None
    few, many = min(measured), max(measured)
    grown = [round(after / before, 2) for before, after in zip(measured[few], measured[many], strict=True)]
    row(f"{name}: of {many:,} / of {few:,}, times", *grown)
    return grown


class NotInTime(Exception):
    """Report that the list did not arrive within a request's patience."""


def listed(label: str, agent: AgentServer, peer: Peer, learner: uuid.UUID) -> list[float] | None:
    """Return the milliseconds of the store and of the plain driver. Return None if the store was too late."""
    ours, plain = partial(newest, Rest(agent.url, learner)), partial(peer.newest, learner, LISTED)
    try:
        both = p50s_ms([ours, plain], LISTINGS)
    except NotInTime:
        # Seconds. The client's own timeout is shorter.
        with pymongo.timeout(120):
            print(f"{label:<44}{'too late':>9}{p50_ms(plain, 3):9.2f}")
        return None
    row(label, *both)
    return both


def newest(client: Rest) -> None:
    answer = client.get(f"/api/conversations?limit={LISTED}")
    if "degraded" in answer or len(answer["conversations"]) != LISTED:
        raise NotInTime


if __name__ == "__main__":
    main()
