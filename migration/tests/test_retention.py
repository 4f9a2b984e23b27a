"""Expired data is erased in the cloud and on this machine. After an outage, erasing catches up."""

import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audio.models import Recording
from conversations import database_probe, preferences
from conversations.models import LearnerPreferences
from core.cloud import LOCAL
from migration import retention
from migration.pruning import Down, Pruned
from migration.tests.test_prune import ALIAS, DATABASES, LEARNER, OTHER, alive, bytes_in, talk, words
from tests.clouds import Half

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)

NOW = timezone.now()
OLD, LATE = NOW - timedelta(days=40), NOW - timedelta(days=2)


@pytest.fixture
def both(database: Half, bucket: Half) -> tuple[Half, Half]:
    """Turn on a database and a bucket."""
    database.breaker.probe = database_probe.probe
    return database, bucket


def choose_long_ago(days: int, learner: uuid.UUID = LEARNER) -> None:
    """Choose a time some hours ago, when it could still be undone."""
    preferences.choose(learner, retention_days=days)
    LearnerPreferences.objects.using(ALIAS).filter(pk=learner).update(stamps={"retention_days": 1})


def expire(*, by_rules: bool = True) -> Pruned:
    done = Pruned()
    for batch in retention.steps(by_rules=by_rules):
        done.add(batch)
    return done


def test_without_settings_and_choices_nothing_is_erased(both: Any):
    talk("old", OLD)
    assert list(retention.rules(NOW)) == []
    assert expire().count == 0
    assert alive() == {"old"}


def test_the_site_erases_old_conversations_with_their_bytes(both: Any, settings: Any):
    settings.RETENTION_DAYS = 30
    talk("old", OLD)
    talk("long", OLD, LATE)
    talk("late", LATE)
    assert expire().conversations == 1
    assert alive() == {"long", "late"}
    assert words() == {"words 0", "words 1"}
    assert bytes_in("audio_cloud") == 3
    assert not Recording.objects.using(ALIAS).filter(key__contains="old").exists()


def test_the_site_erases_old_recordings_and_keeps_the_words(both: Any, settings: Any):
    settings.AUDIO_RETENTION_DAYS = 30
    talk("long", OLD, LATE)
    assert expire().recordings == 1
    assert (alive(), words(), bytes_in("audio_cloud")) == ({"long"}, {"words 0", "words 1"}, 1)


def test_a_learner_may_choose_a_shorter_time(both: Any, settings: Any):
    settings.RETENTION_DAYS = 365
    choose_long_ago(7)
    talk("mine", OLD)
    talk("yours", OLD, learner=OTHER)
    assert expire().conversations == 1
    assert alive() == {"yours"}


def test_a_shorter_time_can_be_undone_for_ten_minutes(both: Any):
    talk("mine", OLD)
    preferences.choose(LEARNER, retention_days=7)
    assert expire().count == 0
    assert alive() == {"mine"}


@pytest.mark.parametrize("half", [0, 1], ids=["database", "bucket"])
def test_in_an_outage_nothing_is_erased_and_afterwards_all_of_it(both: tuple[Half, Half], settings: Any, half: int):
    settings.RETENTION_DAYS = 30
    talk("before", OLD)
    with both[half].outage():
        # Both wait on this machine, at least with their recordings.
        talk("during", OLD)
        with pytest.raises(Down):
            expire()
    assert expire().conversations == 2
    assert (alive(), alive(LOCAL), words(), words(LOCAL)) == (set(), set(), set(), set())
    assert (bytes_in("audio_cloud"), bytes_in("audio_local")) == (0, 0)
    assert not any(Recording.objects.using(alias).exists() for alias in (ALIAS, LOCAL))


def test_a_learner_can_erase_all_recordings(both: Any):
    talk("mine", OLD, LATE)
    talk("yours", OLD, learner=OTHER)
    preferences.choose(LEARNER, erase_audio_before=NOW)
    assert expire(by_rules=False).recordings == 2
    assert words() == {"words 0", "words 1"}
    assert bytes_in("audio_cloud") == 1
    assert preferences.of(LEARNER).erase_audio_before is None
    assert expire(by_rules=False).count == 0


def test_erasing_that_was_asked_for_in_an_outage_is_done_afterwards(both: tuple[Half, Half]):
    talk("before", OLD)
    database, _ = both
    with database.outage():
        talk("during", OLD)
        preferences.choose(LEARNER, erase_audio_before=NOW)
        with pytest.raises(Down):
            expire(by_rules=False)
    assert expire(by_rules=False).recordings == 2
    assert (bytes_in("audio_cloud"), bytes_in("audio_local")) == (0, 0)
    assert LearnerPreferences.objects.using(ALIAS).get().erase_audio_before is None


def test_a_later_request_to_erase_is_not_lost(both: Any):
    first = preferences.choose(LEARNER, erase_audio_before=OLD)
    preferences.choose(LEARNER, erase_audio_before=NOW)
    preferences.audio_was_erased(first)
    assert preferences.of(LEARNER).erase_audio_before == NOW


def test_recordings_that_a_server_made_after_a_refusal_are_erased(both: Any):
    talk("kept", OLD, LATE)
    refused_at = NOW - timedelta(days=3)
    # Chosen on another server, and not known here yet.
    LearnerPreferences.objects.using(ALIAS).create(learner=LEARNER, audio_refused_at=refused_at, updated_at=NOW)
    LearnerPreferences.objects.using(ALIAS).create(learner=uuid.uuid4(), audio_refused_at=refused_at, updated_at=NOW)
    assert len(list(retention.rules(NOW))) == 1
    assert expire().recordings == 1
    assert Recording.objects.using(ALIAS).get().created_at == OLD
    assert list(retention.rules(NOW)) == []


def test_only_one_process_erases(both: Any, settings: Any, monkeypatch: pytest.MonkeyPatch):
    settings.RETENTION_DAYS = 30
    talk("one", OLD)
    first = retention.steps(by_rules=True)
    next(first)
    talk("two", OLD)
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert expire().count == 0
    first.close()
    assert expire().conversations == 1


def prune(*arguments: str) -> tuple[str, int]:
    out = io.StringIO()
    try:
        call_command("storage", "prune", *arguments, stdout=out)
    except SystemExit as ended:
        return out.getvalue(), int(str(ended.code))
    return out.getvalue(), 0


def test_the_command_shows_what_is_due(both: Any, settings: Any):
    settings.RETENTION_DAYS, settings.AUDIO_RETENTION_DAYS = 30, 20
    choose_long_ago(7, OTHER)
    talk("old", OLD)
    talk("late", LATE)
    said, code = prune()
    assert code == 2
    assert f"Conversations from before {NOW - timedelta(days=30):%Y-%m-%d}: 1 conversation, 1 recording" in said
    assert f"Recordings from before {NOW - timedelta(days=20):%Y-%m-%d}: 0 conversations, 1 recording" in said
    # Nothing is due by the other learner's choice.
    assert "of 1 learner" not in said
    assert alive() == {"old", "late"}
    assert json.loads(prune("--json", "--yes")[0])["conversations"] == 1
    assert alive() == {"late"}
    assert prune()[1] == 0


def test_the_command_needs_an_age_for_one_learner(both: Any):
    with pytest.raises(CommandError, match="--older-than 365d"):
        prune("--audio-only")
