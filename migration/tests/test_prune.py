"""Pruning deletes old data and keeps newer data, on SQLite with outages, and on PostgreSQL with a real bucket."""

import contextlib
import io
import json
import subprocess
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.utils import timezone

from audio import recordings
from audio.encoding import Clip
from audio.models import Recording
from conversations import database_probe, store
from conversations.changes import conversation_key
from conversations.drafts import Draft
from conversations.models import Conversation, Message
from migration import drain, pruning
from migration.pruning import Down, Pruned, PruneOptions
from tests.clouds import ALIAS, DATABASES, Half
from tests.servers import AgentServer, PostgresServer, S3Server

LEARNER, OTHER = uuid.uuid4(), uuid.uuid4()
NOW = datetime(2026, 11, 22, tzinfo=UTC)
YEAR = timedelta(days=365)
LONG_AGO, LATELY = NOW - 2 * YEAR, NOW - timedelta(days=1)
CUT = NOW - YEAR

# The probe closes this thread's connections.
sqlite = pytest.mark.django_db(databases=DATABASES, transaction=True)


@pytest.fixture
def both(database: Half, bucket: Half) -> tuple[Half, Half]:
    """Turn on a database and a bucket."""
    database.breaker.probe = database_probe.probe
    return database, bucket


def talk(wire_id: str, *moments: datetime, learner: uuid.UUID = LEARNER) -> uuid.UUID:
    """Save a recording at each of these times. Return the conversation's key."""
    drafts = [
        Draft(
            f"{wire_id}-{number}",
            "user",
            f"words {number}",
            at,
            audio=Clip(f"{wire_id}{number}".encode(), "audio/webm", 1.0),
        )
        for number, at in enumerate(moments)
    ]
    store.save(learner, wire_id, columns={"timestamp": moments[0], "title": "mine"}, messages=drafts, replace=False)
    return conversation_key(learner, wire_id)


def alive(using: str = ALIAS) -> set[str]:
    return set(Conversation.objects.using(using).filter(deleted_at=None).values_list("wire_id", flat=True))


def words(using: str = ALIAS) -> set[str]:
    return set(Message.objects.using(using).exclude(content="").values_list("content", flat=True))


def bytes_in(storage: str) -> int:
    folder = Path(storages[storage].path("audio"))
    return len([each for each in folder.iterdir() if each.is_file()]) if folder.exists() else 0


def prune(**wanted: Any) -> Pruned:
    done = Pruned()
    for batch in pruning.prune(PruneOptions(CUT, **wanted)):
        done.add(batch)
    return done


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("storage", "prune", *arguments, stdout=out)
    return out.getvalue()


# Whole conversations


@sqlite
def test_old_conversations_become_tombstones_without_content(both: Any) -> None:
    key = talk("old", LONG_AGO, LONG_AGO)
    prune()
    row = Conversation.objects.using(ALIAS).get(pk=key)
    assert (row.deleted_at is not None, row.erased, row.title) == (True, True, "")
    assert words() == set()
    assert (Recording.objects.using(ALIAS).count(), bytes_in("audio_cloud")) == (0, 0)


@sqlite
def test_newer_conversations_are_kept(both: Any) -> None:
    talk("old", LONG_AGO)
    key = talk("new", LATELY, LATELY)
    before = store.look_up(key)
    prune()
    assert store.look_up(key) == before
    assert (alive(), bytes_in("audio_cloud")) == ({"new"}, 2)


@sqlite
def test_a_resumed_conversation_is_not_old(both: Any) -> None:
    talk("taken up", LONG_AGO, LATELY)
    assert prune() == Pruned()
    assert alive() == {"taken up"}


@sqlite
def test_the_moment_itself_is_not_before(both: Any) -> None:
    talk("on the day", CUT)
    assert not prune().count


@sqlite
def test_one_learners_conversations_can_be_deleted_alone(both: Any) -> None:
    talk("old", LONG_AGO)
    talk("other", LONG_AGO, learner=OTHER)
    assert prune(learners=[OTHER]).conversations == 1
    assert alive() == {"old"}


@sqlite
def test_the_plan_deletes_nothing_and_counts_what_would_be_deleted(both: Any) -> None:
    talk("old", LONG_AGO, LONG_AGO)
    talk("older", LONG_AGO - YEAR)
    talk("new", LATELY)
    planned = pruning.plan(PruneOptions(CUT))
    assert planned == Pruned(2, 3, len("old0old1older0"), LONG_AGO - YEAR, LONG_AGO)
    assert alive() == {"old", "older", "new"}
    assert prune() == planned


@sqlite
def test_a_second_run_has_nothing_to_do(both: Any) -> None:
    talk("old", LONG_AGO)
    prune()
    assert prune() == Pruned()


@sqlite
def test_what_a_learner_deleted_a_minute_ago_can_still_be_brought_back(both: Any) -> None:
    talk("old", LONG_AGO)
    talk("new", LATELY)
    store.delete(LEARNER, "new")
    prune()
    assert store.restore(LEARNER, "new") is not None
    assert "words 0" in words()


@sqlite
def test_many_conversations_are_deleted_in_batches(both: Any) -> None:
    for number in range(2 * pruning.DELETED_AT_ONCE + 1):
        talk(f"old {number}", LONG_AGO)
    assert [batch.conversations for batch in pruning.prune(PruneOptions(CUT))] == [20, 20, 1]
    assert alive() == set()


@sqlite
def test_without_a_cloud_local_conversations_are_deleted(recordings_folder: Path) -> None:
    talk("old", LONG_AGO)
    talk("new", LATELY)
    prune()
    assert (alive("local"), words("local"), bytes_in("audio_local")) == ({"new"}, {"words 0"}, 1)


# Data in the shelter


@sqlite
def test_conversations_in_the_shelter_are_deleted_too(both: tuple[Half, Half]) -> None:
    with both[0].outage(), both[1].outage():
        talk("sheltered", LONG_AGO)
    both[0].breaker.probe = database_probe.probe
    assert prune().conversations == 1
    drain.drain()
    assert (alive(), alive("local"), words(), words("local")) == (set(), set(), set(), set())
    assert (bytes_in("audio_local"), bytes_in("audio_cloud"), Recording.objects.using("local").count()) == (0, 0, 0)


@sqlite
def test_a_conversation_resumed_in_the_shelter_is_not_old(both: tuple[Half, Half]) -> None:
    talk("old", LONG_AGO)
    with both[0].outage():
        store.save(LEARNER, "old", columns={}, messages=[Draft("more", "user", "more", LATELY)], replace=False)
    both[0].breaker.probe = database_probe.probe
    assert not prune().count
    drain.drain()
    assert alive() == {"old"}


# Recordings alone


@sqlite
def test_audio_only_deletes_recordings_and_keeps_the_text(both: Any) -> None:
    talk("old", LONG_AGO)
    assert prune(audio_only=True) == Pruned(0, 1, 4, LONG_AGO, LONG_AGO)
    (message,) = Message.objects.using(ALIAS).all()
    assert (message.content, message.audio_key) == ("words 0", "")
    assert (Recording.objects.using(ALIAS).count(), bytes_in("audio_cloud")) == (0, 0)
    assert alive() == {"old"}


@sqlite
def test_audio_only_deletes_old_recordings_of_a_resumed_conversation(both: Any) -> None:
    talk("taken up", LONG_AGO, LATELY)
    prune(audio_only=True)
    stored = store.get(LEARNER, "taken up")
    assert stored
    assert [bool(message.audio_key) for message in stored.messages] == [False, True]
    assert [recordings.read(row) for row in stored.recordings.values()] == [b"taken up1"]


@sqlite
def test_audio_only_deletes_recordings_that_wait_for_the_bucket(both: tuple[Half, Half]) -> None:
    with both[1].outage():
        talk("old", LONG_AGO)
    assert prune(audio_only=True).recordings == 1
    assert (bytes_in("audio_local"), Recording.objects.using("local").count()) == (0, 0)


@sqlite
def test_audio_only_can_be_limited_to_one_learner(both: Any) -> None:
    talk("old", LONG_AGO)
    talk("other", LONG_AGO, learner=OTHER)
    prune(audio_only=True, learners=[OTHER])
    assert [row.learner for row in Recording.objects.using(ALIAS).all()] == [LEARNER]


# Interruptions and outages


@sqlite
@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("audio_only", [False, True])
def test_nothing_begins_while_a_half_is_down(both: tuple[Half, Half], half: int, audio_only: bool) -> None:
    talk("old", LONG_AGO)
    with both[half].outage():
        with pytest.raises(Down, match=f"The {both[half].breaker.name} is down"):
            prune(audio_only=audio_only)
        with pytest.raises(Down):
            pruning.plan(PruneOptions(CUT, audio_only=audio_only))
    both[0].breaker.probe = database_probe.probe
    assert (alive(), words(), bytes_in("audio_cloud")) == ({"old"}, {"words 0"}, 1)


@sqlite
@pytest.mark.parametrize("audio_only", [False, True])
@pytest.mark.parametrize("half", [0, 1])
def test_a_half_that_goes_down_ends_it_and_the_next_run_does_the_rest(
    both: tuple[Half, Half], half: int, audio_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "LOOKED_AT_ONCE", 2)
    monkeypatch.setattr(pruning, "DELETED_AT_ONCE", 2)
    for number in range(5):
        talk(f"old {number}", LONG_AGO)
    batches = pruning.prune(PruneOptions(CUT, audio_only=audio_only))
    next(batches)
    both[half].goes_down()
    with pytest.raises(Down):
        next(batches)
    both[half].comes_back()
    both[0].breaker.probe = database_probe.probe
    prune(audio_only=audio_only)
    drain.drain()
    assert not prune(audio_only=audio_only).count
    assert (Recording.objects.using(ALIAS).count(), bytes_in("audio_cloud")) == (0, 0)
    assert words() == ({f"words {0}"} if audio_only else set())


class Killed(BaseException):
    """Simulate a killed process."""


@sqlite
@pytest.mark.parametrize("audio_only", [False, True])
@pytest.mark.parametrize("step", ["store.delete", "recordings.remove", "store.erase_deleted"])
def test_after_a_kill_at_any_point_the_next_run_does_the_rest(
    both: Any, step: str, audio_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        talk(f"old {number}", LONG_AGO)
    with monkeypatch.context() as dying, contextlib.suppress(Killed):
        dying.setattr(f"migration.pruning.{step}", dies_at_second_call(step))
        prune(audio_only=audio_only)
    prune(audio_only=audio_only)
    assert (Recording.objects.using(ALIAS).count(), bytes_in("audio_cloud")) == (0, 0)
    assert words() == ({"words 0"} if audio_only else set())
    assert not Message.objects.using(ALIAS).exclude(audio_key="").exists()


def dies_at_second_call(step: str) -> Callable[..., Any]:
    module, _, name = step.partition(".")
    work, calls = getattr({"store": store, "recordings": recordings}[module], name), iter(range(10))

    def call(*arguments: Any, **named: Any) -> Any:
        if next(calls) == (1 if name == "delete" else 0):
            raise Killed
        return work(*arguments, **named)

    return call


# The command


@sqlite
def test_without_a_terminal_it_only_shows(both: Any) -> None:
    talk("old", LONG_AGO)
    with pytest.raises(SystemExit) as ended:
        command("--older-than", "365d")
    assert ended.value.code == 2
    assert alive() == {"old"}


@sqlite
def test_confirmed_it_deletes_and_then_there_is_nothing_to_do(both: Any) -> None:
    talk("old", LONG_AGO)
    assert "Deleted: 1 conversation, 1 recording" in command("--older-than", "365d", "--yes")
    assert "Nothing to do." in command("--older-than", "365d", "--yes")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@sqlite
@pytest.mark.parametrize(("answer", "left"), [("yes\n", set()), ("n\n", {"old"}), ("\n", {"old"})])
def test_at_a_terminal_it_asks(both: Any, monkeypatch: pytest.MonkeyPatch, answer: str, left: set[str]) -> None:
    talk("old", LONG_AGO)
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with contextlib.suppress(SystemExit):
        command("--older-than", "52w")
    assert alive() == left


@sqlite
def test_json_has_the_counts(both: Any) -> None:
    talk("old", LONG_AGO)
    assert json.loads(command("--older-than", "1y", "--audio-only", "--yes", "--json")) == {
        "deleted": True,
        "conversations": 0,
        "recordings": 1,
        "bytes": 4,
        "oldest": LONG_AGO.isoformat(),
        "newest": LONG_AGO.isoformat(),
    }


@sqlite
def test_with_the_cloud_off_recordings_in_the_bucket_keep_their_rows(both: Any, settings: Any) -> None:
    settings.CLOUD_DATABASE = ""
    talk("old", LONG_AGO)
    settings.CLOUD_AUDIO = False
    with pytest.raises(CommandError, match="audio bucket is switched off"):
        command("--older-than", "365d", "--audio-only", "--yes")
    assert (Recording.objects.using("local").count(), bytes_in("audio_cloud")) == (1, 1)


@sqlite
def test_with_the_cloud_down_it_refuses(both: tuple[Half, Half]) -> None:
    talk("old", timezone.now() - 2 * YEAR)
    with both[1].outage(), pytest.raises(CommandError, match="The audio bucket is down"):
        command("--older-than", "365d", "--yes")


@pytest.mark.parametrize("age", ["365", "0d", "-1d", "a year", "1.5y", "123456d"])
def test_an_age_is_a_number_with_its_unit(age: str) -> None:
    with pytest.raises(CommandError, match="365d"):
        command(f"--older-than={age}")


# Real servers

SEED = """
from migration.tests.test_prune import *
talk("old", LONG_AGO, LONG_AGO)
talk("taken up", LONG_AGO, timezone.now())
talk("new", timezone.now())
"""


@pytest.fixture
def house(own_postgres: PostgresServer, own_s3: S3Server, tmp_path: Path) -> AgentServer:
    agent = AgentServer(tmp_path / "data", own_postgres.env, own_s3.env, PYTHONPATH=".")
    agent.set_up()
    agent.manage("shell", "-c", SEED)
    return agent


def test_real_servers_delete_conversations(house: AgentServer, own_postgres: PostgresServer, own_s3: S3Server) -> None:
    said = json.loads(house.manage("storage", "prune", "--older-than", "365d", "--yes", "--json"))
    assert (said["conversations"], said["recordings"]) == (1, 2)
    rows = own_postgres.execute("SELECT wire_id, title, erased FROM conversations_conversation ORDER BY wire_id")
    assert rows == [("new", "mine", False), ("old", "", True), ("taken up", "mine", False)]
    assert sorted(own_s3.objects().values()) == [b"new0", b"taken up0", b"taken up1"]


def test_real_servers_delete_recordings_alone(
    house: AgentServer, own_postgres: PostgresServer, own_s3: S3Server
) -> None:
    house.manage("storage", "prune", "--older-than", "365d", "--audio-only", "--yes")
    assert sorted(own_s3.objects().values()) == [b"new0", b"taken up1"]
    named = own_postgres.execute(
        "SELECT content, audio_key <> '' FROM conversations_message ORDER BY content, audio_key <> ''"
    )
    assert named == [("words 0", False), ("words 0", False), ("words 0", True), ("words 1", False), ("words 1", True)]
    assert own_postgres.execute("SELECT count(*) FROM audio_recording") == [(2,)]


def test_real_servers_delete_nothing_while_one_is_down(
    house: AgentServer, own_postgres: PostgresServer, own_s3: S3Server
) -> None:
    own_s3.kill()
    with pytest.raises(subprocess.CalledProcessError) as refused:
        house.manage("storage", "prune", "--older-than", "365d", "--yes")
    assert refused.value.returncode == 1
    assert "The audio bucket is down" in refused.value.stderr
    assert own_postgres.execute("SELECT count(*) FROM conversations_conversation WHERE erased") == [(0,)]
