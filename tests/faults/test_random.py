"""Run thousands of random operations, with random outages of all kinds, and kill the server in between.

`make test` always makes the same choices, `make soak` new ones; `FAULT_SEED=N` repeats those of seed N. The timing differs
from run to run all the same.
"""

import os
import random
import threading
import time

import pytest

from tests.faults.backends import BUCKET, DATABASE, Backends
from tests.faults.durability import MAX_WAIT_S, NOT_SENT, Answer, Learner, check_durability

# Conversations of one learner.
AT_MOST = 25
# A missing bucket is tested elsewhere. To hide a full bucket, it is copied away and back, which takes long.
KINDS_OF_DATABASE = {
    "postgresql": ("killed", "frozen", "refused", "wrong credentials", "missing", "read-only"),
    "mongodb": ("killed", "frozen", "refused", "wrong credentials", "read-only"),
}
KINDS_OF_BUCKET = ("killed", "frozen", "wrong credentials", "read-only")


def operate(learner: Learner) -> Answer:
    """Do one random operation."""
    choose = learner.choose
    alive = learner.alive
    if not alive or (len(alive) < AT_MOST and choose.random() < 0.25):
        return learner.begin()
    wire, way = choose.choice(alive), choose.random()
    if way < 0.40:
        return learner.add_message(wire)
    if way < 0.58:
        return learner.edit(wire)
    if way < 0.68:
        return learner.rename(wire)
    if way < 0.78:
        return learner.delete(wire)
    if way < 0.84 and learner.deleted:
        return learner.restore(choose.choice(learner.deleted))
    if way < 0.85:
        return learner.clear()
    return learner.open(wire) if way < 0.93 else learner.list_all()


class Chaos:
    """Cause `count` outages and `kills` of the server, in random order."""

    def __init__(self, cloud: Backends, kinds: tuple[str, ...], choose: random.Random) -> None:
        self._cloud, self._kinds, self._choose = cloud, kinds, choose
        self.done: list[str] = []

    def run(self, outages: int, kills: int) -> None:
        deeds = [self._break] * outages + [self._kill] * kills
        self._choose.shuffle(deeds)
        for deed in deeds:
            time.sleep(self._choose.uniform(0.2, 2.0))
            deed()

    def _break(self) -> None:
        half = self._choose.choice((DATABASE, DATABASE, BUCKET))
        kind = self._choose.choice(self._kinds if half == DATABASE else KINDS_OF_BUCKET)
        self.done.append(f"{half} {kind}")
        with self._cloud.broken(half, kind):
            # Longer than any request may wait.
            beyond = MAX_WAIT_S if kind == "frozen" else 0
            time.sleep(self._choose.uniform(0.3, 2.5) + beyond)
            if self._choose.random() < 0.25:
                self._kill()

    def _kill(self) -> None:
        self.done.append("server killed")
        self._cloud.agent.kill()
        self._cloud.agent.start()


def run_at_random(
    cloud: Backends, kinds: tuple[str, ...], *, seed: int, operations: int, outages: int, kills: int
) -> None:
    seed = int(os.environ.get("FAULT_SEED") or seed)
    print(f"FAULT_SEED={seed}")
    learners = [Learner(cloud.agent.url, f"r{number}", random.Random(seed * 100 + number)) for number in range(8)]
    chaos = Chaos(cloud, kinds, random.Random(seed))
    calm = threading.Event()

    def live(learner: Learner) -> None:
        asked = 0
        while asked < operations / len(learners) or not calm.is_set():
            asked += operate(learner).status != NOT_SENT

    threads = [threading.Thread(target=live, args=(learner,), daemon=True) for learner in learners]
    for thread in threads:
        thread.start()
    chaos.run(outages, kills)
    calm.set()
    for thread in threads:
        thread.join()
    cloud.recovered()
    cloud.moved()
    answers = [answer for learner in learners for answer in learner.answers if answer.status != NOT_SENT]
    acknowledged = [answer for answer in answers if answer.acknowledged]
    print(f"{len(acknowledged)} of {len(answers)} operations acknowledged; {', '.join(chaos.done)}")
    slow = [answer for answer in answers if answer.waited > MAX_WAIT_S]
    check_durability(learners, cloud)
    assert slow == []
    assert len(acknowledged) >= operations * 0.6


@pytest.mark.parametrize("cloud", ["postgresql"], indirect=True)
def test_nothing_is_lost_in_a_long_random_run_on_postgresql(cloud: Backends):
    run_at_random(cloud, KINDS_OF_DATABASE["postgresql"], seed=1, operations=1_000, outages=6, kills=1)


@pytest.mark.soak
@pytest.mark.parametrize("cloud", ["postgresql"], indirect=True)
def test_nothing_is_lost_in_a_longer_random_run_on_postgresql(cloud: Backends):
    run_at_random(
        cloud, KINDS_OF_DATABASE["postgresql"], seed=random.randrange(10**6), operations=4_000, outages=20, kills=4
    )


@pytest.mark.soak
@pytest.mark.parametrize("cloud", ["mongodb"], indirect=True)
def test_nothing_is_lost_in_a_random_run_on_mongodb(cloud: Backends):
    run_at_random(cloud, KINDS_OF_DATABASE["mongodb"], seed=random.randrange(10**6), operations=500, outages=4, kills=1)
