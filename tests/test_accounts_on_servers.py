"""Accounts in PostgreSQL, conversations in MongoDB, recordings in a bucket: sign up, merge, sign out, and an outage."""

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import AgentServer, MongoServer, PostgresServer, S3Server
from tests.talking import SPEECH

pytestmark = pytest.mark.soak
ANNA, PASSWORD = "anna@example.org", "a long enough passphrase"
WAV = "data:audio/wav;base64," + base64.b64encode((SPEECH / "learner_london.wav").read_bytes()).decode()


class Visitor(httpx.Client):
    """Act as a browser: keep cookies, and send the token of each form."""

    def fill(self, path: str, **fields: str) -> httpx.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text)
        assert token
        return self.post(path, data={"csrfmiddlewaretoken": token[1], **fields})

    def save(self, wire_id: str) -> None:
        message = {"id": "m1", "role": "user", "content": wire_id, "audioData": WAV}
        assert self.post("/api/conversations", json={"id": wire_id, "messages": [message]}).status_code == 201

    def heard(self) -> dict[str, bool]:
        """Return the ids of the conversations, and whether their first recording can be heard."""
        found = {}
        for each in self.get("/api/conversations").json()["conversations"]:
            url = self.get("/api/audio", params={"key": each["messages"][0]["audioS3Key"]}).json()["url"]
            found[each["id"]] = httpx.get(url).status_code == 200
        return found


@pytest.fixture
def agent(own_postgres: PostgresServer, mongo: MongoServer, s3: S3Server, tmp_path: Path) -> Iterator[AgentServer]:
    cloud = {"USE_CLOUD_STORAGE": "true", "DATABASE_TYPE": "mongodb"}
    server = AgentServer(tmp_path / "data", own_postgres.env, mongo.env, s3.env, cloud)
    server.set_up()
    server.start()
    yield server
    server.kill()


def until(what: Any) -> None:
    for _ in range(300):
        if what():
            return
        time.sleep(0.1)
    raise AssertionError("It has not become true.")


def test_accounts_and_conversations_in_different_databases(agent: AgentServer, own_postgres: PostgresServer) -> None:
    def visitor() -> Visitor:
        return Visitor(base_url=agent.url, follow_redirects=True, timeout=60)

    with visitor() as laptop, visitor() as phone, visitor() as tablet:
        laptop.get("/")
        laptop.save("laptop")
        laptop.fill("/account/signup/", email=ANNA, password1=PASSWORD, password2=PASSWORD)
        assert ANNA in laptop.get("/").text
        phone.get("/")
        phone.save("phone")
        asked = phone.fill("/account/login/", login=ANNA, password=PASSWORD)
        assert "1 conversation was" in asked.text
        phone.fill("/account/merge/", choice="bring")
        until(lambda: phone.get("/account/merge/progress").json()["finished"])
        assert laptop.heard() == phone.heard() == {"laptop": True, "phone": True}
        # An outage of the accounts: those who are signed in go on, nobody signs in.
        own_postgres.kill()
        time.sleep(6)
        assert set(laptop.heard()) == {"laptop", "phone"}
        assert tablet.get("/").status_code == 200
        assert tablet.get("/account/login/").status_code in (200, 503)
        assert laptop.get("/account/").status_code == 503
        own_postgres.start()
        until(lambda: laptop.get("/account/").status_code == 200)
        token = laptop.cookies["csrftoken"]
        laptop.post("/account/sign-out-everywhere/", data={}, headers={"X-CSRFToken": token})
        assert phone.get("/api/conversations").status_code == 401
        assert laptop.heard() == {}
