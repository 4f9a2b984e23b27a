"""A connection ends cleanly when its talk fails unexpectedly."""

import asyncio
import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth import get_user_model

from conversations import store
from core.threads import in_thread
from engines.interface import EngineError
from learners import cookie, devices, erased, identity
from learners.models import Account, Device
from talk import capacity, consumers, fallback
from talk.protocol import Event
from tests.scripted import ScriptedEngine, ScriptedSession, answer
from tests.talking import spoken

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

LONDON = spoken("learner_london")
PATIENT = 60.0  # seconds


class Connection:
    """Act as a client of the endpoint."""

    def __init__(
        self, learner: uuid.UUID, device: uuid.UUID | None = None, more_headers: dict[str, str] | None = None
    ) -> None:
        headers = [(b"host", b"testserver"), (b"cookie", f"{cookie.NAME}={cookie.seal(learner, device)}".encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in (more_headers or {}).items()]
        scope = {"type": "websocket", "headers": headers, "subprotocols": [], "query_string": b"conversation=talk"}
        self._served = ApplicationCommunicator(consumers.TalkConsumer.as_asgi(), scope)

    async def open(self) -> None:
        await self._served.send_input({"type": "websocket.connect"})
        assert (await self._served.receive_output(PATIENT))["type"] == "websocket.accept"

    async def send(self, kind: str, **fields: Any) -> None:
        await self._served.send_input({"type": "websocket.receive", "text": json.dumps({"type": kind, **fields})})

    async def append(self) -> None:
        await self.send("input_audio_buffer.append", audio=base64.b64encode(LONDON).decode())

    async def next(self) -> Event:
        sent = await self._served.receive_output(PATIENT)
        assert sent["type"] == "websocket.send", sent
        return dict(json.loads(sent["text"]))

    async def wait_for(self, kind: str) -> Event:
        while (event := await self.next())["type"] != kind:
            pass
        return event

    async def turn(self) -> None:
        """Say a turn, and wait for the complete answer."""
        await self.append()
        await self.send("input_audio_buffer.commit")
        await self.send("response.create")
        await self.wait_for("response.done")

    async def closed(self) -> int:
        while (sent := await self._served.receive_output(PATIENT))["type"] != "websocket.close":
            pass
        return sent["code"]

    async def leave(self) -> None:
        await self._served.send_input({"type": "websocket.disconnect", "code": 1006})
        await self.ended()

    async def ended(self) -> None:
        """Wait until the endpoint has returned. Raises what it raised."""
        await self._served.wait(PATIENT)


@pytest.fixture
def learner() -> uuid.UUID:
    return uuid.uuid4()


@pytest.fixture
async def connection(learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """Return a connection whose first turn was answered. Its second turn fails, which closes the connection."""
    engine = ScriptedEngine("voice", [answer("He has a dog.", "Nice!")])
    monkeypatch.setattr(consumers, "engines", lambda: [engine])
    connection = Connection(learner)
    await connection.open()
    await connection.turn()

    async def hear(session: ScriptedSession, pcm: bytes) -> None:
        raise ValueError("the key sk-secret does not like: He has a dog.")

    monkeypatch.setattr(ScriptedSession, "hear", hear)
    await connection.append()
    return connection


async def test_an_unexpected_error_closes_the_connection_with_1011(connection: Connection):
    assert await connection.closed() == 1011
    await connection.leave()


async def test_a_talk_of_an_erased_learner_ends_with_its_next_event(
    learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(consumers, "engines", lambda: [ScriptedEngine("voice", [answer("I have a dog.", "Nice!")])])
    connection = Connection(learner)
    await connection.open()
    await connection.turn()
    erased.add([learner])
    await connection.append()
    assert await connection.closed() == 4004
    await connection.leave()


async def test_turns_before_an_unexpected_error_are_saved(connection: Connection, learner: uuid.UUID):
    await connection.closed()
    await connection.leave()
    kept = await in_thread(store.get, learner, "talk")
    assert kept
    assert [(row.role, row.content) for row in kept.messages] == [("user", "He has a dog."), ("assistant", "Nice!")]


async def test_an_unexpected_error_is_logged_without_its_message(
    connection: Connection, caplog: pytest.LogCaptureFixture
):
    await connection.closed()
    await connection.leave()
    (logged,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert logged.startswith("A talk failed: ValueError < test_consumers.py:")
    assert "dog" not in caplog.text
    assert "sk-secret" not in caplog.text


async def test_events_after_an_unexpected_error_are_ignored(connection: Connection, caplog: pytest.LogCaptureFixture):
    await connection.append()
    await connection.append()
    await connection.closed()
    await connection.leave()
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


# Idle talks


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    engine = ScriptedEngine("voice", [answer("He has a dog.", "Nice!")])
    monkeypatch.setattr(consumers, "engines", lambda: [engine])
    return engine


async def test_a_client_that_never_sends_is_disconnected(
    voice: ScriptedEngine, learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(capacity, "SILENT_S", 0.2)
    connection = Connection(learner)
    await connection.open()
    assert (await connection.wait_for("error"))["error"]["code"] == "idle"
    assert await connection.closed() == 4008
    await connection.leave()
    assert capacity.HOSTED_TALK_SLOTS.used == 0


async def test_an_idle_talk_is_paused_and_can_be_continued(
    voice: ScriptedEngine, learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    connection = Connection(learner)
    await connection.open()
    await connection.send("session.update", session={"talk": {}})
    await connection.append()
    await connection.send("input_audio_buffer.commit")
    await connection.send("response.create")
    await connection.wait_for("talk.saved")
    monkeypatch.setattr(capacity, "MAKES_ROOM_S", 0.0)
    monkeypatch.setattr(settings, "PROVIDER_TALKS", 1)
    newcomer = Connection(uuid.uuid4())
    await newcomer.open()
    await newcomer.wait_for("session.created")
    assert await connection.closed() == 4008
    await connection.leave()
    await newcomer.leave()
    again = Connection(learner)
    await again.open()
    assert (await again.wait_for("session.created"))["session"]["talk"]["turns"] == 1
    await again.leave()
    assert capacity.HOSTED_TALK_SLOTS.used == 0


async def test_an_active_talk_is_not_paused_for_a_newcomer(
    voice: ScriptedEngine, learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(settings, "PROVIDER_TALKS", 1)
    connection = Connection(learner)
    await connection.open()
    await connection.wait_for("session.created")
    newcomer = Connection(uuid.uuid4())
    await newcomer.open()
    error = (await newcomer.wait_for("error"))["error"]
    assert (error["code"], error["retry_after"]) == ("full", capacity.RETRY_AFTER)
    assert await newcomer.closed() == 4029
    await newcomer.leave()
    await connection.leave()
    assert capacity.HOSTED_TALK_SLOTS.used == 0


async def test_a_talk_that_fails_to_begin_releases_its_slot(
    voice: ScriptedEngine, learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    async def open_talk(**asked: Any) -> None:
        raise OSError("no disk")

    monkeypatch.setattr(consumers, "open_talk", open_talk)
    connection = Connection(learner)
    await connection.open()
    with pytest.raises(OSError, match="no disk"):
        await connection.ended()
    assert capacity.HOSTED_TALK_SLOTS.used == 0


# Talks that change their engine or their connection


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let talks begin with a hosted engine that fails in the first turn, so that the embedded one continues."""
    monkeypatch.setattr(settings, "LOCAL_TALKS", 1)

    def engines() -> list[ScriptedEngine]:
        hosted = ScriptedEngine(
            "hosted", [[EngineError("It failed.", retryable=True, detail="")], answer("A", "Back.")]
        )
        return [hosted, ScriptedEngine("local", [answer("He has a dog.", "Nice!")] * 3)]

    monkeypatch.setattr(consumers, "engines", engines)
    fallback.rested()
    yield
    fallback.rested()


async def fallen_back() -> Connection:
    """Begin a talk with the hosted engine. The embedded one has continued it."""
    fallback.rested()
    connection = Connection(uuid.uuid4())
    await connection.open()
    assert (await connection.wait_for("session.created"))["session"]["model"] == "hosted"
    await connection.turn()
    return connection


async def test_a_talk_that_changes_to_the_embedded_engine_is_counted_there(failing: None):
    connection = await fallen_back()
    assert (capacity.HOSTED_TALK_SLOTS.used, capacity.LOCAL_TALK_SLOTS.used) == (0, 1)
    newcomer = Connection(uuid.uuid4())
    await newcomer.open()
    assert (await newcomer.wait_for("error"))["error"]["code"] == "full"
    await newcomer.leave()
    await connection.turn()
    await connection.leave()
    assert (capacity.HOSTED_TALK_SLOTS.used, capacity.LOCAL_TALK_SLOTS.used) == (0, 0)


async def test_a_talk_that_changes_to_a_full_engine_goes_on_and_later_ones_are_refused(failing: None):
    first, second = await fallen_back(), await fallen_back()
    assert capacity.LOCAL_TALK_SLOTS.used == 2
    await second.turn()
    await first.leave()
    newcomer = Connection(uuid.uuid4())
    await newcomer.open()
    assert (await newcomer.wait_for("error"))["error"]["code"] == "full"
    await newcomer.leave()
    await second.leave()
    assert capacity.LOCAL_TALK_SLOTS.used == 0


async def test_as_many_idle_talks_are_paused_as_a_newcomer_needs(failing: None, monkeypatch: pytest.MonkeyPatch):
    first, second = await fallen_back(), await fallen_back()
    monkeypatch.setattr(capacity, "MAKES_ROOM_S", 0.0)
    newcomer = Connection(uuid.uuid4())
    await newcomer.open()
    await newcomer.wait_for("session.created")
    assert (await first.closed(), await second.closed()) == (4008, 4008)
    assert capacity.LOCAL_TALK_SLOTS.used == 1
    for connection in (first, second, newcomer):
        await connection.leave()


async def test_a_talk_that_returns_to_its_engine_is_counted_there_again(failing: None):
    connection = await fallen_back()
    fallback.rested()
    await connection.turn()
    assert (capacity.HOSTED_TALK_SLOTS.used, capacity.LOCAL_TALK_SLOTS.used) == (1, 0)
    await connection.leave()


async def test_a_conversation_that_is_taken_over_is_counted_by_the_new_talks_engine(failing: None):
    learner = uuid.uuid4()
    first, second = Connection(learner), Connection(learner)
    await first.open()
    await first.turn()
    fallback.rested()
    await second.open()
    await second.wait_for("session.created")
    assert await first.closed() == 4001
    assert (capacity.HOSTED_TALK_SLOTS.used, capacity.LOCAL_TALK_SLOTS.used) == (1, 0)
    for connection in (first, second):
        await connection.leave()
    assert (capacity.HOSTED_TALK_SLOTS.used, capacity.LOCAL_TALK_SLOTS.used) == (0, 0)


async def test_simultaneous_connections_to_one_conversation_hold_one_slot(voice: ScriptedEngine, learner: uuid.UUID):
    voice.opens = asyncio.Event()
    connections = [Connection(learner) for _ in range(3)]
    for number, connection in enumerate(connections):
        await connection.open()
        while len(voice.sessions) <= number:
            await asyncio.sleep(0.01)
    voice.opens.set()
    await connections[-1].wait_for("session.created")
    assert [await each.closed() for each in connections[:-1]] == [4001, 4001]
    assert capacity.HOSTED_TALK_SLOTS.used == 1
    for connection in connections:
        await connection.leave()
    assert capacity.HOSTED_TALK_SLOTS.used == 0


async def test_a_client_that_sends_too_fast_is_slowed_down(monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(capacity.asyncio, "sleep", sleep)
    pace = capacity.RateLimiter()
    await pace.spend(capacity.BURST // 2)
    assert not slept
    await pace.spend(capacity.BURST)
    assert slept[0] == pytest.approx(capacity.BURST / 2 / capacity.PACE, rel=0.1)


# Accounts


def signed_in_device(learner: uuid.UUID) -> Device:
    user = get_user_model().objects.create_user("anna")
    return Device.objects.create(account=Account.objects.create(user=user, learner=learner))


@pytest.fixture
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "engines", lambda: [ScriptedEngine("voice", [answer("He has a dog.", "Nice!")])])


async def refusal(connection: Connection) -> str:
    await connection.open()
    error = (await connection.wait_for("error"))["error"]["code"]
    assert await connection.closed() == 4401
    return str(error)


@pytest.mark.usefixtures("_scripted")
async def test_the_talk_of_a_device_that_is_signed_out_ends(learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(consumers, "RECHECK_S", 0.05)
    device = await in_thread(signed_in_device, learner)
    connection = Connection(learner, device.pk)
    await connection.open()
    await connection.turn()
    await in_thread(devices.sign_out, Device.objects.filter(pk=device.pk))
    assert (await connection.wait_for("error"))["error"]["code"] == "signed_out"
    assert await connection.closed() == 4401
    await connection.leave()
    # What was said is kept, and the device cannot begin another talk.
    kept = await in_thread(store.get, learner, "talk")
    assert kept
    assert len(kept.messages) == 2
    assert await refusal(Connection(learner, device.pk)) == "no_learner"


async def test_a_learner_of_an_account_cannot_talk_without_a_device(learner: uuid.UUID):
    await in_thread(signed_in_device, learner)
    assert await refusal(Connection(learner)) == "no_learner"


@pytest.mark.usefixtures("_scripted")
async def test_a_site_that_requires_accounts_has_no_talk_without_one(learner: uuid.UUID, settings: Any):
    settings.SIGNUP = "required"
    assert await refusal(Connection(learner)) == "no_account"
    device = await in_thread(signed_in_device, learner)
    connection = Connection(learner, device.pk)
    # The answer about this cookie is that of a moment ago.
    await in_thread(identity.forget, [cookie.CookieClaim(learner, device.pk)])
    await connection.open()
    await connection.turn()
    await connection.leave()


# Limits


async def test_an_address_has_a_number_of_talks(voice: ScriptedEngine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "TALKS_PER_LEARNER", 1)
    monkeypatch.setattr(settings, "LEARNERS_PER_ADDRESS", 2)
    talks = [Connection(uuid.uuid4()) for _ in range(3)]
    for talk in talks[:2]:
        await talk.open()
        await talk.wait_for("session.created")
    await talks[2].open()
    error = (await talks[2].wait_for("error"))["error"]
    assert (error["code"], error["message"], error["retry_after"]) == ("full", capacity.TALKS_AT_ADDRESS, 30)
    assert await talks[2].closed() == 4029
    for talk in talks:
        await talk.leave()
    assert capacity.ADDRESS_SLOTS.used == 0


async def test_a_talk_that_requests_answers_too_fast_goes_on_later(learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch):
    engine = ScriptedEngine("voice", [answer("He has a dog.", "Nice!"), answer("It is big.", "Good.")])
    monkeypatch.setattr(consumers, "engines", lambda: [engine])
    # A turn is committed, and then an answer is requested.
    monkeypatch.setattr(settings, "CALLS_PER_MINUTE", 2)
    connection = Connection(learner)
    await connection.open()
    await connection.turn()
    await connection.send("response.create", event_id="event_1")
    error = (await connection.wait_for("error"))["error"]
    assert (error["code"], error["event_id"]) == ("rate_limit_exceeded", "event_1")
    assert 0 < error["retry_after"] <= 60
    monkeypatch.setattr(settings, "CALLS_PER_MINUTE", 9)
    await connection.turn()
    await connection.leave()


async def test_a_learner_who_has_spoken_enough_hears_it_after_the_answer(
    voice: ScriptedEngine, learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch
):
    connection = Connection(learner)
    await connection.open()
    await connection.wait_for("session.created")
    monkeypatch.setattr(settings, "SPEECH_MINUTES_PER_DAY", 0)
    await connection.send("session.update", session={"talk": {}})
    await connection.turn()
    goodbye = (await connection.wait_for("response.done"))["response"]["output"][0]["content"][0]["transcript"]
    assert goodbye.startswith("You have spoken for 0 minutes today. That is all for one day: well done!")
    error = (await connection.wait_for("error"))["error"]
    assert (error["code"], error["message"]) == ("spoken_enough", goodbye)
    assert 0 < error["retry_after"] <= 24 * 3600 + 1
    assert await connection.closed() == 4029
    await connection.leave()
    kept = await in_thread(store.get, learner, "talk")
    assert kept
    assert [row.content for row in kept.messages] == ["He has a dog.", "Nice!", goodbye]
    again = Connection(learner)
    await again.open()
    assert (await again.wait_for("error"))["error"]["code"] == "spoken_enough"
    assert await again.closed() == 4029
    await again.leave()
