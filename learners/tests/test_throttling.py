"""Counts of visitors hold at once in this process, and are shared through the cache."""

import json
import uuid
from typing import Any

import pytest
from django.core.cache import cache

from core.asgi_types import Message
from learners import cookie, throttling
from learners.throttling import Exceeded, Limit
from talking_agent.limits import Limits

OWN = Limit("calls", "learner:1", 3, 60)
SHARED = Limit("calls", "address:1", 5, 60)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Stop the clock ten seconds before the end of a minute."""
    now = [1_700_000_030.0 // 60 * 60 + 50]
    monkeypatch.setattr("learners.throttling.time.time", lambda: now[0])
    return now


def restart() -> None:
    throttling.share()
    throttling.forget()


class TestSpending:
    def test_the_first_limit_that_would_be_passed_refuses_and_nothing_is_counted(self) -> None:
        for _ in range(3):
            throttling.spend(OWN, SHARED)
        with pytest.raises(Exceeded) as exceeded:
            throttling.spend(OWN, SHARED)
        assert (exceeded.value.limit, exceeded.value.wait_s) == (OWN, 10)
        throttling.spend(SHARED, amount=2)
        with pytest.raises(Exceeded):
            throttling.spend(SHARED)

    def test_a_new_minute_begins_at_zero(self, now: list[float]) -> None:
        throttling.spend(OWN, amount=3)
        now[0] += 10
        throttling.spend(OWN, amount=3)

    def test_what_is_given_back_can_be_spent_again(self) -> None:
        throttling.spend(OWN, amount=3).give_back()
        throttling.spend(OWN, amount=3)


class TestSharing:
    def test_a_restart_forgets_nothing(self) -> None:
        throttling.spend(OWN, amount=2)
        restart()
        # The count is known when it has been shared once.
        throttling.spend(OWN)
        throttling.share()
        with pytest.raises(Exceeded):
            throttling.spend(OWN)

    def test_what_is_given_back_later_is_subtracted_in_the_cache_too(self) -> None:
        spent = throttling.spend(OWN, amount=2)
        throttling.share()
        spent.give_back()
        restart()
        throttling.spend(OWN, amount=1)
        throttling.share()
        throttling.spend(OWN, amount=2)

    def test_an_emptied_cache_does_not_reset_the_count(self) -> None:
        throttling.spend(OWN, amount=2)
        throttling.share()
        cache.clear()
        throttling.spend(OWN)
        throttling.share()
        with pytest.raises(Exceeded):
            throttling.spend(OWN)

    def test_memory_is_bounded(self, monkeypatch: pytest.MonkeyPatch, now: list[float]) -> None:
        monkeypatch.setattr(throttling, "MOST_COUNTERS", 30)
        for number in range(300):
            throttling.spend(Limit("calls", f"learner:{number}", 3, 60))
        assert len(throttling._counters) <= 30
        for number in range(300):
            with pytest.raises(Exceeded):
                throttling.spend(Limit("calls", f"learner:{number}", 3, 60), Limit("calls", "address:1", 0, 60))
        assert len(throttling._counters) <= 30
        now[0] += 60
        throttling.share()
        assert not throttling._counters


class TestRequestsInAMinute:
    @pytest.fixture(autouse=True)
    def _few(self, settings: Any) -> None:
        settings.REQUESTS_PER_MINUTE, settings.LEARNERS_PER_ADDRESS = 4, 2

    @staticmethod
    async def request(learner: uuid.UUID | None, address: str = "192.0.2.1") -> tuple[int, dict[bytes, bytes], str]:
        sent: list[Message] = []

        async def application(scope: Message, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"cookie", f"{cookie.NAME}={cookie.seal(learner)}".encode())] if learner else []
        scope = {"type": "http", "path": "/", "method": "GET", "headers": headers, "client": (address, 1)}
        await Limits(application)(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), b"".join(each["body"] for each in sent[1:]).decode()

    async def test_a_learner_is_stopped_with_a_sentence(self) -> None:
        learner = uuid.uuid4()
        assert [(await self.request(learner))[0] for _ in range(4)] == [204] * 4
        status, headers, body = await self.request(learner)
        assert (status, headers[b"retry-after"]) == (429, b"10")
        assert json.loads(body) == {
            "error": "You have sent more than 4 requests in a minute. Wait 10 seconds, then go on."
        }
        assert (await self.request(uuid.uuid4()))[0] == 204

    async def test_without_a_cookie_an_address_is_one_visitor_with_half_the_limit(self) -> None:
        assert [(await self.request(None))[0] for _ in range(3)] == [204, 204, 429]
        assert (await self.request(None, "192.0.2.2"))[0] == 204

    async def test_an_address_that_makes_up_learners_is_stopped(self) -> None:
        assert [(await self.request(uuid.uuid4()))[0] for _ in range(9)] == [204] * 8 + [429]
