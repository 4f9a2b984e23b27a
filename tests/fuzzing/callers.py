"""Act as the kinds of visitors that make fuzzed requests: a learner, an account, a program with a token, and staff."""

import base64
import re
import uuid
from dataclasses import dataclass, field

import httpx

from audio.tests.sounds import file_of, tone
from tests.servers import AgentServer

KINDS = ("learner", "account", "token", "staff")
PASSWORD = "a long enough passphrase"
# Settings of the server that `Caller` needs.
ENV = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
TALK, SAID = "conv-1714521600000-fuzzing", "user-1714521600000"
SOUND = "data:audio/webm;base64," + base64.b64encode(file_of(tone(0.5), "webm", "libopus")).decode()
MESSAGE = {"id": SAID, "role": "user", "content": "I live in Hanoi.", "timestamp": 1714521600000, "audioData": SOUND}


class Visitor(httpx.Client):
    """Act as a browser: keep cookies, and send the token of each form."""

    def fill(self, path: str, **fields: str) -> httpx.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text)
        assert token
        return self.post(path, data={"csrfmiddlewaretoken": token[1], **fields})


@dataclass
class Caller:
    """Hold what identifies one visitor, and the ids of what exists for it, by the names of the addresses' variables."""

    server: AgentServer
    kind: str
    headers: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        """Become a new learner with a talk, a recording and a token."""
        name = f"{self.kind}-{uuid.uuid4().hex}"
        if self.kind == "staff":
            user = ("--username", name, "--email", f"{name}@example.org")
            self.server.manage("createsuperuser", "--noinput", *user)
        with Visitor(base_url=self.server.url, follow_redirects=True, timeout=60) as browser:
            browser.get("/api/conversations")
            if self.kind == "staff":
                browser.fill("/account/login/", login=name, password=PASSWORD)
                assert "sessionid" in browser.cookies
            if self.kind == "account":
                email = f"{name}@example.org"
                browser.fill("/account/signup/", email=email, password1=PASSWORD, password2=PASSWORD)
                assert email in browser.get("/").text
            made = browser.post("/api/me/tokens", json={"name": "fuzzing"}).json()
            self.known = {"token": made["token"]["id"]}
            self.headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        if self.kind == "token":
            self.headers = {"Authorization": f"Bearer {made['secret']}"}
        self.restore()

    def restore(self) -> None:
        """Save the talk again. The caller begins anew if a fuzzed request has signed it out or erased it."""
        with httpx.Client(base_url=self.server.url, headers=self.headers, timeout=60) as client:
            # A fuzzed request may have refused recordings.
            client.patch("/api/privacy", json={"keepsAudio": True, "retentionDays": None})
            saved = client.post("/api/conversations", json={"id": TALK, "messages": [MESSAGE]})
            if saved.status_code == 401:
                self.begin()
                return
            assert saved.status_code in (200, 201), saved.text
            messages = {each["id"]: each for each in saved.json()["conversation"]["messages"]}
            self.known |= {"id": TALK, "message_id": SAID, "key": messages[SAID].get("audioS3Key", "nothing")}
