"""The measurements of a message are stored, shown and erased with it, and clients cannot set them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audio.encoding import Clip
from conversations import representations, store
from conversations.drafts import Draft
from conversations.models import Message
from conversations.representations import MessageShape
from conversations.tests.shapes import conversation, said
from tests.clients import LearnerClient

pytestmark = pytest.mark.django_db(databases=["default", "local"])

ANNA = uuid.UUID("aaaaaaaa-1111-4111-8111-111111111111")
AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
MEASURED = {"engine": "local", "heard_ms": 300, "first_audio_ms": 450, "usage": [], "cost": 0}


def keep(**fields: Any) -> store.StoredConversation:
    draft = Draft("ai-1", "assistant", "And you?", AT, **fields)
    return store.save(ANNA, "conv-1", columns={"timestamp": AT}, messages=[draft], replace=False)


def shown() -> MessageShape:
    stored = store.get(ANNA, "conv-1")
    assert stored
    return representations.conversation(stored)["messages"][0]


def test_measurements_are_stored_and_shown():
    keep(measured=MEASURED)
    assert shown()["measured"] == MEASURED


def test_a_message_without_measurements_shows_none():
    keep()
    assert "measured" not in shown()


def test_a_later_save_without_measurements_keeps_them():
    keep(measured=MEASURED)
    keep(interrupted=True)
    assert shown()["measured"] == MEASURED


def test_adding_a_recording_keeps_the_measurements():
    keep(measured=MEASURED)
    sound = Clip(b"sound", "audio/webm", 1.0)
    draft = Draft("ai-1", "assistant", "And you?", AT, audio=sound, measured={"engine": "another"})
    store.add(ANNA, "conv-1", columns={}, messages=[draft])
    assert shown()["audioS3Key"]
    assert shown()["measured"] == MEASURED


def test_measurements_are_erased_with_the_message():
    keep(measured=MEASURED)
    store.delete(ANNA, "conv-1")
    Message.objects.using("local").update(deleted_at=AT - timedelta(days=1))
    store.erase_deleted()
    assert Message.objects.using("local").get().measured == {}


def test_a_client_cannot_set_measurements(owner: LearnerClient):
    body = conversation(messages=[said("And you?", by="assistant", measured=MEASURED)])
    answer = owner.post("/api/conversations", body, content_type="application/json")
    assert "measured" not in answer.json()["conversation"]["messages"][0]


def test_a_client_that_sends_measurements_back_keeps_them(owner: LearnerClient):
    body = conversation(messages=[said("And you?", by="assistant")])
    owner.post("/api/conversations", body, content_type="application/json")
    Message.objects.using("local").update(measured=MEASURED)
    again = owner.get(f"/api/conversations/{body['id']}").json()["conversation"]
    answer = owner.post("/api/conversations", again, content_type="application/json")
    assert answer.json()["conversation"]["messages"][0]["measured"] == MEASURED
