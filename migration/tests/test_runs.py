"""One run at a time writes to a destination. Runs can be stopped, resumed, lost and shown."""

import io
import json
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from django.utils import timezone

from core import cloud
from migration import copying, runs, selection, stores
from migration.models import LEASE, Claim, Run
from migration.run_options import RunOptions
from migration.tests.talks import file_of, keys, talk, titles
from tests.clouds import ALIAS, DATABASES, wait_for

pytestmark = [
    pytest.mark.django_db(databases=DATABASES, transaction=True),
    pytest.mark.usefixtures("database", "bucket"),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "HEARTBEAT", 0.01)
    monkeypatch.setattr(copying, "PAUSE", 0.0)


def begin(**options: Any) -> Run:
    return runs.begin("local", "cloud", RunOptions(**options))


def lose(run: Run) -> None:
    """Make the run look as if its process was killed a minute ago."""
    ago = timezone.now() - timedelta(minutes=1)
    Run.objects.filter(pk=run.pk).update(seen_at=ago, holder="gone:1:1")
    Claim.objects.update(until=ago, holder="gone:1:1")


def stop_at_once(run: Run) -> Run:
    run.stop_requested = True
    return runs.work(run)


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("storage", "migrate", *arguments, stdout=out)
    return out.getvalue()


def report(*arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(command("--yes", "--json", *arguments))
    return told


# A run


def test_a_run_leaves_its_counts() -> None:
    talk("hello")
    runs.work(begin())
    row = Run.objects.get()
    assert (row.state, row.plan) == ("done", {"conversations": 1, "recordings": 1, "bytes": 5})
    assert (row.counts["conversations"], row.counts["recordings"], row.counts["bytes"]) == (1, 1, 5)
    assert runs.seen(row) == 2
    assert row.finished_at


def test_what_could_not_be_copied_makes_it_failed() -> None:
    row = talk("hello")
    file_of(row).unlink()
    run = runs.work(begin())
    assert (run.state, run.failed) == ("failed", {row.key: "its file is missing"})


def test_a_failed_run_is_resumed_when_the_cause_is_gone() -> None:
    row = talk("hello")
    file_of(row).unlink()
    run = runs.work(begin())
    file_of(row).write_bytes(b"hello")
    again = runs.work(runs.resume(run.pk))
    assert (again.pk, again.state, again.failed) == (run.pk, "done", {})
    assert keys(ALIAS) == {row.key}


def test_a_database_error_in_the_middle_is_a_failed_run_that_is_resumed() -> None:
    talk("hello")
    connections[ALIAS].cursor().execute("ALTER TABLE conversations_message RENAME TO gone")
    try:
        run = runs.work(begin())
    finally:
        connections[ALIAS].cursor().execute("ALTER TABLE gone RENAME TO conversations_message")
    assert run.state == "failed"
    assert "conversations_message" in run.error
    assert runs.work(runs.resume(run.pk)).state == "done"
    assert Run.objects.get().error == ""
    assert titles(ALIAS) == {"hello"}


def test_a_query_that_is_never_answered_ends_in_time() -> None:
    talk("hello")
    limits: list[float | None] = []
    runs.work(begin(), lambda run: limits.append(cloud.seconds_left()))
    assert set(limits) == {cloud.PATIENCE_ELSEWHERE}
    assert cloud.seconds_left() is None


def test_an_error_without_a_message_has_that_of_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def times_out(*arguments: Any) -> None:
        raise DatabaseError from TimeoutError("127.0.0.1: timed out")

    talk("hello")
    monkeypatch.setattr(copying.Copying, "_write", times_out)
    assert runs.work(begin()).error == "127.0.0.1: timed out"


def test_in_the_background_it_comes_to_its_end() -> None:
    talk("hello")
    runs.in_background(begin())
    wait_for(lambda: Run.objects.get().state == "done")
    assert titles(ALIAS) == {"hello"}
    wait_for(lambda: not any(thread.name.startswith("run-") for thread in threading.enumerate()))


def test_a_run_that_is_done_is_not_repeated() -> None:
    run = runs.work(begin())
    talk("hello")
    runs.work(runs.resume(run.pk))
    assert titles(ALIAS) == set()


# One at a time


def test_a_second_run_is_refused_and_names_the_first() -> None:
    run = begin()
    with pytest.raises(runs.RunInProgress, match=f"{run.holder}, since .* from local"):
        runs.begin("local", "cloud")


def test_the_refusal_names_the_running_run_and_not_a_lost_one() -> None:
    lose(begin())
    run = begin()
    with pytest.raises(runs.RunInProgress, match=run.holder):
        begin()


def test_another_destination_can_be_claimed() -> None:
    begin()
    assert runs.begin("cloud", "local").state == "running"


def test_the_destination_is_free_after_the_run() -> None:
    runs.work(begin())
    assert begin().state == "running"


def test_a_run_that_takes_long_keeps_its_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    talk("hello")
    run = begin()
    Claim.objects.update(until=timezone.now())

    def told(_: Run) -> None:
        wait_for(lambda: Claim.objects.get().until > timezone.now() + LEASE / 2)

    assert runs.work(run, told).state == "done"


@pytest.mark.parametrize(
    ("source", "destination", "told"),
    [
        ("local", "local", "are the same"),
        ("local", "nowhere", "no store 'nowhere'"),
        ("local", "s3://other-bucket", "no store|A bucket alone"),
    ],
)
def test_impossible_pairs_of_stores_are_refused(source: str, destination: str, told: str) -> None:
    with pytest.raises((ValueError, stores.Unknown), match=told):
        runs.begin(source, destination)
    assert not Run.objects.exists()


def test_a_dry_run_of_an_earlier_version_is_resumed_as_one() -> None:
    talk("hello")
    run = begin()
    lose(run)
    Run.objects.update(options={"learner": None, "since": "2026-01-31", "workers": 2, "reads_back": False, "dry": True})
    done = runs.work(runs.resume(run.pk))
    assert (done.state, done.counts["recordings"]) == ("done", 1)
    assert not keys(ALIAS)


# Stopped, and resumed


def test_a_run_is_stopped_after_the_batch_under_way_and_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "ROWS_AT_ONCE", 2)
    for number in range(10):
        talk(f"number {number}")
    run = begin()

    def told(run: Run) -> None:
        runs.stop(run.pk)
        wait_for(lambda: run.stop_requested)

    runs.work(run, told)
    assert Run.objects.get().state == "stopped"
    assert 0 < len(keys(ALIAS)) < 10
    done = runs.work(runs.resume(run.pk))
    assert (done.state, len(keys(ALIAS)), len(titles(ALIAS))) == ("done", 10, 10)
    assert done.counts["recordings_same"] > 0


def test_ctrl_c_stops_the_run() -> None:
    talk("hello")

    def interrupted(_: Run) -> None:
        raise KeyboardInterrupt

    runs.work(begin(), interrupted)
    assert Run.objects.get().state == "stopped"
    assert begin()


def test_a_killed_run_is_lost_and_resumed_by_another() -> None:
    talk("hello")
    run = begin()
    assert not runs.is_lost(run)
    lose(run)
    assert runs.is_lost(Run.objects.get())
    assert runs.work(runs.resume(run.pk)).state == "done"
    assert titles(ALIAS) == {"hello"}


def test_a_run_that_was_taken_over_stops_and_overwrites_nothing() -> None:
    talk("hello")
    run = begin()

    def taken_over(run: Run) -> None:
        Run.objects.filter(pk=run.pk).update(holder="other:1:1", state="running")
        Claim.objects.update(holder="other:1:1", until=timezone.now() + LEASE)
        wait_for(lambda: run.stop_requested)

    assert runs.work(run, taken_over).state == "stopped"
    row = Run.objects.get()
    assert (row.holder, row.state) == ("other:1:1", "running")
    assert Claim.objects.get().holder == "other:1:1"


def test_an_unknown_run_is_an_error() -> None:
    with pytest.raises(CommandError, match="There is no run"):
        command("--resume", str(uuid.uuid4()))


# The command


def test_the_command_says_what_it_did() -> None:
    talk("hello")
    said = command("--yes")
    assert "1 conversation and 1 recording (5 bytes) copied; 0 and 0 were there already." in said


def test_json_is_one_line_with_all_counts() -> None:
    talk("hello")
    told = report()
    assert (told["state"], told["conversations"], told["recordings"], told["failed"]) == ("done", 1, 1, {})
    assert (told["from"], told["to"], told["dry_run"]) == ("local", "cloud", False)


def test_a_failure_is_named_and_the_exit_code_is_1() -> None:
    row = talk("hello")
    file_of(row).unlink()
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("storage", "migrate", "--yes", stdout=out)
    assert ended.value.code == 1
    assert f"NOT copied: {row.key}: its file is missing." in out.getvalue()
    assert f"--resume {Run.objects.get().pk}" in out.getvalue()


def test_without_a_terminal_the_copy_is_not_confirmed() -> None:
    talk("hello")
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("storage", "migrate", stdout=out)
    assert "local has 1 conversation and 1 recording (5 bytes)." in out.getvalue()
    assert "Nothing was copied" in out.getvalue()
    assert not Run.objects.exists()


def test_a_dry_run_asks_nothing_and_copies_nothing() -> None:
    talk("hello")
    assert "would be copied" in command("--dry-run")
    assert titles(ALIAS) == set()


def test_the_command_resumes() -> None:
    talk("hello")
    run = stop_at_once(begin())
    assert "copied" in command("--resume", str(run.pk))
    assert Run.objects.get().state == "done"


def test_the_source_is_deleted_when_asked_for() -> None:
    talk("hello")
    assert report("--delete-source")["deleted"] == {"conversations": 1, "recordings": 1, "kept": 0}
    assert titles("local") == set()


def test_after_a_failure_nothing_is_deleted() -> None:
    row, other = talk("hello"), talk("world")
    file_of(row).unlink()
    with pytest.raises(SystemExit):
        command("--yes", "--delete-source")
    assert (titles("local"), file_of(other).exists()) == ({"hello", "world"}, True)


def test_a_busy_destination_is_an_error_that_names_the_holder() -> None:
    run = begin()
    with pytest.raises(CommandError, match=run.holder):
        command("--yes")


def test_learner_and_since_reach_the_copy() -> None:
    learner = uuid.uuid4()
    talk("mine", learner=learner)
    talk("theirs")
    report("--learner", str(learner), "--since", "2026-01-31")
    assert titles(ALIAS) == {"mine"}


def test_an_invalid_date_is_an_error() -> None:
    with pytest.raises(CommandError, match="write 2026-01-31"):
        command("--yes", "--since", "yesterday")


def test_progress_is_saved_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "ROWS_AT_ONCE", 1)
    for number in range(3):
        talk(f"number {number}")
    seen: list[int] = []

    def told(run: Run) -> None:
        wait_for(lambda: runs.seen(Run.objects.get()) == runs.seen(run))
        seen.append(runs.seen(run))

    runs.work(begin(), told)
    assert seen == sorted(seen)
    assert seen[-1] > 0
