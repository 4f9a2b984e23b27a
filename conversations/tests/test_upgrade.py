"""The first start carries over the changes that version 0.1 kept in DATA_DIR during an outage."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend
from django.utils import timezone

from conversations import store
from conversations.drafts import Draft
from conversations.models import Conversation, LastClear, PendingChange
from migration import drain
from tests.clouds import ALIAS, DATABASES

pytestmark = [pytest.mark.django_db(databases=DATABASES, transaction=True), pytest.mark.usefixtures("database")]
# Made by version 0.1. Learner 1 said "b" in conv-1 and renamed it, replaced conv-2, and deleted conv-3. Learner 2 cleared
# all, and began conv-5.
KEPT = Path(__file__).parent / "data" / "local-0.1.sql"
ONE, TWO = uuid.UUID(int=1), uuid.UUID(int=2)
BEFORE = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Save conversations in the cloud, long ago. Then start with the local database of version 0.1."""
    monkeypatch.setattr(timezone, "now", lambda: BEFORE)
    for learner, wire_id, message in (
        (ONE, "conv-1", "a"),
        (ONE, "conv-2", "x"),
        (ONE, "conv-3", "y"),
        (TWO, "conv-4", "z"),
    ):
        columns = {"title": "Known", "topic": "Travel"}
        store.save(learner, wire_id, columns=columns, messages=[Draft(message, "user", message, BEFORE)])
    monkeypatch.undo()
    path = tmp_path / "shelter.sqlite3"
    with closing(sqlite3.connect(path)) as file:
        file.executescript(KEPT.read_text())
    ours = connections["local"]
    parameters = ours.settings_dict | {"NAME": path}
    connections["local"] = load_backend(parameters["ENGINE"]).DatabaseWrapper(parameters, "local")
    try:
        call_command("migrate", database="local", verbosity=0)
        yield
    finally:
        connections["local"].close()
        connections["local"] = ours


def shown(learner: uuid.UUID) -> dict[str, tuple[str, str, set[str]]]:
    return {
        each.conversation.wire_id: (
            each.conversation.title,
            each.conversation.topic,
            {row.content for row in each.messages},
        )
        for each in store.history(learner)
    }


ENDS = (
    {"conv-1": ("Renamed", "Travel", {"a", "b"}), "conv-2": ("Known", "Travel", {"c"})},
    {"conv-5": ("", "", {"d"})},
)


def test_what_was_kept_waits_in_the_outbox(kept: None) -> None:
    assert PendingChange.objects.using("local").count() == 5
    assert not Conversation.objects.using("local").exists()
    assert (shown(ONE), shown(TWO)) == ENDS


def test_what_was_kept_is_drained(kept: None) -> None:
    assert drain.drain().failed == {}
    assert not PendingChange.objects.using("local").exists()
    assert (shown(ONE), shown(TWO)) == ENDS
    deleted = Conversation.objects.using(ALIAS).exclude(deleted_at=None)
    assert set(deleted.values_list("wire_id", flat=True)) == {"conv-3", "conv-4"}
    assert LastClear.objects.using(ALIAS).get().learner == TWO
