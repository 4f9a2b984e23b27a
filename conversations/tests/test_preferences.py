"""A learner's choices about privacy hold at once, also while the database is down, and are merged column by column."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.files.storage import storages
from django.db import connections
from django.utils import timezone

from audio.encoding import Clip
from audio.models import Recording
from conversations import preferences, store
from conversations.drafts import Draft
from conversations.merging import stamp_of
from conversations.models import LearnerPreferences
from tests.clouds import ALIAS, DATABASES, Half

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)

LEARNER = uuid.UUID(int=7)
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def forget() -> None:
    """Let this server know nothing that it has read before, as after KNOWN_FOR seconds."""
    caches["memory"].clear()


def say(wire_id: str = "talk") -> store.StoredConversation:
    draft = Draft("user-1", "user", "I speak.", NOW, audio=Clip(wire_id.encode(), "audio/webm", 1.0))
    return store.save(LEARNER, wire_id, columns={}, messages=[draft], replace=False)


def files() -> list[Path]:
    """Return every file of the local storage and of the bucket."""
    there = [Path(storages[name].path("")) for name in ("audio_local", "audio_cloud") if name in storages.backends]
    return [path for folder in there for path in folder.rglob("*") if path.is_file()]


def test_without_a_choice_recordings_are_kept_until_they_are_deleted(settings: Any):
    assert preferences.of(LEARNER).keeps_audio
    assert preferences.retention_days(preferences.of(LEARNER)) == (None, None)
    assert preferences.kept_until(NOW, LEARNER) is None
    assert say().recordings


@pytest.mark.parametrize(
    ("site", "audio", "own", "expected"),
    [
        (0, 0, 30, (30, 30)),
        (365, 0, None, (365, 365)),
        (365, 30, None, (365, 30)),
        (90, 30, 7, (7, 7)),
        (30, 0, 365, (30, 30)),
        (0, 30, None, (None, 30)),
    ],
)
def test_the_shortest_time_counts(settings: Any, site: int, audio: int, own: int | None, expected: Any):
    settings.RETENTION_DAYS, settings.AUDIO_RETENTION_DAYS = site, audio
    assert preferences.retention_days(preferences.choose(LEARNER, retention_days=own)) == expected


def test_a_refusal_keeps_words_and_no_bytes(database: Half, bucket: Half):
    preferences.choose(LEARNER, audio_refused_at=timezone.now())
    stored = say()
    assert [(row.content, row.audio_key) for row in stored.messages] == [("I speak.", "")]
    assert files() == []
    assert not any(Recording.objects.using(alias).exists() for alias in (ALIAS, "local"))


def test_a_refusal_concerns_no_other_learner_and_can_be_taken_back():
    preferences.choose(uuid.uuid4(), audio_refused_at=timezone.now())
    assert say("before").recordings
    preferences.choose(LEARNER, audio_refused_at=timezone.now())
    assert not say("refused").recordings
    preferences.choose(LEARNER, audio_refused_at=None)
    assert say("after").recordings


def test_a_refusal_during_an_outage_holds_at_once_and_afterwards(database: Half, bucket: Half):
    database.goes_down()
    preferences.choose(LEARNER, audio_refused_at=timezone.now())
    forget()
    assert not say("during").recordings
    database.comes_back()
    preferences.move_pending()
    forget()
    assert not say("after").recordings
    assert not LearnerPreferences.objects.using("local").exists()
    assert LearnerPreferences.objects.using(ALIAS).get().keeps_audio is False
    assert files() == []


def test_a_refusal_that_this_server_has_read_holds_in_an_outage(database: Half, monkeypatch: pytest.MonkeyPatch):
    LearnerPreferences.objects.using(ALIAS).create(learner=LEARNER, audio_refused_at=NOW, updated_at=NOW)
    assert not preferences.of(LEARNER).keeps_audio
    database.goes_down()
    assert not say().recordings
    # Also when what was read would be read again otherwise.
    monkeypatch.setattr(time, "time", lambda: datetime.now(UTC).timestamp() + 2 * preferences.KNOWN_FOR)
    assert not say("later").recordings
    # And it can be taken back.
    assert preferences.choose(LEARNER, audio_refused_at=None).keeps_audio
    assert say("allowed").recordings


def test_choices_of_an_outage_change_only_what_was_chosen_then(database: Half):
    preferences.choose(LEARNER, retention_days=30)
    forget()
    with database.outage():
        assert preferences.choose(LEARNER, audio_refused_at=NOW).retention_days is None
    assert preferences.of(LEARNER).retention_days == 30
    preferences.move_pending()
    forget()
    chosen = preferences.of(LEARNER)
    assert (chosen.retention_days, chosen.keeps_audio) == (30, False)


def test_a_later_choice_is_not_undone_by_one_that_waited(database: Half):
    with database.outage():
        preferences.choose(LEARNER, audio_refused_at=NOW, retention_days=7)
    # Another server, whose database was never down.
    later = {"audio_refused_at": 9_999_999_999_999}
    LearnerPreferences.objects.using(ALIAS).create(learner=LEARNER, stamps=later, updated_at=timezone.now())
    preferences.move_pending()
    forget()
    chosen = preferences.of(LEARNER)
    assert (chosen.keeps_audio, chosen.retention_days) == (True, 7)


def test_a_choice_holds_although_another_servers_clock_is_ahead():
    ahead = timezone.now() + timedelta(minutes=5)
    stamps = {"audio_refused_at": stamp_of(ahead)}
    LearnerPreferences.objects.using("local").create(learner=LEARNER, stamps=stamps, updated_at=ahead)
    assert not preferences.choose(LEARNER, audio_refused_at=NOW).keeps_audio


def test_a_reader_that_was_overtaken_does_not_undo_a_refusal(monkeypatch: pytest.MonkeyPatch):
    merge = preferences._with_waiting

    def overtaken(learner: uuid.UUID, chosen: LearnerPreferences) -> LearnerPreferences:
        monkeypatch.undo()
        preferences.choose(learner, audio_refused_at=NOW)
        return merge(learner, chosen)

    monkeypatch.setattr(preferences, "_with_waiting", overtaken)
    preferences.of(LEARNER)
    assert not preferences.of(LEARNER).keeps_audio


def test_choices_made_at_the_same_time_do_not_undo_each_other():
    def choose(columns: dict[str, Any]) -> None:
        try:
            preferences.choose(LEARNER, **columns)
        finally:
            connections.close_all()

    choices = [{"retention_days": 30}, {"audio_refused_at": NOW}, {"erase_audio_before": NOW}]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(choose, choices))
    forget()
    chosen = preferences.of(LEARNER)
    assert (chosen.retention_days, chosen.audio_refused_at, chosen.erase_audio_before) == (30, NOW, NOW)


def test_a_recording_that_is_refused_does_not_remove_an_earlier_one():
    assert say().recordings
    preferences.choose(LEARNER, audio_refused_at=timezone.now() + timedelta(seconds=1))
    assert say().recordings
