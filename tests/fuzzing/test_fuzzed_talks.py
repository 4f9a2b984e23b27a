"""Talks survive thousands of mutated events: every one is answered or followed, no talk ends, and the memory stays flat."""

import asyncio
import itertools
import json
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from simulators.openai import Provider
from tests.fixtures import PROVIDER_KEY
from tests.fuzzing.memory import MemoryWatch
from tests.fuzzing.mutations import mutated, valid_event
from tests.servers import AgentServer
from tests.talking import Talker, new_learner, talking

pytestmark = pytest.mark.soak

# Rounds, and events of each talk in a round. Two learners talk at once, hands-free and hold-to-talk: four talks in a round.
# The embedded engine transcribes and speaks, which takes this machine much longer than the simulator.
ROUNDS = {"local": (4, 150), "openai_pipeline": (4, 340), "openai_realtime": (4, 340)}
# After so many events a talk must have processed all of them within PATIENT seconds.
BATCH, PATIENT = 20, 120.0
# Codes of errors about the form of an event. Other errors are about the talk's state, such as that there is no sound to commit.
FORM = ("invalid_", "unknown_", "text_too_long", "audio_too_large", "empty_audio", "not_supported")


@dataclass
class Tally:
    """Count the events, and the errors by code."""

    sent: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> int:
        """Return how many events the parser and the readers of fields have accepted."""
        return self.sent - sum(count for code, count in self.errors.items() if code.startswith(FORM))


@pytest.fixture(params=ROUNDS)
def fuzzed(request: pytest.FixtureRequest, provider: Provider, tmp_path: Path) -> Iterator[tuple[AgentServer, str]]:
    key = {"OPENAI_API_KEY": PROVIDER_KEY, "OPENAI_BASE_URL": provider.url}
    server = AgentServer(tmp_path / "fuzzed", key, TUTOR_ENGINE=request.param, LOCAL_TALKS="8", PROVIDER_TALKS="8")
    server.set_up()
    server.start()
    yield server, request.param
    server.kill()


async def until_processed(talker: Talker, number: int) -> None:
    """Wait until all earlier events are processed. An unknown event is answered by an error with its id."""
    mark = f"mark-{number}"
    await talker.send("the.last", event_id=mark)
    await talker.wait_for("error", within=PATIENT, where=lambda event: event["error"]["event_id"] == mark)


async def fuzz_talk(
    url: str, cookie: str, events: int, chance: random.Random, tally: Tally, *, hands_free: bool
) -> None:
    """Hold one talk, whose events are all mutated. It fails if the server closes the talk or processes no event."""
    async with talking(url, f"fuzzed-{chance.randrange(10**9)}", cookie) as talker:
        await talker.set_up(hands_free=hands_free)
        marks = itertools.count()
        for number in range(events):
            event = valid_event(chance, hands_free=hands_free) | {"event_id": f"event-{number}"}
            await talker.send_raw(mutated(event, chance))
            if number % BATCH == BATCH - 1:
                await until_processed(talker, next(marks))
        await until_processed(talker, next(marks))
        errors = [event["error"] for event in talker.events("error")]
        # One event can have several fields that are refused.
        counted = {(each["event_id"] or uuid.uuid4(), each["code"]) for each in errors}
        tally.errors.update(code for event_id, code in counted if not str(event_id).startswith("mark-"))
        tally.sent += events


async def test_mutated_events_end_no_talk(fuzzed: tuple[AgentServer, str]) -> None:
    server, engine = fuzzed
    rounds, events = ROUNDS[engine]
    seed = random.randrange(2**32)
    print(f"{engine}: seed {seed}")
    tally, memory, chance = Tally(), MemoryWatch(server), random.Random(seed)
    cookies = [new_learner(server.url) for _ in range(2)]
    for _ in range(rounds):
        await asyncio.gather(
            *(
                fuzz_talk(server.url, cookie, events, random.Random(chance.random()), tally, hands_free=hands_free)
                for cookie in cookies
                for hands_free in (False, True)
            )
        )
        memory.end_round()
        print(f"{tally.sent} events, {tally.accepted} accepted, {memory.rounds_mb} MB", flush=True)
    print(f"{engine}: {json.dumps(tally.errors.most_common())}")
    for cookie in cookies:
        kept = httpx.get(f"{server.url}/api/conversations", headers={"Cookie": cookie}, timeout=PATIENT)
        assert kept.status_code == 200
    log = server.log.read_text()
    assert "A talk failed" not in log
    assert "Traceback" not in log
    assert tally.sent == rounds * events * 4
    assert tally.accepted >= tally.sent / 2, tally
    memory.require_flat()
