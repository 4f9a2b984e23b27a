"""The talk of a program ends when its API token is revoked or expires. What was said is kept."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from conversations import store
from core.threads import in_thread
from learners import tokens
from learners.models import ApiToken, Device
from talk import consumers
from talk.tests.test_consumers import Connection, signed_in_device
from tests.scripted import ScriptedEngine, answer

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "engines", lambda: [ScriptedEngine("voice", [answer("He has a dog.", "Nice!")])])
    monkeypatch.setattr(consumers, "RECHECK_S", 0.05)


async def talk_with(secret: str) -> Connection:
    """Return a connection whose token names the learner, with one turn. Its cookie names another learner."""
    connection = Connection(uuid.uuid4(), more_headers={"Authorization": f"Bearer {secret}"})
    await connection.open()
    await connection.turn()
    return connection


async def require_end(connection: Connection, learner: uuid.UUID) -> None:
    error = (await connection.wait_for("error"))["error"]
    assert (error["code"], error["message"]) == ("signed_out", tokens.INVALID)
    assert await connection.closed() == 4401
    await connection.leave()
    kept = await in_thread(store.get, learner, "talk")
    assert kept
    assert len(kept.messages) == 2


async def test_the_talk_of_a_revoked_token_ends() -> None:
    learner = uuid.uuid4()
    token, secret = await in_thread(tokens.create, learner, "a program")
    connection = await talk_with(secret)
    await in_thread(tokens.revoke, learner, token.pk)
    await require_end(connection, learner)


async def test_the_talk_of_a_token_that_expires_ends() -> None:
    learner = uuid.uuid4()
    _, secret = await in_thread(tokens.create, learner, "a program", timezone.now() + timedelta(seconds=4))
    connection = await talk_with(secret)
    await require_end(connection, learner)


async def test_the_talk_of_a_device_that_another_server_signs_out_ends() -> None:
    learner = uuid.uuid4()
    device = await in_thread(signed_in_device, learner)
    connection = Connection(learner, device.pk)
    await connection.open()
    await connection.turn()
    await in_thread(Device.objects.filter(pk=device.pk).delete)
    assert (await connection.wait_for("error"))["error"]["code"] == "signed_out"
    assert await connection.closed() == 4401
    await connection.leave()


async def test_the_talk_of_a_token_that_another_server_revokes_ends() -> None:
    learner = uuid.uuid4()
    token, secret = await in_thread(tokens.create, learner, "a program")
    connection = await talk_with(secret)
    await in_thread(ApiToken.objects.filter(pk=token.pk).delete)
    await require_end(connection, learner)
