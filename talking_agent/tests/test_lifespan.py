"""The background tasks do their work piece by piece, and go on where they stopped."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.utils import timezone

from conversations import store
from core import cloud
from migration import pruning
from talking_agent import lifespan
from tests.clouds import DATABASES, Half

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)

LEARNER = uuid.uuid4()


def talk(wire_id: str) -> None:
    store.save(LEARNER, wire_id, columns={"timestamp": datetime(2020, 1, 1, tzinfo=UTC)}, messages=None)


def left() -> int:
    return len(store.history(LEARNER))


def test_what_is_kept_no_longer_is_erased_in_pieces(settings: Any, monkeypatch: pytest.MonkeyPatch):
    settings.RETENTION_DAYS = 30
    monkeypatch.setattr(pruning, "DELETED_AT_ONCE", 1)
    for wire_id in ("one", "two", "three"):
        talk(wire_id)
    monkeypatch.setattr(lifespan, "ERASE_PATIENCE", -1.0)
    assert lifespan._expire(by_rules=True) is False
    assert left() == 2
    monkeypatch.undo()
    assert lifespan._expire(by_rules=True) is True
    assert left() == 0


def test_during_an_outage_the_work_is_put_off(settings: Any, database: Half):
    settings.RETENTION_DAYS = 30
    talk("one")
    with database.outage(), pytest.raises((pruning.Down, cloud.Unavailable)):
        lifespan._expire(by_rules=True)
    assert left() == 1


def test_expired_sessions_are_deleted():
    for days in (-1, 1):
        Session.objects.create(session_key=f"{days} days", expire_date=timezone.now() + timedelta(days=days))
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(lifespan._delete_old(), 2))
    assert Session.objects.get().session_key == "1 days"


@pytest.mark.parametrize(("work", "step"), [("_erase_expired", "_expire"), ("_erase_deleted", "_erase")])
def test_a_database_that_is_down_is_one_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, work: str, step: str
):
    def fail(**_: object) -> None:
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(lifespan, step, fail)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(getattr(lifespan, work)(), 1))
    (record,) = caplog.records
    assert record.exc_info is None
    assert "is not erased yet: connection refused. It is tried again in 60 s." in record.getMessage()
