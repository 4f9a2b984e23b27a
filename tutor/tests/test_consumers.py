"""What a connection does when the talk behind it fails in a way that nobody foresaw."""

import base64
import json
import uuid
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from conversations import store
from conversations.threads import in_thread
from learners import cookie
from tests.talking import spoken
from tutor import consumers
from tutor.protocol import Event
from tutor.tests.scripted import ScriptedEngine, ScriptedSession, answer

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "local"])

LONDON = spoken("learner_london")
PATIENT = 60.0  # seconds


class Connection:
    """A client of the endpoint, as its server sees it."""

    def __init__(self, learner: uuid.UUID) -> None:
        headers = [(b"host", b"testserver"), (b"cookie", f"{cookie.NAME}={cookie.seal(learner)}".encode())]
        scope = {"type": "websocket", "headers": headers, "subprotocols": [], "query_string": b"conversation=talk"}
        self._served = ApplicationCommunicator(consumers.TalkConsumer.as_asgi(), scope)

    async def open(self) -> None:
        await self._served.send_input({"type": "websocket.connect"})
        assert (await self._served.receive_output(PATIENT))["type"] == "websocket.accept"

    async def send(self, kind: str, **fields: Any) -> None:
        await self._served.send_input({"type": "websocket.receive", "text": json.dumps({"type": kind, **fields})})

    async def append(self) -> None:
        await self.send("input_audio_buffer.append", audio=base64.b64encode(LONDON).decode())

    async def wait_for(self, kind: str) -> Event:
        while True:
            sent = await self._served.receive_output(PATIENT)
            assert sent["type"] == "websocket.send", sent
            if (event := json.loads(sent["text"]))["type"] == kind:
                return event

    async def closed(self) -> int:
        while (sent := await self._served.receive_output(PATIENT))["type"] != "websocket.close":
            pass
        return sent["code"]

    async def leave(self) -> None:
        await self._served.send_input({"type": "websocket.disconnect", "code": 1006})
        await self._served.wait(PATIENT)


@pytest.fixture
def learner() -> uuid.UUID:
    return uuid.uuid4()


@pytest.fixture
async def connection(learner: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """One on which a turn was said and answered, and which has closed since, for the next one failed."""
    engine = ScriptedEngine("voice", [answer("He has a dog.", "Nice!")])
    monkeypatch.setattr(consumers, "engines", lambda: [engine])
    connection = Connection(learner)
    await connection.open()
    await connection.append()
    await connection.send("input_audio_buffer.commit")
    await connection.send("response.create")
    await connection.wait_for("response.done")

    async def hear(session: ScriptedSession, pcm: bytes) -> None:
        raise ValueError("the key sk-secret does not like: He has a dog.")

    monkeypatch.setattr(ScriptedSession, "hear", hear)
    await connection.append()
    return connection


async def test_a_fault_closes_the_connection_and_says_so(connection: Connection):
    assert await connection.closed() == 1011
    await connection.leave()


async def test_what_was_said_before_a_fault_is_kept(connection: Connection, learner: uuid.UUID):
    await connection.closed()
    await connection.leave()
    kept = await in_thread(store.get, learner, "talk")
    assert kept
    assert [(row.role, row.content) for row in kept.messages] == [("user", "He has a dog."), ("assistant", "Nice!")]


async def test_a_fault_is_logged_without_what_it_quotes(connection: Connection, caplog: pytest.LogCaptureFixture):
    await connection.closed()
    await connection.leave()
    (logged,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert logged.startswith("A talk failed: ValueError < test_consumers.py:")
    assert "dog" not in caplog.text
    assert "sk-secret" not in caplog.text


async def test_after_a_fault_nothing_more_is_followed(connection: Connection, caplog: pytest.LogCaptureFixture):
    await connection.append()
    await connection.append()
    await connection.closed()
    await connection.leave()
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
