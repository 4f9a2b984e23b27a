"""Learners save while the cloud fails in every possible way and recovers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.faults.backends import BUCKET, DATABASE, KINDS, Backends, wait
from tests.faults.durability import MAX_WAIT_S, Answer, Learner, check_durability

CAUSES = {
    "killed": ("the connection is refused",),
    "frozen": ("it does not answer",),
    "refused": ("the connection is refused",),
    "wrong credentials": ("the credentials are refused",),
    "missing": ("it does not exist", "writing is refused"),
    "read-only": ("writing is refused",),
}
OF_POSTGRESQL = [("postgresql", (half,), kind) for half in (DATABASE, BUCKET) for kind in KINDS]
OF_MONGODB = [("mongodb", (DATABASE,), kind) for kind in KINDS if kind != "missing"]
OF_BOTH = [(name, (DATABASE, BUCKET), kind) for name in ("postgresql", "mongodb") for kind in ("killed", "frozen")]


@contextmanager
def saving(cloud: Backends, count: int = 3) -> Iterator[list[Learner]]:
    """Let learners save all the time."""
    learners = [Learner(cloud.agent.url, f"l{number}-{time.time_ns():x}") for number in range(count)]
    over = threading.Event()
    threads = [threading.Thread(target=_keep_saving, args=(learner, over), daemon=True) for learner in learners]
    for thread in threads:
        thread.start()
    try:
        yield learners
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _keep_saving(learner: Learner, over: threading.Event) -> None:
    ways: list[Callable[[str], Answer]] = [learner.add_message, learner.edit, learner.rename, learner.open]
    while not over.is_set():
        learner.begin()
        for way in ways:
            way(learner.choose.choice(list(learner.states)))
        if learner.choose.random() < 0.3:
            learner.delete(learner.choose.choice(list(learner.states)))
        learner.list_all()
        time.sleep(0.05)


def all_answers(learners: list[Learner]) -> list[Answer]:
    return [answer for learner in learners for answer in learner.answers]


def saved_since(moment: float, learners: list[Learner]) -> list[Answer]:
    return [answer for answer in all_answers(learners) if answer.what == "save" and answer.began > moment]


def longest_wait(answers: list[Answer]) -> float:
    return max(answer.waited for answer in answers)


# `make test` runs one of each kind, `make soak` runs all.
EVERY_TIME = [
    ("postgresql", (DATABASE,), "killed"),
    ("postgresql", (DATABASE,), "frozen"),
    ("postgresql", (DATABASE,), "wrong credentials"),
    ("postgresql", (BUCKET,), "frozen"),
    ("postgresql", (BUCKET,), "read-only"),
    ("mongodb", (DATABASE,), "killed"),
    ("mongodb", (DATABASE, BUCKET), "frozen"),
]
EVERY = [
    pytest.param(*each, marks=() if each in EVERY_TIME else pytest.mark.soak)
    for each in (*OF_POSTGRESQL, *OF_MONGODB, *OF_BOTH)
]


@pytest.mark.parametrize(("cloud", "halves", "kind"), EVERY, indirect=["cloud"])
def test_nothing_is_lost_in_an_outage_during_saves(cloud: Backends, halves: tuple[str, ...], kind: str):
    with saving(cloud) as learners:
        wait(lambda: all(len(learner.answers) > 2 for learner in learners))
        with ExitStack() as outages:
            for half in halves:
                outages.enter_context(cloud.broken(half, kind))
            out = time.monotonic()
            for half in halves:
                cloud.noticed(half)
            known = time.monotonic()
            # A frozen server stays frozen longer than any request may wait, so a request that waits for it fails the
            # test.
            wait(
                lambda: saved_since(known, learners) and (kind != "frozen" or time.monotonic() - out > 1.5 * MAX_WAIT_S)
            )
            cloud.down_because(dict.fromkeys(halves, CAUSES[kind]))
            readiness = cloud.readiness()
            over = time.monotonic()
        cloud.recovered()
    cloud.moved()
    assert readiness == (200, "degraded")
    during = [answer for answer in all_answers(learners) if out < answer.began < over]
    assert [answer for answer in during if answer.what in ("save", "list") and not answer.acknowledged] == []
    since = [answer for answer in during if answer.began > known and answer.ended < over and answer.what == "save"]
    assert since
    assert [answer for answer in since if not answer.degraded or not set(halves) <= set(answer.body["down"])] == []
    if DATABASE in halves:
        assert {answer.body["storage"] for answer in since} == {"local"}
    assert 0 < longest_wait(all_answers(learners)) < MAX_WAIT_S
    check_durability(learners, cloud)
