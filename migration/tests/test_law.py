"""Changes made during an outage lead to the same result as without the outage.

Hypothesis makes histories: two learners use two servers, each with an outbox of its own. The database and the bucket
fail at any step, a write may fail after it was done, and draining is killed. A calm server without a cloud does the
same at the same moments. In the end, the cloud shows what the calm server shows, recordings byte for byte.

Histories leave out writes to a conversation or message that another server has begun or deleted in its own outbox: the
server that gets them cannot know of it.
"""

import contextlib
import os
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import OperationalError, connections
from django.db.utils import load_backend
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from conversations import outbox, rows, store
from conversations.changes import conversation_key, message_key
from conversations.drafts import Draft
from conversations.lookup import find
from conversations.models import Conversation, LastClear, Message, PendingChange
from conversations.store import ConversationDeleted, OutOfReach
from core import cloud, database_urls
from migration import drain
from tests.clouds import DATABASES, FolderBucket, use_bucket
from tests.servers import MongoServer, PostgresServer

pytestmark = [pytest.mark.django_db(databases=DATABASES, transaction=True), pytest.mark.usefixtures("database")]

START = datetime(2026, 5, 1, tzinfo=UTC)
WIRE_IDS, TURNS = ("conv-1", "conv-2"), ("a", "b", "c")
LEARNERS, SERVERS = range(2), range(2)
# A test that failed must not run again: it would pass with other histories.
SOAK = (pytest.mark.soak, pytest.mark.flaky(reruns=0))
# A conversation as a learner sees it: title, topic, and messages with their words, corrections and recording.
Shown = dict[str, tuple[str, str, list[tuple[str, str, str, bytes]]]]


class Killed(BaseException):
    """End a process in the middle of its work."""


@dataclass
class Place:
    """Hold what one server has on its machine: a local database and a folder of recordings."""

    connection: Any
    audio: FolderBucket
    database: str
    has_bucket: bool


class World:
    """Hold the servers, and switch between them."""

    def __init__(self, folder: Path, database: str) -> None:
        self.servers = [self._place(folder / f"server-{number}", database) for number in SERVERS]
        self.calm = self._place(folder / "calm", "")
        self.now = START

    def _place(self, folder: Path, database: str) -> Place:
        parameters = connections["local"].settings_dict | {"NAME": ":memory:"}
        connection = load_backend(parameters["ENGINE"]).DatabaseWrapper(parameters, "local")
        place = Place(connection, FolderBucket(location=folder), database, bool(database))
        with self.at(place):
            call_command("migrate", database="local", verbosity=0)
        return place

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        before = connections["local"], storages["audio_local"]
        opened = cast(Any, storages)._storages
        # Without pytest-django's fixture, which would keep every value that there was.
        django_settings.CLOUD_DATABASE, django_settings.CLOUD_AUDIO = place.database, place.has_bucket
        connections["local"], opened["audio_local"] = place.connection, place.audio
        try:
            yield
        finally:
            connections["local"], opened["audio_local"] = before


def shown(learner: uuid.UUID) -> Shown:
    found: Shown = {}
    for stored in store.history(learner):
        row = stored.conversation
        messages = []
        for each in stored.messages:
            voice = stored.recordings.get(each.audio_key)
            heard = recordings.read(voice) if voice else each.audio_key.encode()
            messages.append((each.wire_id, each.content, str(each.corrections), heard))
        found[row.wire_id] = row.title, row.topic, messages
    return found


class Histories(RuleBasedStateMachine):
    """Do the same on the stormy servers and on the calm one."""

    world: World
    raising: list[tuple[str, str]]

    @initialize()
    def begin(self) -> None:
        self.learners = [uuid.uuid4() for _ in LEARNERS]
        self.said, self.world.now = 0, START
        for place in [*self.world.servers, self.world.calm]:
            with self.world.at(place):
                PendingChange.objects.using("local").all().delete()
                # Thousands of histories would make reading slow.
                for using in {"local", place.database or "local"}:
                    for model in (Message, Conversation, LastClear, Recording):
                        model.objects.using(using).all().delete()
        for half in cloud.halves:
            half.up = True
        self.raising.clear()

    def both(self, server: int, verb: Callable[[], Any]) -> None:
        """Do it on a server, and on the calm one if it was acknowledged: None and False stand for "there is none"."""
        self.world.now += timedelta(seconds=1)
        with self.world.at(self.world.servers[server]):
            try:
                done = verb()
            except (OutOfReach, ConversationDeleted):
                return
        if done is None or done is False:
            return
        with self.world.at(self.world.calm), contextlib.suppress(ConversationDeleted):
            verb()

    def knows(self, server: int, learner: uuid.UUID, wire_id: str) -> bool:
        """Return whether the server knows of a deletion, if there was one, and if it has come back, of that."""
        with self.world.at(self.world.calm):
            there = store.get(learner, wire_id) is not None
            deleted = store.is_deleted(learner, wire_id)
        with self.world.at(self.world.servers[server]):
            found = find(conversation_key(learner, wire_id), learner)
            is_cleared = found.both is None and found.cleared_at is not None
            return not (deleted and not store.is_deleted(learner, wire_id)) and not (there and is_cleared)

    def misses(self, server: int, learner: uuid.UUID, wire_id: str) -> bool:
        """Return whether the server is sure that there is no such conversation, while it waits at the other server."""
        with self.world.at(self.world.servers[server]):
            found = find(conversation_key(learner, wire_id), learner)
            return found.reached and found.both is None and self.waits_elsewhere(server)

    def agree(self, server: int, learner: uuid.UUID, wire_id: str, turn: str) -> bool:
        """Return whether the server and the calm one see the same of a message: that it is there, or that it is not."""
        key, seen = conversation_key(learner, wire_id), []
        for place in (self.world.servers[server], self.world.calm):
            with self.world.at(place):
                found = find(key, learner).both
                message = found.messages.get(message_key(key, turn)) if found else None
                seen.append(message is not None and message.deleted_at is None)
        return seen[0] == seen[1]

    def drafts(self, turns: list[str], *, voices: bool) -> list[Draft]:
        drafts = []
        for turn in turns:
            self.said += 1
            voice = Clip(f"voice {self.said}".encode(), "audio/webm", 1.0) if voices else None
            drafts.append(Draft(turn, "user", f"words {self.said}", START + timedelta(minutes=self.said), audio=voice))
        return drafts

    learner = st.sampled_from(LEARNERS)
    server = st.sampled_from(SERVERS)
    wire_id = st.sampled_from(WIRE_IDS)
    turn = st.sampled_from(TURNS)

    @rule(learner=learner, server=server, wire_id=wire_id, turn=turn, voices=st.booleans())
    def append(self, learner: int, server: int, wire_id: str, turn: str, voices: bool) -> None:
        who, drafts = self.learners[learner], self.drafts([turn], voices=voices)
        if self.knows(server, who, wire_id):
            self.both(server, lambda: store.save(who, wire_id, columns={}, messages=drafts, replace=False))

    @rule(learner=learner, server=server, wire_id=wire_id, turns=st.lists(turn, unique=True), named=st.booleans())
    def replace(self, learner: int, server: int, wire_id: str, turns: list[str], named: bool) -> None:
        who, drafts = self.learners[learner], self.drafts(turns, voices=named)
        columns = {"title": f"title {self.said}"} if named else {"topic": f"topic {self.said}"}
        self.both(server, lambda: store.save(who, wire_id, columns=columns, messages=drafts))

    @rule(learner=learner, server=server, wire_id=wire_id)
    def rename(self, learner: int, server: int, wire_id: str) -> None:
        who, self.said = self.learners[learner], self.said + 1
        title = f"title {self.said}"
        if self.knows(server, who, wire_id):
            self.both(server, lambda: store.change(who, wire_id, {"title": title}))

    @rule(learner=learner, server=server, wire_id=wire_id, turn=turn)
    def correct(self, learner: int, server: int, wire_id: str, turn: str) -> None:
        who, self.said = self.learners[learner], self.said + 1
        words, corrections = f"words {self.said}", [{"said": f"{self.said}"}]
        if self.knows(server, who, wire_id) and self.agree(server, who, wire_id, turn):
            self.both(server, lambda: store.replace_words(who, wire_id, turn, words, corrections))

    @rule(learner=learner, server=server, wire_id=wire_id, turn=turn)
    def drop(self, learner: int, server: int, wire_id: str, turn: str) -> None:
        who = self.learners[learner]
        if self.knows(server, who, wire_id) and not self.misses(server, who, wire_id):
            self.both(server, lambda: [store.drop_message(who, wire_id, turn)])  # type: ignore[func-returns-value]

    @rule(learner=learner, server=server, wire_id=wire_id)
    def delete(self, learner: int, server: int, wire_id: str) -> None:
        who = self.learners[learner]
        self.both(server, lambda: store.delete(who, wire_id))

    @rule(learner=learner, server=server, wire_id=wire_id)
    def restore(self, learner: int, server: int, wire_id: str) -> None:
        who = self.learners[learner]
        if self.knows(server, who, wire_id):
            self.both(server, lambda: store.restore(who, wire_id))

    @rule(learner=learner, server=server)
    def clear(self, learner: int, server: int) -> None:
        who = self.learners[learner]
        self.both(server, lambda: store.clear(who))

    @rule(learner=learner, server=server, wire_id=wire_id, turn=turn)
    def bring_in(self, learner: int, server: int, wire_id: str, turn: str) -> None:
        who, drafts = self.learners[learner], self.drafts([turn], voices=True)
        # An import that fails after its write is refused, and may be there all the same.
        self.raising.clear()
        if not self.waits_elsewhere(server):
            self.both(server, lambda: store.add(who, wire_id, columns={"title": "brought in"}, messages=drafts))

    @rule(half=st.sampled_from(cloud.halves))
    def fail(self, half: cloud.Breaker) -> None:
        half.trip(OperationalError("connection refused"))

    @rule(half=st.sampled_from(cloud.halves))
    def recover(self, half: cloud.Breaker) -> None:
        half.up = True

    @precondition(lambda self: cloud.database.up)
    @rule(when=st.sampled_from(["before", "after"]))
    def fail_at_the_next_write(self, when: str) -> None:
        self.raising[:] = [("write", when)]

    @rule(server=server, step=st.sampled_from(["", "write", "remove"]), when=st.sampled_from(["before", "after"]))
    def drain(self, server: int, step: str, when: str) -> None:
        if step:
            self.raising[:] = [(f"kill at {step}", when)]
        with self.world.at(self.world.servers[server]), contextlib.suppress(Killed):
            drain.drain()
        self.raising.clear()

    @precondition(lambda self: all(half.up for half in cloud.halves))
    @rule()
    def erase(self) -> None:
        """Let the time for an undo pass, and erase what was deleted. What is erased in an outage is tested elsewhere."""
        self.raising.clear()
        for place in self.world.servers:
            with self.world.at(place):
                drain.drain()
        self.world.now += store.UNDO + timedelta(seconds=1)
        for place in [*self.world.servers, self.world.calm]:
            with self.world.at(place), contextlib.suppress(cloud.Unavailable):
                store.erase_deleted()

    @rule(learner=learner, server=server, wire_id=wire_id)
    def read(self, learner: int, server: int, wire_id: str) -> None:
        """While all is up and nothing waits at the other server, each way of reading shows what is so."""
        if not all(half.up for half in cloud.halves) or self.waits_elsewhere(server):
            return
        self.raising.clear()
        who, key = self.learners[learner], conversation_key(self.learners[learner], wire_id)
        seen = []
        for place in (self.world.servers[server], self.world.calm):
            with self.world.at(place):
                one, any_state = store.get(who, wire_id), store.look_up(key)
                words = [[row.content for row in each.messages] if each else None for each in (one, any_state)]
                seen.append((shown(who), words[0], words[1] if one else None))
        assert seen[0] == seen[1]

    def waits_elsewhere(self, server: int) -> bool:
        with self.world.at(self.world.servers[1 - server]):
            return (
                PendingChange.objects.using("local").exists() or drain.waiting.recordings(can_move_now=False).exists()
            )

    def teardown(self) -> None:
        for half in cloud.halves:
            half.up = True
        self.raising.clear()
        for place in self.world.servers:
            with self.world.at(place):
                assert drain.drain().failed == {}
                assert not PendingChange.objects.using("local").exists()
        self.world.now += store.UNDO + timedelta(seconds=1)
        ends = []
        for place in (self.world.servers[0], self.world.calm):
            with self.world.at(place):
                using = place.database or "local"
                store.erase_deleted()
                kept = Message.objects.using(using).filter(learner__in=self.learners).exclude(content="")
                there = Conversation.objects.using(using).filter(learner__in=self.learners, deleted_at=None)
                words, alive = set(kept.values_list("content", flat=True)), there.count()
                ends.append(([shown(learner) for learner in self.learners], words, alive))
        assert ends[0] == ends[1]


def trip(breaker: cloud.Breaker, error: Exception) -> None:
    """Open a breaker that stays open until the history closes it."""
    breaker.up, breaker._cause = False, str(error)


def run_histories(
    database: str, settings_: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, examples: int, seed: int | None
) -> None:
    """Run histories of a fixed seed, or of a new one, which is printed. `LAW_SEED=N` repeats it."""
    use_bucket(settings_, "tests.clouds.FolderBucket", {"location": tmp_path / "bucket"})
    world, raising = World(tmp_path, database), list[tuple[str, str]]()
    monkeypatch.setattr(timezone, "now", lambda: world.now)
    monkeypatch.setattr(cloud.Breaker, "trip", trip)

    def may_raise(owner: Any, name: str, step: str) -> None:
        original = getattr(owner, name)

        def raises(*args: Any, **kwargs: Any) -> Any:
            if not raising or step not in raising[0][0] or (step == "write" and args[0] != database):
                return original(*args, **kwargs)
            what, when = raising.pop()
            if when == "after":
                original(*args, **kwargs)
            raise Killed if what.startswith("kill") else OperationalError("the connection was lost")

        monkeypatch.setattr(owner, name, raises)

    may_raise(rows, "write", "write")
    may_raise(outbox, "remove", "remove")
    machine = type("SomeHistories", (Histories,), {"world": world, "raising": raising})
    seed = int(os.environ.get("LAW_SEED") or (random.randrange(10**9) if seed is None else seed))
    print(f"LAW_SEED={seed}")
    hypothesis.seed(seed)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


@contextmanager
def real_database(alias: str, parameters: dict[str, Any]) -> Iterator[None]:
    """Let this alias stand for a database of a real server."""
    before = connections[alias] if alias in connections.databases else None
    parameters = connections["local"].settings_dict | parameters
    connections[alias] = load_backend(parameters["ENGINE"]).DatabaseWrapper(parameters, alias)
    try:
        call_command("migrate", database=alias, verbosity=0)
        yield
    finally:
        connections[alias].close()
        del connections[alias]
        if before:
            connections[alias] = before


@pytest.mark.parametrize(("seed", "examples"), [(0, 465), pytest.param(None, 18_000, marks=SOAK)])
def test_on_sqlite(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int | None, examples: int
) -> None:
    run_histories("cloud", settings, tmp_path, monkeypatch, examples=examples, seed=seed)


@pytest.mark.parametrize(("seed", "examples"), [(0, 20), pytest.param(None, 1_000, marks=SOAK)])
def test_on_postgresql(
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_postgres: PostgresServer,
    seed: int | None,
    examples: int,
) -> None:
    with real_database("cloud", database_urls.postgresql(own_postgres.env["DATABASE_URL"])):
        run_histories("cloud", settings, tmp_path, monkeypatch, examples=examples, seed=seed)


@pytest.mark.parametrize(("seed", "examples"), [(0, 15), pytest.param(None, 1_000, marks=SOAK)])
def test_on_mongodb(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mongo: MongoServer, seed: int | None, examples: int
) -> None:
    # A database of its own, because other tests use this server.
    with real_database("mongodb", database_urls.mongodb(mongo.env["MONGODB_URI"]) | {"NAME": "law"}):
        run_histories("mongodb", settings, tmp_path, monkeypatch, examples=examples, seed=seed)
