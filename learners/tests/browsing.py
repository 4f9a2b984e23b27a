"""Act as a browser that signs up and in."""

from typing import Any

from django.test import Client

from learners import cookie

ANNA, PASSWORD = "anna@example.org", "a long enough passphrase"


class Browser(Client):
    """Act as a browser that keeps its cookies. Its answers are untyped, because only redirects have a `url`."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return super().get(*args, **kwargs)

    def post(self, *args: Any, **kwargs: Any) -> Any:
        return super().post(*args, **kwargs)

    @property
    def claim(self) -> cookie.CookieClaim:
        found = cookie.claim(self.cookies[cookie.NAME].value)
        assert found
        return found

    def sign_up(self, email: str = ANNA) -> Any:
        return self.post("/account/signup/", {"email": email, "password1": PASSWORD, "password2": PASSWORD})

    def sign_in(self, login: str = ANNA, password: str = PASSWORD, **more: str) -> Any:
        return self.post("/account/login/", {"login": login, "password": password, **more})

    def save(self, conversation: str) -> None:
        message = {"id": "m1", "role": "user", "content": f"Hello from {conversation}"}
        body = {"id": conversation, "messages": [message]}
        assert self.post("/api/conversations", body, content_type="application/json").status_code == 201

    @property
    def is_refused(self) -> bool:
        """Return whether calls are refused because the device was signed out. No cookie is set, so it stays refused."""
        answer = self.get("/api/conversations")
        return answer.status_code == 401 and "signed out" in answer.json()["error"] and not answer.cookies

    def conversations(self) -> list[str]:
        return [each["id"] for each in self.get("/api/conversations").json()["conversations"]]


def browser() -> Browser:
    """Return a browser that has opened the first page. Its learner is known."""
    client = Browser()
    client.get("/")
    return client
