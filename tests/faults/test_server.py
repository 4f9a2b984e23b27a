"""The server is killed while it saves and while it drains, and started while the cloud is down."""

import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.faults.backends import BUCKET, DATABASE, Backends, wait
from tests.faults.durability import Learner, check_durability
from tests.servers import AgentServer
from tests.servers.agent import collected_static

BOTH = ["postgresql", "mongodb"]


def begun(cloud: Backends, count: int, *, learners: int = 6) -> list[Learner]:
    """Return learners who have saved this many conversations in all, and continued the first of them."""
    those = [Learner(cloud.agent.url, f"b{number}-{time.time_ns():x}") for number in range(learners)]

    def begin(learner: Learner) -> None:
        for _ in range(count // learners):
            learner.begin()
        learner.add_message(next(iter(learner.states)))

    at_once([threading.Thread(target=begin, args=(learner,)) for learner in those])
    return those


def at_once(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def have_saved(learners: list[Learner], count: int) -> bool:
    """Return whether each learner has saved this often."""
    return all(sum(answer.acknowledged for answer in learner.answers) >= count for learner in learners)


def wait_until_draining(cloud: Backends) -> None:
    """Wait until some pending data has been drained. If this machine stalls, all of it may have been drained."""
    at_first = sum(cloud.waiting().values())
    deadline = time.monotonic() + 60
    while at_first and sum(cloud.waiting().values()) >= at_first:
        assert time.monotonic() < deadline, cloud.log()
        time.sleep(0.005)


@pytest.mark.parametrize("cloud", BOTH, indirect=True)
def test_nothing_is_lost_when_the_server_is_killed_while_it_saves(cloud: Backends):
    learners = [Learner(cloud.agent.url, f"k{number}-{time.time_ns():x}") for number in range(6)]
    over = threading.Event()

    def save(learner: Learner) -> None:
        while not over.is_set():
            learner.begin()
            if alive := learner.alive:
                learner.add_message(learner.choose.choice(alive))
                learner.edit(learner.choose.choice(alive))
                learner.delete(learner.choose.choice(alive))

    threads = [threading.Thread(target=save, args=(learner,)) for learner in learners]
    for thread in threads:
        thread.start()
    for times in (1, 2):
        wait(partial(have_saved, learners, 4 * times))
        cloud.agent.kill()
        cloud.agent.start()
    over.set()
    for thread in threads:
        thread.join()
    cloud.moved()
    assert [answer for learner in learners for answer in learner.answers if answer.status == 0]
    check_durability(learners, cloud)


@pytest.mark.parametrize("cloud", ["postgresql", pytest.param("mongodb", marks=pytest.mark.soak)], indirect=True)
def test_nothing_is_lost_when_the_server_is_killed_while_it_drains(cloud: Backends):
    learners: list[Learner] = []
    in_the_middle = 0
    # A kill does not count if everything had been drained before.
    for _ in range(12):
        if not cloud.waiting():
            with cloud.broken(DATABASE, "frozen"), cloud.broken(BUCKET, "frozen"):
                learners += begun(cloud, 90)
        wait_until_draining(cloud)
        cloud.agent.kill()
        in_the_middle += bool(cloud.waiting())
        cloud.agent.start()
        if in_the_middle == 3:
            break
    assert in_the_middle == 3
    cloud.moved()
    check_durability(learners, cloud)


CASES = [
    ("postgresql", DATABASE, "killed"),
    ("mongodb", DATABASE, "frozen"),
    *(
        pytest.param(*each, marks=pytest.mark.soak)
        for each in [
            ("postgresql", BUCKET, "frozen"),
            ("postgresql", DATABASE, "frozen"),
            ("postgresql", BUCKET, "killed"),
            ("mongodb", DATABASE, "killed"),
        ]
    ),
]


@pytest.mark.parametrize(("cloud", "half", "kind"), CASES, indirect=["cloud"])
def test_nothing_is_lost_in_an_outage_while_it_drains(cloud: Backends, half: str, kind: str):
    with cloud.broken(half, "frozen"):
        learners = begun(cloud, 90)
    wait_until_draining(cloud)
    with cloud.broken(half, kind):
        for learner in learners:
            learner.delete(next(iter(learner.states)))
            learner.begin()
        cloud.noticed(half)
        assert cloud.waiting()
    cloud.recovered()
    cloud.moved()
    check_durability(learners, cloud)


@pytest.fixture
def unprepared(cloud: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    """Set up a new server on a database without tables. Start neither."""
    cloud.agent.stop()
    cloud.database.empty()
    agent = AgentServer(tmp_path_factory.mktemp("new"), cloud.database.env, cloud.s3.env, SECRET_KEY="k" * 50)
    (agent.data_dir / "static").symlink_to(collected_static())
    yield Backends(cloud.database, cloud.s3, agent)
    agent.kill()
    cloud.agent.manage("migrate", "--verbosity", "0")


@pytest.mark.parametrize(("cloud", "half", "kind"), CASES, indirect=["cloud"])
def test_the_server_starts_while_the_cloud_is_down(unprepared: Backends, half: str, kind: str):
    if half == BUCKET:
        unprepared.agent.manage("migrate", "--verbosity", "0")
    with unprepared.broken(half, kind):
        # The command would wait for a frozen database.
        if half == DATABASE and kind == "frozen":
            unprepared.agent.manage("migrate", "--verbosity", "0", "--database", "local")
        else:
            unprepared.agent.manage("migrate", "--verbosity", "0", "--skip-unreachable")
        unprepared.agent.start()
        learners = begun(unprepared, 12)
        assert unprepared.down().keys() == {half}
        assert unprepared.readiness() == (200, "degraded")
    unprepared.recovered()
    unprepared.moved()
    assert unprepared.readiness() == (200, "ok")
    check_durability(learners, unprepared)
