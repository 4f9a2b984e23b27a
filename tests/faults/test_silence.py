"""When the network delivers nothing for a while, no parameter of the database's address makes learners wait longer."""

import threading
import time
from collections.abc import Iterator
from typing import Self

import httpx
import pytest

from tests.faults.backends import DATABASE, Database, wait
from tests.faults.durability import Learner
from tests.servers import AgentServer, MongoServer
from tests.servers.silent_proxy import SilentProxy

SILENCE = 8.0  # seconds
# Seconds, as documented. The time in which the machine stalls does not count.
AGAIN_WITHIN = 12.0
# Seconds that a request may wait for the cloud: two for all its operations, and some more on a loaded machine. With the timeout
# of the address, it would wait until the network is back.
REQUEST_WITHIN = 4.0
PATIENT = {
    "postgresql": "connect_timeout=60&keepalives=0&tcp_user_timeout=600000&options=-c%20statement_timeout%3D60000",
    "mongodb": "&".join(
        f"{name}=60000"
        for name in (
            "connectTimeoutMS",
            "serverSelectionTimeoutMS",
            "socketTimeoutMS",
            "heartbeatFrequencyMS",
            "timeoutMS",
        )
    ),
}


@pytest.fixture(params=PATIENT)
def database(request: pytest.FixtureRequest) -> Database:
    fixtures = {"postgresql": "postgres", "mongodb": "own_mongo"}
    server: Database = request.getfixturevalue(fixtures[request.param])
    return server


@pytest.fixture
def proxy(database: Database) -> Iterator[SilentProxy]:
    proxy = SilentProxy(database.port)
    yield proxy
    proxy.close()


@pytest.fixture
def agent(database: Database, proxy: SilentProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentServer]:
    """Run a server whose database is behind `proxy`, with an address whose timeouts are a minute."""
    name = "mongodb" if isinstance(database, MongoServer) else "postgresql"
    env = {key: value.replace(f":{database.port}/", f":{proxy.port}/") for key, value in database.env.items()}
    env[{"mongodb": "MONGODB_URI", "postgresql": "DATABASE_URL"}[name]] += f"&{PATIENT[name]}"
    agent = AgentServer(tmp_path_factory.mktemp("patient"), env)
    agent.set_up()
    agent.start()
    yield agent
    agent.kill()


class Stalls:
    """Add up the time in which this machine does not run a thread that is ready to run."""

    STEP_S = 0.05

    def __init__(self) -> None:
        self.seconds, self._over = 0.0, threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        began = time.monotonic()
        while not self._over.wait(self.STEP_S):
            began, before = time.monotonic(), began
            self.seconds += max(0.0, began - before - 2 * self.STEP_S)


def down(agent: AgentServer) -> dict[str, str]:
    found: dict[str, str] = httpx.get(f"{agent.url}/api/conversations", timeout=60).json().get("down", {})
    return found


def test_the_database_is_used_again_soon_after_it_stopped_answering(agent: AgentServer, proxy: SilentProxy):
    learner = Learner(agent.url, f"s-{time.time_ns():x}")
    learner.begin()
    wait(lambda: not down(agent))
    began = time.monotonic()
    with proxy.silence():
        while time.monotonic() < began + SILENCE:
            learner.begin()
            time.sleep(0.2)
        assert down(agent).keys() == {DATABASE}
    with Stalls() as stalls:
        took = wait(lambda: not down(agent), 5 * AGAIN_WITHIN, lambda: f"Still down: {down(agent)}")
    assert took - stalls.seconds < AGAIN_WITHIN
    assert max(answer.waited for answer in learner.answers) < REQUEST_WITHIN
    assert all(answer.acknowledged for answer in learner.answers)
